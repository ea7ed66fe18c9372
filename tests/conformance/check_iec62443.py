#!/usr/bin/env python3
"""Every test that docs/iec62443.md names exists: `file`: “name of the test”."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = "docs/iec62443.md"
NAMED = re.compile(r"`(\w+_test)`: “([^”]+)”")


def tests_by_file():
    """{file name without its ending: names of its tests}, of C++ and Python."""
    found = {}
    for path in (ROOT / "tests").rglob("*_test.*"):
        names = found.setdefault(path.stem, set())
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".cpp":
            for literals in re.findall(r'TEST_CASE\(\s*((?:"(?:\\.|[^"\\])*"\s*)+)', text):
                names.add("".join(re.findall(r'"((?:\\.|[^"\\])*)"', literals)))
        elif path.suffix == ".py":
            names |= {name.replace("_", " ") for name in re.findall(r"^def test_(\w+)", text, re.M)}
    return found


def main():
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    tests, named = tests_by_file(), NAMED.findall(page)
    findings = [f"{PAGE}: there is no test “{name}” in {file}"
                for file, name in named if name not in tests.get(file, ())]
    quoted = len(re.findall("“", page))
    if quoted != len(named):
        findings.append(f"{PAGE}: {quoted - len(named)} names in quotes are no `file`: “name”")
    if "certified" in page:
        findings.append(f"{PAGE}: a product is not certified by its own documents")
    for line in findings:
        print(line)
    print(f"{len(named)} tests named, {len(findings)} findings")
    return 1 if findings or not named else 0


if __name__ == "__main__":
    sys.exit(main())
