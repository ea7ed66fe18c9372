"""What is measured: each scenario is a function of a broker and the options, giving figures."""

import json
import os
import re
import signal
import subprocess

from brokers import BrokerError

# Publishers, subscribers, window when sending at full speed, messages per second when paced.
SHAPES = {
    "1-1": ("--shape p2p --publishers 1", 32, 1000),
    "16-16": ("--shape p2p --publishers 16", 32, 4000),
    "100-1": ("--shape fanin --publishers 100 --subscribers 1", 8, 4000),
    "1-100": ("--shape fanout --publishers 1 --subscribers 100", 8, 40),
}
PAYLOADS = {"64": 64, "1k": 1024}
LOST = 1  # exit status of lineshaft_load
# Kernel threads that do the broker's network work make it look cheaper than it is.
SOFT_INTERRUPT_SHARE_MAX = 0.1
ATTEMPTS = 3
# mosquitto 2.0 disconnects an MQTT 3.1.1 publisher with more unfinished QoS 2 messages than 20.
QOS2_WINDOW_MAX = 16


class LoadError(Exception):
    """lineshaft_load gave no figure; the text is its own last line."""


def run_load(broker, options, words):
    """Runs the load generator on a broker; the figures, with `lost_status` added."""
    pids = ",".join(map(str, broker.pids()))
    command = [options.load, "--port", str(broker.port), "--pid", pids, *words, *options.extra]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          timeout=options.run_timeout)
    if not done.stdout.strip():
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise LoadError(f"{last} (exit status {done.returncode})")
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    figures["status"] = done.returncode
    if done.stderr.strip():
        figures["note"] = done.stderr.strip().splitlines()[-1]
    return figures


class Traffic:
    """One cell of the matrix: shape, QoS, payload, at full speed or paced."""

    main_figure = "cpu_us_per_msg"
    figures = ["cpu_us_per_msg", "delivered_per_s", "p50_us", "p99_us"]

    def __init__(self, shape, qos, payload, paced):
        self.name = f"{shape}-q{qos}-{payload}-{'paced' if paced else 'max'}"
        words, window, rate = SHAPES[shape]
        if qos == 2:
            window = min(window, QOS2_WINDOW_MAX)
        self.words = f"{words} --qos {qos} --payload {PAYLOADS[payload]}".split()
        self.words += f"--window {window}".split()
        if paced:
            self.words += ["--rate", str(rate)]

    def run(self, broker, folder, options):
        words = [*self.words, "--mqtt", str(options.mqtt), "--seconds", str(options.seconds),
                 "--warmup", "1"]
        for _ in range(ATTEMPTS):
            with broker.start(folder()) as running:
                figures = run_load(running, options, words)
            if "cpu_us_per_msg" not in figures:
                raise BrokerError(f"{broker.name} ended while it was measured")
            limit_us = SOFT_INTERRUPT_SHARE_MAX * figures["cpu_us_per_msg"]
            figures["doubtful"] = figures["soft_interrupt_us"] > limit_us
            if not figures["doubtful"]:
                break
        return figures


class Retained:
    """Stores retained messages, looks at the memory, restarts the broker and replays them all."""

    main_figure = "rss_per_topic"
    figures = ["rss_per_topic", "rss_per_topic_restarted", "store_cpu_us_per_msg",
               "store_seconds", "stop_s", "ready_s", "replay_seconds", "replay_missing"]

    def __init__(self, name, topics):
        self.name, self.topics = name, topics

    def run(self, broker, folder, options):
        place = folder()
        words = ["--shape", "retained", "--topics", str(self.topics), "--payload", "64",
                 "--qos", "1", "--window", "100", "--mqtt", str(options.mqtt)]
        with broker.start(place, keeps_data=True) as running:
            figures = run_load(running, options, [*words, "--phase", "store"])
            stopped = running.stop()
        if stopped is None:
            raise BrokerError(f"{broker.name} ended while it was measured")
        figures["stop_s"], figures["stop_status"] = stopped
        with broker.start(place, keeps_data=True) as running:
            figures["ready_s"] = running.ready_s
            grown = running.rss_bytes() - figures["rss_before_bytes"]
            figures["rss_per_topic_restarted"] = grown / self.topics
            replayed = run_load(running, options, [*words, "--phase", "replay"])
        for name in ("replayed", "replay_missing", "replay_repeated", "replay_seconds"):
            figures[name] = replayed[name]
        figures["replay_cpu_us"] = replayed["cpu_us_per_msg"]
        figures["status"] = max(figures["status"], replayed["status"])
        return figures


class Idle:
    """Holds connections that say nothing."""

    name = "idle"
    main_figure = "rss_per_connection"
    figures = ["rss_per_connection", "cpu_us_per_connect", "idle_cpu_share"]

    def run(self, broker, folder, options):
        words = ["--shape", "idle", "--connections", str(options.connections),
                 "--seconds", str(options.seconds), "--mqtt", str(options.mqtt)]
        with broker.start(folder()) as running:
            return run_load(running, options, words)


class ConnectStorm:
    """Connects and disconnects as fast as 64 sockets at a time allow."""

    name = "connect"
    main_figure = "cpu_us_per_msg"
    figures = ["cpu_us_per_msg", "connects_per_s", "p50_us", "p99_us"]

    def run(self, broker, folder, options):
        words = ["--shape", "connect", "--seconds", str(options.seconds),
                 "--mqtt", str(options.mqtt)]
        with broker.start(folder()) as running:
            return run_load(running, options, words)


class Syscalls:
    """System calls of the broker for one lone message from a publisher to a subscriber.

    Two runs of equal length with few and with many messages; the difference holds neither the
    connections' set-up nor what the broker does by the clock.
    """

    main_figure = "syscalls_per_msg"
    figures = ["syscalls_per_msg"]
    rates = (20, 80)
    seconds = 6

    def __init__(self, qos):
        self.name, self.qos = f"syscalls-q{qos}", qos

    def run(self, broker, folder, options):
        counted = [self._count(broker, folder, options, rate) for rate in self.rates]
        (few, few_calls, _), (many, many_calls, figures) = counted
        names = sorted(set(few_calls) | set(many_calls))
        each = {name: (many_calls.get(name, 0) - few_calls.get(name, 0)) / (many - few)
                for name in names}
        figures["syscalls_per_msg"] = sum(each.values())
        figures["syscalls"] = {name: round(value, 2) for name, value in each.items()
                               if abs(value) >= 0.01}
        return figures

    def _count(self, broker, folder, options, rate):
        place = folder()
        words = ["--shape", "p2p", "--publishers", "1", "--qos", str(self.qos), "--rate",
                 str(rate), "--seconds", str(self.seconds), "--warmup", "0",
                 "--window", "1", "--mqtt", str(options.mqtt)]
        with broker.start(place) as running:
            with Strace(running.pids(), os.path.join(place, "strace")) as strace:
                figures = run_load(running, options, words)
            return figures["sent_total"], strace.calls, figures


class Strace:
    """Counts the system calls of running processes from entering to leaving."""

    def __init__(self, pids, path):
        self._path = path
        self.calls = {}
        words = ["strace", "-c", "-f", "-U", "calls,name", "-o", path]
        for pid in pids:
            words += ["-p", str(pid)]
        self._pids = set(pids)
        self._words = words

    def __enter__(self):
        try:
            self._process = subprocess.Popen(self._words, stderr=subprocess.PIPE, text=True)
        except OSError as error:
            raise LoadError(f"strace: {error}") from error
        waiting = set(self._pids)
        for line in self._process.stderr:
            if found := re.search(r"Process (\d+) attached", line):
                waiting.discard(int(found.group(1)))
            if not waiting:
                return self
        self._process.wait()
        raise LoadError("strace could not attach; it needs the right to trace (root)")

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()
        with open(self._path, encoding="utf-8") as file:
            for line in file:
                if found := re.fullmatch(r"\s*(\d+)\s+(\w+)\s*", line):
                    self.calls[found.group(2)] = int(found.group(1))
        self.calls.pop("total", None)


def all_scenarios(options):
    """Every scenario by name, in the order of the report."""
    listed = [Traffic(shape, qos, payload, paced)
              for paced in (False, True) for shape in SHAPES for qos in (0, 1, 2)
              for payload in PAYLOADS]
    listed += [Retained("retained-100k", 100_000), Retained("retained-1m", 1_000_000)]
    listed += [Idle(), ConnectStorm(), Syscalls(0), Syscalls(1)]
    return {scenario.name: scenario for scenario in listed}


QUICK = ["*-q?-64-max", "1-1-q[01]-64-paced", "retained-100k", "idle", "syscalls-q?"]
