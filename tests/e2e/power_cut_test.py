"""The crash test with the power cut: what a kill leaves in the page cache but no fsync has promised
is taken away, zeroed or replaced by junk. With `durability = "async"` the same cut must lose
acknowledged messages, or this harness would prove nothing.

    power_cut_test.py --shim liblineshaft_sync_shim.so [--rounds N] [--seed N]
"""

import argparse
import os
import random
import secrets
import sys

from broker import Broker
from plant import Plant

CONFIG = ('[listeners.default]\nbind = "127.0.0.1:{port}"\n'
          '[storage]\nwill_grace_s = 1\ndurability = "%s"\nwal_sync_ms = 60000\n')


class PowerCut:
    """Cuts the files of a dead broker back to what its preloaded shim saw synced."""

    def __init__(self, broker, shim, chance):
        self.broker, self.chance = broker, chance
        self.record = os.path.join(broker.folder, "synced")
        self.kind, self.bytes = "", 0
        broker.environment = {"LD_PRELOAD": shim, "LINESHAFT_SYNC_RECORD": self.record,
                              "LINESHAFT_SYNC_MATCH": broker.data}

    def synced_sizes(self):
        sizes = {}
        with open(self.record, encoding="utf-8") as file:
            for line in file:
                size, path = line.rstrip("\n").split(" ", 1)
                sizes[path] = int(size)
        return sizes

    def damage(self):
        self.kind = self.chance.choice(["cut", "torn", "zeroes", "junk"])
        synced = self.synced_sizes()
        for folder, _, names in os.walk(self.broker.data):
            for name in names:
                # Tables, manifests and the small files are renamed or referred to once synced; the
                # journals are what grows without a sync.
                if name.endswith(".log"):
                    path = os.path.join(folder, name)
                    self._damage(path, synced.get(path, 0))
        # The next life has its own journals; what is left of these counts as on the disk.
        with open(self.record, "a", encoding="utf-8") as file:
            for path in synced:
                if os.path.exists(path):
                    file.write(f"{os.path.getsize(path)} {path}\n")

    def _damage(self, path, safe):
        tail = os.path.getsize(path) - safe
        self.bytes += max(tail, 0)
        if tail <= 0:
            return
        os.truncate(path, safe + (self.chance.randrange(tail) if self.kind == "torn" else 0))
        if self.kind in ("torn", "zeroes"):
            os.truncate(path, safe + tail)
        elif self.kind == "junk":
            with open(path, "ab") as file:
                file.write(self.chance.randbytes(tail))


def cut_rounds(durability, rounds, seed, shim):
    """Until the first fault: what was lost, and what else went wrong."""
    chance = random.Random(seed)
    broker = Broker(CONFIG % durability)
    cut = PowerCut(broker, shim, chance)
    with broker:
        plant = Plant(broker, chance)
        for number in range(rounds):
            plant.run(chance.choice([50, 400, 1500]))
            plant.crash(cut.damage)
            plant.come_back()
            if durability == "async" or number == rounds - 1 or chance.random() < 0.7:
                plant.settle(patience_for_all=durability == "sync")
            if plant.problems or plant.lost:
                break
        torn = len(broker.seen("journal_tail_torn"))
        print(f"  {plant.summary()}, {cut.bytes} bytes not synced, "
              f"{torn} journals torn in a record")
        return plant.verdict()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shim", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    options = parser.parse_args()
    again = f"again with: {sys.argv[0]} --rounds {options.rounds} --seed {options.seed}"
    print(f"{options.rounds} rounds of load and power cut, seed {options.seed} ...", flush=True)
    lost, problems = cut_rounds("sync", options.rounds, options.seed, options.shim)
    for fault in (lost + problems)[:20]:
        print(f"  {fault}")
    if lost or problems:
        sys.exit(again)
    print("  ok: nothing acknowledged was lost, QoS 2 came once")
    print("negative control: the same with durability async loses ...", flush=True)
    lost, problems = cut_rounds("async", options.rounds, options.seed, options.shim)
    if not lost and not any("lost" in problem for problem in problems):
        sys.exit(f"  nothing was lost: this harness does not see a loss ({problems[:3]}), {again}")
    print(f"  ok: {(lost + problems)[0]}")


if __name__ == "__main__":
    main()
