"""What the compiler and the linker put between an attacker and the program is really there."""

import json
import os
import platform
import re
import subprocess

from broker import BINARY, run_tests

FOLDER = os.path.dirname(BINARY)
IS_X86 = platform.machine() in ("x86_64", "i686")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def readelf(what):
    return output("readelf", "--wide", what, BINARY)


def compile_flags():
    with open(os.path.join(FOLDER, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    return next(each["command"] for each in commands if "/broker/app/" in each["file"])


def is_optimised():
    return re.search(r" -O[12s]", compile_flags()) is not None


def test_the_program_is_loaded_at_a_random_address():
    assert re.search(r"Type:\s+DYN", readelf("--file-header"))
    assert re.search(r"FLAGS_1.*\bPIE\b", readelf("--dynamic"))


def test_tables_of_addresses_cannot_be_written_after_the_start():
    assert "GNU_RELRO" in readelf("--program-headers")
    assert re.search(r"FLAGS_1.*\bNOW\b", readelf("--dynamic"))


def test_no_memory_is_writable_and_executable():
    segments = [line.split() for line in readelf("--program-headers").splitlines()]
    flags = {(each[0], "".join(each[6:-1])) for each in segments if each and each[0] in
             ("LOAD", "GNU_STACK")}
    assert ("GNU_STACK", "RW") in flags, flags
    assert not [each for each in flags if "W" in each[1] and "E" in each[1]], flags


def test_a_stack_that_overflows_ends_the_program():
    assert "__stack_chk_fail" in readelf("--dyn-syms")
    if "-fstack-clash-protection" not in compile_flags():
        assert platform.machine() not in ("x86_64", "aarch64")


def test_jumps_land_only_where_functions_begin():
    if not IS_X86:
        print("  skipped: this processor has no such check")
        return
    assert "endbr" in output("objdump", "--disassemble=main", BINARY)


def test_copies_that_overflow_end_the_program():
    assert "-D_FORTIFY_SOURCE=3" in compile_flags()
    assert re.search(r"__(mem|str|v?f?s?n?printf|read|recv)\w*_chk\b", readelf("--dyn-syms"))


if __name__ == "__main__":
    if is_optimised():
        run_tests(globals())
    else:
        print("skipped: a debug build is for debugging")
