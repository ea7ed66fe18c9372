#!/usr/bin/env python3
"""Checks what a compiler does not: who includes whom, sizes, coroutines, clocks, documents.

    python3 tests/tidy.py [--root FOLDER]

The room table of docs/architecture.md is the rule: column "may include" lists rooms, column
"outside libraries" lists libraries. Prints one line per finding, `file:line: what is wrong and what
to do`, and exits 1 if there is any.
"""

import argparse
import pathlib
import re
import subprocess
import sys

COLUMNS_MAX = 100
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# First match wins. A header that matches nothing belongs to the standard library or the system.
LIBRARIES = [
    ("boost/system", "Boost.System"), ("boost/smart_ptr", "Boost.SmartPtr"),
    ("boost/intrusive_ptr", "Boost.SmartPtr"), ("boost/unordered", "Boost.Unordered"),
    ("boost/asio", "Asio"), ("boost/beast", "Beast"), ("boost/", "Boost (another part)"),
    ("rocksdb/", "RocksDB"), ("openssl/", "OpenSSL"), ("toml++", "toml++"), ("CLI/", "CLI11"),
    ("nlohmann/", "json"), ("simdjson", "simdjson"), ("spdlog/", "spdlog"), ("fmt/", "fmt"),
    ("re2/", "RE2"),
    ("google/protobuf", "Protocol Buffers"), ("benchmark/", "Google Benchmark"),
    ("catch2/", "Catch2"), ("jemalloc/", "jemalloc"), ("liburing", "liburing"),
]

# Rooms that only compute: no thread, lock, file or socket from the standard library either.
PURE_ROOMS = {"broker/mqtt", "broker/core", "broker/uns"}
IMPURE_HEADER = re.compile(
    r"^(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|fstream"
    r"|filesystem|iostream|coroutine|unistd\.h|fcntl\.h|poll\.h|pthread\.h"
    r"|(sys|netinet|arpa|linux)/.*)$")

COROUTINE_ROOMS = {"broker/net", "broker/admin", "tests", "bench"}
# A log record's stamp decides nothing, so it need not be the injected time.
CLOCK_FREE = ("broker/app/clock.cpp", "broker/base/log.cpp", "bench/", "tests/e2e/")
CHANCE_FREE = ("broker/app/", "bench/", "tests/e2e/")
CLOCK = re.compile(r"::now\s*\(|\b(clock_gettime|gettimeofday|timespec_get)\s*\("
                   r"|\btime\s*\(\s*(nullptr|NULL|0)\s*\)")
CHANCE = re.compile(r"\brandom_device\b|(?<![\w.>:])s?rand\s*\(|\bgetrandom\s*\(")

# Spelled in two parts so that this file obeys its own rule.
FORBIDDEN = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b|(?<![\w.])/wor" r"k\b|\.\./sha" r"red\b")

CODE = {".h", ".cpp"}
SOURCE = CODE | {".py", ".cmake", ".sh"}
SOURCE_NAMES = {"CMakeLists.txt", "dev", "run"}
TEXT = SOURCE | {".md", ".json", ".toml", ".txt", ".yml", ".yaml", ".Dockerfile", ".service"}


class Room:
    def __init__(self, name, may_include, libraries):
        self.name, self.may_include, self.libraries = name, may_include, libraries


def words(cell):
    cell = re.sub(r"\([^)]*\)", "", cell)
    return [word.strip(" `") for word in re.split(r"[;,]", cell) if word.strip(" `–-")]


def read_rooms(page):
    """The room table, as {room name: Room}; "all" means every room but tests and bench."""
    rows = []
    for line in page.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not line.startswith("| `") or len(cells) != 5:
            continue
        for name in re.findall(r"`([^`]+)`", cells[0]):
            rows.append((name, words(cells[2]), words(cells[3])))
    rooms = {}
    by_short_name = {name.split("/")[-1]: name for name, _, _ in rows}
    broker = [name for name, _, _ in rows if name not in ("tests", "bench")]
    for name, includes, libraries in rows:
        allowed = {name}
        for word in includes:
            if word == "all":
                allowed |= set(broker)
            elif word in by_short_name:
                allowed.add(by_short_name[word])
            else:
                sys.exit(f"docs/architecture.md: room `{name}` may include \"{word}\", "
                         "which is no room of the table")
        rooms[name] = Room(name, allowed, set(libraries))
    # A room may also use the libraries of the rooms it includes.
    own = {name: set(room.libraries) for name, room in rooms.items()}
    for room in rooms.values():
        for other in room.may_include:
            room.libraries |= own[other]
    return rooms


def room_of(path, rooms):
    for name in rooms:
        if path.startswith(name + "/"):
            return rooms[name]
    return None


def listing(names):
    return ", ".join(sorted(names)) or "none"


def library_of(header):
    for prefix, name in LIBRARIES:
        if header.startswith(prefix):
            return name
    return None


TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|R\"([^\s()\\]{0,16})\(.*?\)\1\""
    r"|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.S)


def blank(text):
    """The code without comments and literals, every line and column where it was."""
    def hide(match):
        token = match.group(0)
        spaces = re.sub(r"[^\n]", " ", token)
        return spaces if token[0] == "/" else f'"{spaces[1:-1]}"'
    return TOKEN.sub(hide, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def matching_brace(code, start):
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, start):
        depth += 1 if match.group(0) == "{" else -1
        if depth == 0:
            return match.start()
    return len(code) - 1


SCOPE = re.compile(r"^(template\s*<.*>\s*)?(inline\s+|typedef\s+)?"
                   r"(namespace|class|struct|union|enum|extern)\b", re.S)
CONSTRUCTOR_LIST = re.compile(r"\).*(?<!:):(?!:).*[\w>]$", re.S)


def functions(code):
    """Yields (first line, last line) of every function that is not inside another one."""
    position, head_start = 0, 0
    brace = re.compile(r"[;{}]|^[ \t]*#(?:.*\\\n)*.*$", re.M)
    while match := brace.search(code, position):
        position = match.end()
        if match.group(0) != "{":
            head_start = position
            continue
        head = code[head_start:match.start()]
        text = re.sub(r"^\s*(public|private|protected)\s*:\s*", "", head).strip()
        flat = text
        while (shorter := re.sub(r"\([^()]*\)", "", flat)) != flat:
            flat = shorter
        end = matching_brace(code, match.start())
        lambda_variable = re.search(r"=\s*\[", text) and text.endswith(")")
        if "=" in flat and "operator" not in flat and not lambda_variable:
            position = end + 1  # data: what is in the braces is no code
        elif CONSTRUCTOR_LIST.search(text):
            position = end + 1  # a braced member in a constructor's list: the head goes on
            continue
        elif "(" in text and not (SCOPE.match(text) and not text.endswith(")")):
            lead = len(head) - len(head.lstrip())
            yield line_of(code, head_start + lead), line_of(code, end)
            position = end + 1
        head_start = position


class Tidy:
    def __init__(self, root):
        self.root = root
        self.findings = []
        page = root / "docs/architecture.md"
        self.rooms = read_rooms(page.read_text(encoding="utf-8"))

    def say(self, path, line, message):
        self.findings.append(f"{path}:{line}: {message}")

    def files(self):
        if (self.root / ".git").exists():
            command = ["git", "-C", self.root, "ls-files", "-co", "--exclude-standard", "-z"]
            listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            return sorted({name for name in listed.split("\0") if name})
        return sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*")
                      if "build" not in p.relative_to(self.root).parts)

    def run(self):
        for name in self.files():
            path = self.root / name
            known = path.suffix in TEXT or path.name in SOURCE_NAMES
            if not known or not path.is_file() or name.startswith("tests/fuzz/corpus/"):
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            self.check_words(name, text)
            if path.suffix == ".md":
                self.check_document(name, text)
            if path.suffix in SOURCE or path.name in SOURCE_NAMES:
                self.check_sizes(name, text)
            if path.suffix in CODE:
                code = blank(text)
                self.check_includes(name, text)
                self.check_functions(name, code, text)
                self.check_coroutines(name, code)
                self.check_clock_and_chance(name, code)
        return self.findings

    def check_words(self, name, text):
        for number, line in enumerate(text.splitlines(), 1):
            if found := FORBIDDEN.search(line):
                self.say(name, number,
                         f"\"{found.group(0)}\" has no place here: the project stands on its own, "
                         "and what is not done is an issue, not a remark")

    def check_document(self, name, text):
        fenced, titles = False, 0
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("```"):
                fenced = not fenced
            if not fenced and line.startswith("# "):
                titles += 1
                if titles > 1:
                    self.say(name, number, "a second title: a document has one `# ` line")

    def check_sizes(self, name, text):
        lines = text.splitlines()
        if len(lines) > FILE_LINES_MAX:
            self.say(name, len(lines),
                     f"{len(lines)} lines, {FILE_LINES_MAX} allowed: split the file")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                self.say(name, number, f"{len(line)} columns, {COLUMNS_MAX} allowed")

    def check_includes(self, name, text):
        room = room_of(name, self.rooms)
        if room is None:
            self.say(name, 1, "is in no room of docs/architecture.md's table")
            return
        free = room.name in ("tests", "bench")
        for number, line in enumerate(text.splitlines(), 1):
            match = re.match(r"\s*#\s*include\s*([<\"])([^>\"]+)[>\"]", line)
            if not match or free:
                continue
            quote, header = match.groups()
            if library := library_of(header):
                if library not in room.libraries:
                    self.say(name, number, f"room {room.name} may not use {library} (<{header}>); "
                                           f"allowed: {listing(room.libraries)}")
            elif quote == "\"":
                other = room_of(header, self.rooms)
                if other is None:
                    self.say(name, number, f"\"{header}\": write the path from the project's root")
                elif other.name not in room.may_include:
                    self.say(name, number, f"room {room.name} may not include {other.name} "
                                           f"(\"{header}\"); allowed: {listing(room.may_include)}")
            elif room.name in PURE_ROOMS and IMPURE_HEADER.match(header):
                self.say(name, number,
                         f"room {room.name} only computes: <{header}> has no place in it")

    def check_functions(self, name, code, text):
        for first, last in functions(code):
            head = text.splitlines()[first - 1].strip()
            if last - first + 1 > FUNCTION_LINES_MAX:
                self.say(name, first, f"a function of {last - first + 1} lines, "
                                      f"{FUNCTION_LINES_MAX} allowed: {head}")

    def check_coroutines(self, name, code):
        first = re.search(r"\bco_(await|return|yield)\b", code)
        if not first:
            return
        room = room_of(name, self.rooms)
        if room is not None and room.name not in COROUTINE_ROOMS:
            self.say(name, line_of(code, first.start()),
                     "a coroutine outside broker/net and broker/admin")
        # g++ 12 frees objects twice in these forms; AddressSanitizer showed it.
        forms = [(r"\bco_await\b[^;{}]*\bco_await\b", "two co_await in one statement"),
                 (r"\?[^;{}]*\bco_await\b", "co_await in a conditional expression"),
                 (r"(?<!\belse)(?<!\bdo)(?<!\btry)[\w>]\s*\{\s*co_await\b",
                  "co_await in a braced initializer"),
                 (r"\bco_await\b[^;{}]*[(,]\s*\{", "a braced argument in an awaited call")]
        for pattern, what in forms:
            for match in re.finditer(pattern, code):
                at = match.start() + match.group(0).index("co_await")
                self.say(name, line_of(code, at), f"{what}: give the value a name first")

    def check_clock_and_chance(self, name, code):
        rules = [
            (CLOCK, CLOCK_FREE,
             "reads a clock: time comes as an argument, only broker/app/clock.cpp asks"),
            (CHANCE, CHANCE_FREE, "draws its own chance: take a seeded generator"),
        ]
        for pattern, free, message in rules:
            if name.startswith(free):
                continue
            for match in pattern.finditer(code):
                self.say(name, line_of(code, match.start()), message)


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description="Checks what a compiler does not.")
    parser.add_argument("--root", type=pathlib.Path, default=here, help="the project's folder")
    findings = Tidy(parser.parse_args().root).run()
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings" if findings else "tidy: nothing to complain about")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
