"""A real broker process for tests: started on a free port, awaited by its ready record, ended by
signal. No sleeps: every wait is for an event and is bounded."""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("LINESHAFT_BINARY", f"{ROOT}/build/release/lineshaft")
PATIENCE_S = 60


PORTS_GIVEN = set()


def free_port():
    """One that nobody listens on, and another one each time."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in PORTS_GIVEN:
            PORTS_GIVEN.add(port)
            return port


class BrokerFailed(AssertionError):
    """The broker did not do what the test needs of it; the text holds its last records."""


class Broker:
    """`with Broker() as broker:` runs one; `kill()` and `start()` again keep port and data."""

    def __init__(self, config=None, environment=None):
        self.folder = tempfile.mkdtemp(prefix="lineshaft-e2e-")
        self.data = os.path.join(self.folder, "data")
        self.port = free_port()
        self.environment = environment or {}
        self.process = None
        self.prepare = None  # runs in the broker's process before the broker does
        self.records = []
        self.config_file = None
        if config is not None:
            self.config_file = os.path.join(self.folder, "lineshaft.toml")
            self.write_config(config)

    def write_config(self, text):
        with open(self.config_file, "w", encoding="utf-8") as file:
            file.write(text.replace("{port}", str(self.port)).replace("{folder}", self.folder))

    def command(self):
        if self.config_file:
            return [BINARY, "serve", "--config", self.config_file, "--data", self.data]
        return [BINARY, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", self.data]

    def start(self):
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, env={**os.environ, **self.environment},
            preexec_fn=self.prepare)
        self.events = queue.Queue()
        threading.Thread(target=self._read, args=(self.process.stderr, self.events),
                         daemon=True).start()
        self.wait_for("ready")
        return self

    def _read(self, stream, events):
        for line in stream:
            try:
                record = json.loads(line)
            except ValueError:
                record = {"event": "text", "text": line.rstrip()}
            self.records.append(record)
            events.put(record)
        events.put(None)

    def wait_for(self, event):
        """The next record of this event."""
        while True:
            try:
                record = self.events.get(timeout=PATIENCE_S)
            except queue.Empty:
                raise BrokerFailed(f"no event {event}: {self.records[-5:]}") from None
            if record is None:
                raise BrokerFailed(f"ended before {event}: {self.records[-3:]}")
            if record["event"] == event:
                return record

    def seen(self, event):
        return [record for record in self.records if record["event"] == event]

    def kill(self):
        """Power off for the process: kill -9."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def run_to_end(self):
        """A start that is to end by itself: its exit code and what it says to people."""
        done = subprocess.run(self.command(), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=PATIENCE_S, check=False,
                              env={**os.environ, **self.environment}, preexec_fn=self.prepare)
        lines = done.stderr.splitlines()
        self.records = [json.loads(line) for line in lines if line.startswith("{")]
        return done.returncode, "\n".join(line for line in lines if not line.startswith("{"))

    def hang_up(self):
        """SIGHUP."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def restart(self):
        self.kill()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def run_tests(namespace):
    """Runs every `test_*` function in order, prints its behaviour, exits 1 at the first failure."""
    for name, function in list(namespace.items()):
        if name.startswith("test_"):
            print(f"{name[5:].replace('_', ' ')} ...", flush=True)
            function()
            print("  ok", flush=True)
