#!/usr/bin/env python3
"""A flood on one listener, measured on another: how much longer messages take there.

    bench/isolation.py [--seconds N] [--rounds N]

Two listeners of one broker. On the quiet one a publisher sends 1,000 messages per second to a
subscriber, QoS 1. The flood on the other: publishers at full speed, and clients that connect and go
as fast as they can. The figure is p99 with the flood over p99 without."""

import argparse
import json
import os
import statistics
import subprocess
import tempfile

from brokers import ROOT, RunningBroker, free_port

CONFIG = """
[listeners.quiet]
bind = "127.0.0.1:{quiet}"
[listeners.flooded]
bind = "127.0.0.1:{flooded}"
"""
QUIET = "--shape p2p --rate 1000 --qos 1 --warmup 1"
FLOODS = {"publishers": "--shape p2p --publishers 4 --window 64 --payload 256",
          "connects": "--shape connect --concurrency 32"}


def load(program, port, words, seconds):
    return [program, "--port", str(port), "--seconds", str(seconds), *words.split()]


def measure(program, port, seconds):
    done = subprocess.run(load(program, port, QUIET, seconds), capture_output=True, text=True,
                          check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])["p99_us"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--broker", default=f"{ROOT}/build/release/lineshaft")
    parser.add_argument("--load", default=f"{ROOT}/build/release/bench/lineshaft_load")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lineshaft-isolation-") as folder:
        quiet, flooded = free_port(), free_port()
        config = os.path.join(folder, "lineshaft.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(quiet=quiet, flooded=flooded))
        command = [options.broker, "serve", "--config", config, "--data", f"{folder}/data"]
        with RunningBroker("lineshaft", command, quiet, folder):
            for name, words in FLOODS.items():
                alone, under = [], []
                for _ in range(options.rounds):
                    alone.append(measure(options.load, quiet, options.seconds))
                    flood = subprocess.Popen(
                        load(options.load, flooded, words, options.seconds + 30),
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    under.append(measure(options.load, quiet, options.seconds))
                    flood.terminate()
                    flood.wait()
                before, after = statistics.median(alone), statistics.median(under)
                print(f"{name}: p99 {before:.0f} us alone, {after:.0f} us under the flood: "
                      f"{after / before:.2f} times", flush=True)


if __name__ == "__main__":
    main()
