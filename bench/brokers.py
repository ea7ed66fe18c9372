"""Starting, watching and ending brokers, each run on a fresh port and folder."""

import os
import shlex
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START_PATIENCE_S = 60
STOP_PATIENCE_S = 60
PROBE_PAUSE_S = 0.002

OURS = f"{ROOT}/build/release/lineshaft serve --listen 127.0.0.1:{{port}} --data {{dir}}"
MOSQUITTO = "/usr/sbin/mosquitto -c {dir}/mosquitto.conf"
BUILT_IN = {"lineshaft": OURS, "mosquitto": MOSQUITTO, "mosquitto-nodelay": MOSQUITTO}

# The smallest fair configuration: no bound on its queues, nothing written that we do not ask for.
# max_inflight_messages keeps its default (20).
MOSQUITTO_CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
log_dest none
"""
MOSQUITTO_NO_STORE = "persistence false\n"
# Writes its store at the end only, which is its cheapest way to keep anything.
MOSQUITTO_STORE = "persistence true\npersistence_location {dir}/\nautosave_interval 0\n"

# MQTT 3.1.1 CONNECT with client identifier "probe", and DISCONNECT.
PROBE_CONNECT = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05probe"
PROBE_DISCONNECT = b"\xe0\x00"


class BrokerError(Exception):
    """The broker did not start, answer or stop; the text is for people."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def parse(text):
    """NAME=COMMAND of --broker, or one of the built-in names."""
    name, equals, command = text.partition("=")
    if equals:
        return Broker(name, command)
    if name in BUILT_IN:
        return Broker(name, BUILT_IN[name])
    raise ValueError(f"\"{text}\" is neither NAME=COMMAND nor one of {', '.join(BUILT_IN)}")


class Broker:
    """A command line with {port} and {dir}. It must stay in the foreground."""

    def __init__(self, name, command):
        self.name, self.command = name, command

    def start(self, folder, keeps_data=False):
        """A running broker that has answered a CONNECT. `folder` may hold earlier data."""
        port = free_port()
        os.makedirs(folder, exist_ok=True)
        if self.command == MOSQUITTO:
            self._write_mosquitto_config(folder, port, keeps_data)
        fill = {"{port}": str(port), "{dir}": folder}
        words = shlex.split(self.command)
        for mark, value in fill.items():
            words = [word.replace(mark, value) for word in words]
        return RunningBroker(self.name, words, port, folder)

    def _write_mosquitto_config(self, folder, port, keeps_data):
        text = MOSQUITTO_CONFIG + (MOSQUITTO_STORE if keeps_data else MOSQUITTO_NO_STORE)
        if self.name == "mosquitto-nodelay":
            text += "set_tcp_nodelay true\n"
        if os.geteuid() == 0:
            text += "user root\n"
        text = text.replace("{port}", str(port)).replace("{dir}", folder)
        with open(os.path.join(folder, "mosquitto.conf"), "w", encoding="utf-8") as file:
            file.write(text)


class RunningBroker:
    def __init__(self, name, words, port, folder):
        self.name, self.port, self.folder = name, port, folder
        log_path = os.path.join(folder, "broker.log")
        self._started = time.monotonic()
        with open(log_path, "ab") as log:
            try:
                self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log,
                                                 stderr=subprocess.STDOUT)
            except OSError as error:
                raise BrokerError(f"{name} cannot be started: {error}") from error
        try:
            self._wait_ready(log_path)
        except BrokerError:
            self.stop()
            raise
        self.ready_s = time.monotonic() - self._started

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _wait_ready(self, log_path):
        """Returns when a CONNECT was answered. A listening port alone is not readiness."""
        end = self._started + START_PATIENCE_S
        while time.monotonic() < end:
            if self._process.poll() is not None:
                with open(log_path, encoding="utf-8", errors="replace") as log:
                    last = (log.read().strip().splitlines() or ["no output"])[-1]
                raise BrokerError(f"{self.name} ended with {self._process.returncode}: {last}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                    probe.settimeout(max(end - time.monotonic(), 0.1))
                    probe.sendall(PROBE_CONNECT)
                    if probe.recv(4)[:1] == b"\x20":
                        probe.sendall(PROBE_DISCONNECT)
                        return
            except OSError:
                pass
            time.sleep(PROBE_PAUSE_S)
        raise BrokerError(f"{self.name} did not answer on port {self.port}")

    def pids(self):
        """The broker's process and its children, if the command is a wrapper."""
        found, at = [self._process.pid], 0
        while at < len(found):
            pid = found[at]
            at += 1
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                        found += [int(child) for child in file.read().split()]
            except OSError:
                continue
        return found

    def rss_bytes(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                total += int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return total

    def stop(self):
        """SIGTERM; returns (seconds until it was gone, exit status), or None if it had ended."""
        if self._process.poll() is not None:
            return None
        asked = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        return time.monotonic() - asked, status
