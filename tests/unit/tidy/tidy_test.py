"""Each rule of tests/tidy.py bites: small projects that break exactly one rule, or none."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
import tidy

PAGE = """# Architecture

| room | one responsibility | may include | outside libraries | public headers |
| --- | --- | --- | --- | --- |
| `broker/base` | words | – | Boost.System, fmt | `time.h` |
| `broker/mqtt` | bytes | base | simdjson (UTF-8 check only) | `decoder.h` |
| `broker/core` | decides | base, mqtt | – | `core.h` |
| `broker/net` | sockets | base, mqtt, core | Asio | `server.h` |
| `broker/app` | wires | all | CLI11 | `options.h` |
| `tests` | prove | all | Catch2 | – |
| `bench` | measure | all | Google Benchmark | – |
"""


def findings(files):
    """What tidy says about a project of the page above and `files` ({path: text})."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"docs/architecture.md": PAGE, **files}.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tidy.Tidy(pathlib.Path(folder)).run()


class TidyTest(unittest.TestCase):
    def bites(self, name, text, at, words):
        """Exactly one finding: in line `at` of the file `name`, saying `words`."""
        found = findings({name: text})
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(f"{name}:{at}: "), found)
        self.assertIn(words, found[0])

    def passes(self, name, text):
        self.assertEqual(findings({name: text}), [])

    def test_a_room_includes_only_the_rooms_of_its_row(self):
        self.passes("broker/core/core.cpp", '#include "broker/mqtt/decoder.h"\n')
        self.passes("broker/core/core.cpp", "#include <vector>\n")
        self.passes("broker/app/main.cpp", '#include "broker/net/server.h"\n')
        self.bites("broker/core/core.cpp", '\n#include "broker/net/server.h"\n', 2,
                   "broker/core may not include broker/net")
        self.bites("broker/base/time.h", '#include "broker/mqtt/decoder.h"\n', 1,
                   "broker/base may not include broker/mqtt")

    def test_a_broker_room_never_includes_a_test(self):
        self.bites("broker/app/a.cpp", '#include "tests/support/a.h"\n', 1, "may not include")

    def test_an_include_is_written_from_the_root(self):
        self.bites("broker/core/core.cpp", '#include "core.h"\n', 1, "from the project's root")

    def test_a_room_uses_only_its_libraries_and_those_of_the_rooms_it_includes(self):
        self.passes("broker/core/core.cpp", "#include <fmt/format.h>\n")
        self.passes("broker/net/server.cpp", "#include <boost/asio/ip/tcp.hpp>\n")
        self.bites("broker/core/core.cpp", "#include <boost/asio.hpp>\n", 1, "may not use Asio")
        self.bites("broker/mqtt/a.cpp", "#include <rocksdb/db.h>\n", 1, "may not use RocksDB")
        self.bites("broker/net/a.cpp", "#include <openssl/ssl.h>\n", 1, "may not use OpenSSL")
        self.bites("broker/base/a.cpp", "#include <boost/container/flat_map.hpp>\n", 1,
                   "may not use Boost")

    def test_a_computing_room_has_no_thread_lock_or_file(self):
        self.passes("broker/net/a.cpp", "#include <thread>\n")
        self.bites("broker/core/a.cpp", "#include <mutex>\n", 1, "only computes")
        self.bites("broker/mqtt/a.cpp", "#include <sys/socket.h>\n", 1, "only computes")

    def test_a_source_file_belongs_to_a_room(self):
        self.bites("broker/attic/a.cpp", "int a;\n", 1, "is in no room")

    def test_columns(self):
        self.passes("broker/core/a.cpp", "//" + "x" * 98 + "\n")
        self.bites("broker/core/a.cpp", "\n//" + "x" * 99 + "\n", 2, "101 columns")

    def test_lines_of_a_file(self):
        self.passes("broker/core/a.cpp", "int a;\n" * 500)
        self.bites("broker/core/a.cpp", "int a;\n" * 501, 501, "501 lines")

    def test_lines_of_a_function(self):
        def function(head, lines):
            return head + " {\n" + "  int a;\n" * (lines - 2) + "}\n"
        heads = [
            "int f(int a)",
            "template <class T> int f(T a)",
            "[[nodiscard]] auto operator=(A&& a) noexcept -> A&",
            "Core::Core(int a) : a_{a}, b_(2), c_{3}",
            "auto f() -> std::vector<int>",
            "bool operator==(const A& a, const A& b)",
            'TEST_CASE("a brace { in a name", "[core]")',
            "struct State make(int a = 1)",
        ]
        for head in heads:
            with self.subTest(head=head):
                self.passes("broker/core/a.cpp", "namespace x {\n" + function(head, 70) + "}\n")
                self.bites("broker/core/a.cpp", "namespace x {\n" + function(head, 71) + "}\n", 2,
                           "a function of 71 lines")

    def test_lines_of_a_member_function(self):
        body = "  void f() {\n" + "    int a;\n" * 69 + "  }\n"
        self.bites("broker/core/a.h", "class A {\n public:\n  A() : a_{1} {}\n" + body + "};\n", 4,
                   "a function of 71 lines")

    def test_a_long_table_or_class_is_no_function(self):
        self.passes("broker/core/a.cpp", "const Row rows[] = {\n" + "  {1, f(2)},\n" * 90 + "};\n")
        self.passes("broker/core/a.h", "class A {\n" + "  void f() { g(); }\n" * 90 + "};\n")
        self.passes("broker/core/a.h", "enum class B : int {\n" + "  a,\n" * 90 + "};\n")

    def test_one_co_await_per_statement(self):
        def coroutine(statement):
            return "awaitable f() {\n  " + statement + ";\n}\n"
        self.passes("broker/net/a.cpp", coroutine("const int a = co_await g(1);\n  co_await h(a)"))
        self.passes("broker/net/a.cpp", "awaitable f() {\n  if (a) {\n    co_await g();\n  }\n}\n")
        for statement in ["co_await f(co_await g())", "int a = c ? co_await f() : 1",
                          "T t{co_await f()}", "co_await f({A(), B()})"]:
            with self.subTest(statement=statement):
                self.bites("broker/net/a.cpp", coroutine(statement), 2, "give the value a name")

    def test_coroutines_stay_in_net(self):
        self.passes("tests/unit/net/a_test.cpp", "awaitable f() { co_return; }\n")
        self.bites("broker/core/a.cpp", "\nvoid f() { co_return; }\n", 2, "a coroutine outside")
        self.passes("broker/core/a.cpp", "// co_await belongs elsewhere\n")

    def test_only_the_clock_reads_the_clock(self):
        line = "auto now = std::chrono::steady_clock::now();\n"
        for allowed in ["broker/app/clock.cpp", "bench/a.cpp", "tests/e2e/a.cpp"]:
            self.passes(allowed, line)
        self.bites("broker/app/main.cpp", line, 1, "reads a clock")
        self.bites("tests/unit/core/a_test.cpp", line, 1, "reads a clock")
        self.bites("broker/core/a.cpp", "auto t = time(nullptr);\n", 1, "reads a clock")

    def test_chance_is_handed_in(self):
        self.passes("broker/app/wiring.cpp", "std::random_device source;\n")
        self.bites("broker/core/a.cpp", "std::random_device source;\n", 1, "seeded generator")
        self.bites("broker/net/a.cpp", "int a = rand();\n", 1, "seeded generator")

    def test_a_document_has_one_title(self):
        self.passes("docs/a.md", "# A\n```\n# a comment\n```\n## B\n")
        self.bites("docs/a.md", "# A\n\n# B\n", 3, "a second title")

    def test_words_that_do_not_belong(self):
        # In two parts each, for this file is checked too.
        for word in ["TO" "DO", "FIX" "ME", "/wor" "k/main", "../sha" "red/x"]:
            with self.subTest(word=word):
                self.bites("docs/a.md", f"# A\nsee {word}\n", 2, "has no place here")
        self.passes("docs/a.md", "# A\nthe workshop, a/works, network\n")

    def test_the_table_names_only_rooms_that_exist(self):
        page = PAGE.replace("| base, mqtt |", "| base, mqtt, attic |")
        with self.assertRaises(SystemExit):
            findings({"docs/architecture.md": page})


if __name__ == "__main__":
    unittest.main()
