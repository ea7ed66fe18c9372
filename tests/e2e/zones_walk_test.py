"""The two minutes of docs/zones.md, exactly as printed there: every command of its `console` blocks
is run in order, and says what the document says it does. `…` in an expected line stands for any
text, alone on a line for any lines. What differs from the document: the port, and the listener's
address, which the test keeps on this machine."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading

from broker import BINARY, PATIENCE_S, ROOT, free_port, run_tests

PORT = "8883"


def blocks(page):
    """(language, text) of the fenced blocks of the walk."""
    walk = page.split("## Two minutes", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", walk, re.M | re.S)


def steps(text):
    """(command, expected output) of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def matches(expected, said):
    pattern = ""
    for line in expected.splitlines():
        if line == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += re.escape(line).replace("…", ".*") + r"\n"
    return re.fullmatch(pattern, said) is not None


class Walk:
    """A folder, a shell in it, and the broker once a command has started it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lineshaft-walk-")
        self.port = str(free_port())
        self.definitions = ""
        self.broker = None
        self.log = []
        self.logged = threading.Condition()
        self.environment = {**os.environ,
                            "PATH": os.path.dirname(BINARY) + ":" + os.environ["PATH"]}

    def shell(self, command, **options):
        script = f"{self.definitions}\n{command}".replace(PORT, self.port)
        return subprocess.Popen(["bash", "-c", script], cwd=self.folder, env=self.environment,
                                stdin=subprocess.DEVNULL, text=True, **options)

    def run(self, command, expected):
        print(f"  $ {command}", flush=True)
        if command.endswith("&"):
            self.start(command.removesuffix("&"))
            return
        process = self.shell(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = process.communicate(timeout=PATIENCE_S)
        assert matches(expected, said), (f"$ {command}\nis to say:\n{expected}\nsays:\n{said}\n"
                                         f"the log ends with: {self.log[-5:]}")
        if "cert init" in command:
            self.keep_local()

    def keep_local(self):
        path = f"{self.folder}/plant.toml"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert f'"0.0.0.0:{PORT}"' in text, text
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(f"0.0.0.0:{PORT}", f"127.0.0.1:{self.port}"))

    def start(self, command):
        self.broker = self.shell("exec " + command, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE)

        threading.Thread(target=self.collect, daemon=True).start()
        self.wait_for("ready")

    def collect(self):
        for line in self.broker.stderr:
            with self.logged:
                self.log.append(line)
                self.logged.notify_all()

    def wait_for(self, event, **fields):
        """A record with these fields, from now on or before."""
        wanted = {"event": event, **fields}

        def has_come():
            records = [json.loads(line) for line in self.log if line.startswith("{")]
            return any(wanted.items() <= record.items() for record in records)
        with self.logged:
            assert self.logged.wait_for(has_come, PATIENCE_S), f"no {wanted}: {self.log[-5:]}"

    def append(self, text):
        with open(f"{self.folder}/plant.toml", "a", encoding="utf-8") as file:
            file.write("\n" + text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.broker and self.broker.poll() is None:
            self.broker.kill()
            self.broker.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def revoke_who_is_connected(walk):
    """A connection that is open when its certificate is revoked ends with the reload."""
    live = walk.shell("as dmz historian mosquitto_sub -V mqttv5 -i archive -t plant1/ot/#",
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                      start_new_session=True)
    try:
        walk.wait_for("client_connected", client_id="archive")
        walk.run("lineshaft cert revoke pki historian", "…\n")
        walk.run("lineshaft reload --data data", "…\n")
        walk.wait_for("connection_revoked", client_id="archive", why="REVOKED")
    finally:
        os.killpg(live.pid, signal.SIGKILL)
        live.wait()


def test_the_walk_of_the_document():
    with open(f"{ROOT}/docs/zones.md", encoding="utf-8") as file:
        found = blocks(file.read())
    assert [language for language, _ in found].count("console") >= 5, found
    with Walk() as walk:
        for language, text in found:
            if language == "toml":
                walk.append(text)
            elif language == "sh":
                walk.definitions += text
            else:
                assert language == "console", language
                for command, expected in steps(text):
                    walk.run(command, expected)
        revoke_who_is_connected(walk)
        walk.broker.send_signal(signal.SIGTERM)
        assert walk.broker.wait(PATIENCE_S) == 0, walk.log[-5:]


if __name__ == "__main__":
    run_tests(globals())
