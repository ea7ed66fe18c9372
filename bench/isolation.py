#!/usr/bin/env python3
"""A flood on one listener, measured on another: how much longer messages take there.

    bench/isolation.py [--pin] [--floods NAMES] [--seconds N] [--rounds N] [--control COMMAND]

Two listeners of one broker. On the quiet one a publisher sends 1,000 messages per second to a
subscriber, QoS 1; on the other comes the flood. The figures are 50th, 90th and 99th percentile
with the flood over those without, medians of the rounds.

The flood's clients, the quiet ones and the broker share the machine, so on few cores the scheduler
is measured too. `--pin` takes most of that away: the broker has core 0 and all clients have core 1;
as root broker and quiet clients go before everything else there (`chrt`). The kernel stops such a
broker for 50 ms after 950 ms of work: then the 99th percentile is the kernel's, the 90th is not.
`--control` runs another program, which has one port for everybody, under the same floods: what it
shows is the machine's."""

import argparse
import contextlib
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

from brokers import ROOT, RunningBroker, free_port

CONFIG = """
[listeners.quiet]
bind = "127.0.0.1:{quiet}"
[listeners.flooded]
bind = "127.0.0.1:{flooded}"
connects_per_s_max = 0
"""
QUIET = "--shape p2p --rate 1000 --qos 1 --warmup 0.5"
FLOODS = {"publishers-4": "--shape p2p --publishers 4 --window 64 --payload 256",
          "publishers-64": "--shape p2p --publishers 64 --window 64 --payload 256",
          "publishers-1000": "--shape fanin --publishers 1000 --window 8",
          "fanout-100": "--shape fanout --subscribers 100 --window 600",
          "connects": "--shape connect --concurrency 32"}
FIGURES = ["p50_us", "p90_us", "p99_us"]


def placed(options, core, priority):
    if not options.pin:
        return []
    first = ["chrt", "-f", str(priority)] if priority and os.geteuid() == 0 else []
    return ["taskset", "-c", str(core), *first]


def load(options, port, words, seconds, first=False):
    return [*placed(options, 1, 20 if first else None), options.load, "--port", str(port),
            "--seconds", str(seconds), *words.split()]


def measure(options, port):
    done = subprocess.run(load(options, port, QUIET, options.seconds, first=True),
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"isolation: the quiet clients failed: {done.stderr.strip()}")
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    return {name: figures[name] for name in FIGURES}


@contextlib.contextmanager
def flooded(options, port, words):
    flood = subprocess.Popen(load(options, port, words, options.seconds + 30),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)  # until it is under way
    try:
        yield
        if flood.poll() is not None:
            sys.exit("isolation: the flood ended early")
    finally:
        flood.kill()
        flood.wait()


def shown(figures):
    return " / ".join(f"{value:.4g}" for value in figures)


def compare(options, quiet, flood_port, name):
    alone, under = [], []
    for _ in range(options.rounds):
        alone.append(measure(options, quiet))
        with flooded(options, flood_port, FLOODS[name]):
            under.append(measure(options, quiet))
    before = [statistics.median(one[figure] for one in alone) for figure in FIGURES]
    after = [statistics.median(one[figure] for one in under) for figure in FIGURES]
    ratios = [two / one for one, two in zip(before, after)]
    print(f"{name}: p50 / p90 / p99 {shown(before)} us alone, {shown(after)} us under the flood: "
          f"{' / '.join(f'{ratio:.2f}' for ratio in ratios)} times", flush=True)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pin", action="store_true")
    parser.add_argument("--floods", default=",".join(FLOODS), help="names, comma separated")
    parser.add_argument("--broker", default=f"{ROOT}/build/release/lineshaft")
    parser.add_argument("--control", help="another program; {port} is filled in")
    parser.add_argument("--load", default=f"{ROOT}/build/release/bench/lineshaft_load")
    return parser.parse_args()


def main():
    options = read_options()
    with tempfile.TemporaryDirectory(prefix="lineshaft-isolation-") as folder:
        quiet, other = free_port(), free_port()
        if options.control:
            other = quiet
            command = [word.replace("{port}", str(quiet)) for word in shlex.split(options.control)]
        else:
            config = os.path.join(folder, "lineshaft.toml")
            with open(config, "w", encoding="utf-8") as file:
                file.write(CONFIG.format(quiet=quiet, flooded=other))
            command = [options.broker, "serve", "--config", config, "--data", f"{folder}/data"]
        command = [*placed(options, 0, 10), *command]
        with RunningBroker("broker", command, quiet, folder):
            for name in options.floods.split(","):
                compare(options, quiet, other, name)


if __name__ == "__main__":
    main()
