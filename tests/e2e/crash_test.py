"""kill -9 under load at random moments, start again, compare with the books: nothing that was
acknowledged is lost, QoS 2 comes once, sessions, wills and retained values are there.

    crash_test.py [--rounds N] [--seed N]
"""

import argparse
import random
import secrets
import sys

from broker import Broker
from plant import Plant

CONFIG = ('[listeners.default]\nbind = "127.0.0.1:{port}"\n'
          "[storage]\nwill_grace_s = 1\n")


def crash_rounds(rounds, seed):
    chance = random.Random(seed)
    with Broker(CONFIG) as broker:
        plant = Plant(broker, chance)
        for number in range(rounds):
            plant.run(chance.choice([1, 50, 400, 1500]))
            plant.crash()
            plant.come_back()
            # Now and then the next crash hits a plant that is still resuming.
            if number == rounds - 1 or chance.random() < 0.7:
                plant.settle()
            if plant.problems or plant.lost:
                break
        print(plant.summary())
        lost, problems = plant.verdict()
        return lost + problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    options = parser.parse_args()
    print(f"{options.rounds} rounds of load and kill -9, seed {options.seed} ...", flush=True)
    faults = crash_rounds(options.rounds, options.seed)
    for fault in faults[:20]:
        print(f"  {fault}")
    if faults:
        sys.exit(f"again with: {sys.argv[0]} --rounds {options.rounds} --seed {options.seed}")
    print("  ok: nothing acknowledged was lost, QoS 2 came once")


if __name__ == "__main__":
    main()
