#!/usr/bin/env python3
"""Compares brokers under the project's load generator, in alternation.

A fresh broker on a fresh port and folder serves every run; rounds go A B, A B, ... The first
broker is the one in question: a ratio is its figure divided by the other's, the median over the
rounds. For CPU time, memory and system calls, below 1 is better than the other.

    bench/compare.py                              the whole matrix, lineshaft against mosquitto
    bench/compare.py --quick                      a selection, in a few minutes
    bench/compare.py --scenarios '1-1-*' --rounds 5
    bench/compare.py --broker 'relay=./relay {port}'        a third one beside them
    bench/compare.py --only mosquitto             no comparison, just its figures
"""

import argparse
import fnmatch
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

import brokers
import scenarios

# Above this share of the machine's CPU time used by others, figures are marked.
OTHERS_SHARE_MAX = 0.1
# A paced run that delivers less than this share of what was asked for is not comparable.
PACE_KEPT_MIN = 0.97


def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", action="append", default=[], metavar="NAME=COMMAND",
                        help="another broker, or another command for lineshaft or mosquitto; it "
                             "stays in the foreground, {port} and {dir} are filled in")
    parser.add_argument("--only", metavar="NAMES", help="use these brokers, in this order; "
                        "mosquitto-nodelay is mosquitto with set_tcp_nodelay")
    parser.add_argument("--scenarios", metavar="PATTERNS", help="comma separated, * and ? allowed")
    parser.add_argument("--quick", action="store_true", help="a selection, one round, 3 s each")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, default=3.0, help="measured time of a run (3)")
    parser.add_argument("--mqtt", type=int, choices=(4, 5), default=4)
    parser.add_argument("--connections", type=int, default=5000, help="of scenario idle (5000)")
    parser.add_argument("--extra", type=str.split, default=[],
                        help="more options for the load generator, as one word")
    parser.add_argument("--load", default=f"{brokers.ROOT}/build/release/bench/lineshaft_load")
    parser.add_argument("--run-timeout", type=float, default=600, help="seconds a run may take")
    parser.add_argument("--gate", type=float, metavar="RATIO",
                        help="exit 1 if the main figure's ratio is above this anywhere")
    parser.add_argument("--out", help="write every figure of every run here, as JSON")
    parser.add_argument("--list", action="store_true", help="print the scenarios")
    options = parser.parse_args()
    if options.rounds is None:
        options.rounds = 1 if options.quick else 3
    return options


def choose_brokers(options):
    chosen = {}
    for text in ["lineshaft", "mosquitto", *options.broker]:
        broker = brokers.parse(text)
        chosen[broker.name] = broker
    if not options.only:
        return list(chosen.values())
    return [chosen.get(name) or brokers.parse(name) for name in options.only.split(",")]


def choose_scenarios(options):
    known = scenarios.all_scenarios(options)
    patterns = scenarios.QUICK if options.quick else ["*"]
    if options.scenarios:
        patterns = options.scenarios.split(",")
    chosen = {}
    for pattern in patterns:
        names = fnmatch.filter(known, pattern)
        if not names:
            raise ValueError(f"no scenario is called \"{pattern}\"; see --list")
        chosen.update({name: known[name] for name in names})
    return [chosen[name] for name in known if name in chosen]


def measure(scenario, broker, options, work):
    """The figures of one run, or {"error": why}."""
    place = tempfile.mkdtemp(prefix=f"{broker.name}-", dir=work)
    try:
        return scenario.run(broker, lambda: tempfile.mkdtemp(dir=place), options)
    except (brokers.BrokerError, scenarios.LoadError) as error:
        return {"error": str(error)}
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {options.run_timeout:g} s"}
    finally:
        shutil.rmtree(place, ignore_errors=True)


def median(runs, figure):
    values = [run[figure] for run in runs if figure in run]
    return statistics.median(values) if values else None


def ratio(runs, other_runs, figure):
    """Median over the rounds of first / other."""
    pairs = [(run[figure], other[figure]) for run, other in zip(runs, other_runs)
             if figure in run and other.get(figure)]
    return statistics.median(one / two for one, two in pairs) if pairs else None


def shown(value):
    return "-" if value is None else f"{value:.4g}" if value < 10_000 else f"{value:.0f}"


def remarks(runs):
    """What a reader must know before trusting the figures of these runs."""
    found = []
    for key in ("lost", "dup", "reordered", "replay_missing", "disconnects", "window_resets"):
        if total := sum(run.get(key, 0) for run in runs):
            found.append(f"{key} {total}")
    if any(run.get("doubtful") for run in runs):
        found.append("kernel threads did its network work: looks too cheap")
    paces = [run["delivered_per_s"] / run["rate"]
             / (run["subscribers"] if run["shape"] == "fanout" else 1)
             for run in runs if run.get("rate")]
    if paces and statistics.median(paces) < PACE_KEPT_MIN:
        found.append(f"kept {statistics.median(paces):.0%} of the pace only")
    others = statistics.median(run.get("others_cpu_share", 0) for run in runs)
    if others > OTHERS_SHARE_MAX:
        found.append(f"something else used {others:.0%} of the machine")
    found += sorted({run["error"] for run in runs if "error" in run})
    return "; ".join(found)


def width(head):
    return max(12, len(head) + 3)


def print_table(chosen, names, results):
    first = names[0]
    for scenario in chosen:
        runs = results[scenario.name]
        print(f"\n{scenario.name}")
        columns = [(name, runs[name], None) for name in names]
        columns += [(f"{first}/{name}", runs[first], runs[name]) for name in names[1:]]
        print("  " + " " * 24 + "".join(f"{head:>{width(head)}}" for head, _, _ in columns))
        for figure in scenario.figures:
            line = f"  {figure:24}"
            for head, one, other in columns:
                value = median(one, figure) if other is None else ratio(one, other, figure)
                line += f"{shown(value):>{width(head)}}"
            print(line)
        for name in names:
            if remark := remarks(runs[name]):
                print(f"  {name}: {remark}")


def environment(options):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = {line.partition(":")[2].strip() for line in file if line.startswith("model name")}
    return {"kernel": platform.release(), "cpu": ", ".join(sorted(models)),
            "cores": os.cpu_count(), "rounds": options.rounds, "seconds": options.seconds,
            "command": sys.argv}


def verdict(chosen, names, results, gate):
    """Exit status: 0 unless the first broker failed, lost, or is above the gate."""
    bad = []
    for scenario in chosen:
        runs = results[scenario.name]
        for run in runs[names[0]]:
            if "error" in run or run.get("status"):
                bad.append(f"{scenario.name}: {remarks([run]) or 'exit status of the generator'}")
        for name in names[1:]:
            value = ratio(runs[names[0]], runs[name], scenario.main_figure)
            if gate is not None and value is not None and value > gate:
                bad.append(f"{scenario.name}: {scenario.main_figure} is {value:.2f} of {name}'s")
    for line in bad:
        print(f"compare: {line}", file=sys.stderr)
    return 1 if bad else 0


def main():
    options = read_options()
    try:
        used, chosen = choose_brokers(options), choose_scenarios(options)
    except ValueError as error:
        sys.exit(f"compare: {error}")
    if options.list:
        print("\n".join(scenario.name for scenario in chosen))
        return 0
    if not os.access(options.load, os.X_OK):
        sys.exit(f"compare: {options.load} is not there; `./dev bench` builds it")
    names = [broker.name for broker in used]
    results = {scenario.name: {name: [] for name in names} for scenario in chosen}
    with tempfile.TemporaryDirectory(prefix="lineshaft-bench-") as work:
        for scenario in chosen:
            for number in range(options.rounds):
                for broker in used:
                    figures = measure(scenario, broker, options, work)
                    results[scenario.name][broker.name].append(figures)
                    main_figure = shown(figures.get(scenario.main_figure))
                    print(f"{scenario.name} round {number + 1} {broker.name}: "
                          f"{scenario.main_figure} {main_figure} {figures.get('error', '')}",
                          file=sys.stderr, flush=True)
            if options.out:
                with open(options.out, "w", encoding="utf-8") as file:
                    json.dump({"environment": environment(options), "results": results}, file,
                              indent=1)
    print(f"medians of {options.rounds} alternating rounds of {options.seconds:g} s")
    print_table(chosen, names, results)
    return verdict(chosen, names, results, options.gate)


if __name__ == "__main__":
    sys.exit(main())
