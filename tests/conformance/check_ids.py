#!/usr/bin/env python3
"""Keeps the list of MQTT statements, the tests and the code together.

    python3 tests/conformance/check_ids.py [--write]

Every id of mqtt_ids.txt is in the tag of a conformance test and in a source file of the product, or
it stands in the table "Does not apply" of docs/conformance.md with its reason; not both. The table
"Proven by" of that page says the same as the tags; --write writes it anew.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/conformance.md"
BEGIN, END = "<!-- proven by: begin -->\n", "<!-- proven by: end -->\n"
PRODUCT_ROOMS = ("broker", "storage", "auth", "sparkplug")
ID = r"MQTT-\d+\.\d+\.\d+-\d+(?: of 3\.1\.1)?"


def read(path):
    return path.read_text(encoding="utf-8")


def tests_by_id():
    """{id: {file name: number of test cases}} of the tags; a tag may be cut over several lines."""
    found = {}
    for path in sorted((ROOT / "tests/conformance").glob("*_test.cpp")):
        for case in re.findall(r"TEST_CASE\((.*?)\)\s*\{", read(path), re.S):
            tags = "".join(re.findall(r'"((?:\[[^\]"]*\])+)"', case))
            for one in set(re.findall(rf"\[({ID})\]", tags)):
                files = found.setdefault(one, {})
                files[path.name] = files.get(path.name, 0) + 1
    return found


def ids_in_code():
    found = set()
    for room in PRODUCT_ROOMS:
        for path in (ROOT / room).rglob("*"):
            if path.suffix in (".h", ".cpp"):
                found |= set(re.findall(ID, read(path)))
    return found


def not_applicable(page):
    """The ids of the first column of the table behind the title, with their reasons."""
    section = page.split("## Does not apply", 1)[-1].split("\n## ", 1)[0]
    rows = re.findall(rf"^\| ({ID}(?:, {ID})*) \| (.+) \|$", section, re.M)
    return {one: reason for cell, reason in rows for one in cell.split(", ")}


def proven_table(ids, tests):
    lines = ["| id | tests |\n", "| --- | --- |\n"]
    for one in ids:
        if one in tests:
            files = ", ".join(f"`{name}`" + (f" ({n})" if n > 1 else "")
                              for name, n in sorted(tests[one].items()))
            lines.append(f"| {one} | {files} |\n")
    return "".join(lines)


def main():
    ids = read(ROOT / "tests/conformance/mqtt_ids.txt").split("\n")[:-1]
    page = read(PAGE)
    tests, code, excused = tests_by_id(), ids_in_code(), not_applicable(page)
    table = BEGIN + proven_table(ids, tests) + END
    head, rest = page.split(BEGIN, 1)
    written = head + table + rest.split(END, 1)[1]
    if "--write" in sys.argv[1:]:
        PAGE.write_text(written, encoding="utf-8")
        page = written

    findings = []
    for one in ids:
        if one in excused and one in tests:
            findings.append(f"{one}: has a test and stands under \"Does not apply\": decide")
        elif one not in excused and one not in tests:
            findings.append(f"{one}: no test carries the tag [{one}]")
        elif one not in excused and one not in code:
            findings.append(f"{one}: no source file of {', '.join(PRODUCT_ROOMS)} names it")
    for one in sorted((set(tests) | set(excused)) - set(ids)):
        findings.append(f"{one}: is not in tests/conformance/mqtt_ids.txt")
    if page != written:
        findings.append("docs/conformance.md: the table \"Proven by\" is old: "
                        "run tests/conformance/check_ids.py --write")
    for finding in findings:
        print(finding)
    print(f"{len(ids)} statements: {len(ids) - len(excused)} proven, {len(excused)} do not apply, "
          f"{len(findings)} findings")
    return 1 if findings or not ids else 0


if __name__ == "__main__":
    sys.exit(main())
