#!/usr/bin/env python3
"""Mutated packets over real sockets: the broker does not crash, hang or grow, and a client that
behaves notices nothing.

    mutation_test.py TABLE_PROGRAM [--packets N] [--seed S] [--growth-kib N]

Every packet of the packet case table (see tests/support) is a seed. Each mutated packet has a
connection of its own: the CONNECT it needs, the packet, PINGREQ, and the end of our side. The
broker must answer with the end of its side. `--growth-kib`: how much memory it may gain after the
first fifth of the packets, which fills its caches; without it, memory is not looked at."""

import argparse
import json
import random
import selectors
import socket
import subprocess
import sys
import time

from broker import PATIENCE_S, Broker
from wire import Client

CONCURRENT = 64
WARM_UP = 0.2
PINGREQ = b"\xc0\x00"
INTERESTING = bytes([0, 1, 2, 0x7F, 0x80, 0xC0, 0xED, 0xFF])
CONFIG = """
[listeners.tcp]
bind = "127.0.0.1:{port}"
connects_per_s_max = 0
[listeners.unix]
bind = "unix:{folder}/mqtt.sock"
connects_per_s_max = 0
[log.rooms]
core = "error"
net = "error"
[mqtt]
session_expiry_s_max = 1
[storage]
durability = "async"
ram_topics_max = 1000
will_grace_s = 0
"""


class Mutator:
    def __init__(self, cases, seed):
        self.random = random.Random(seed)
        self.cases = [(bytes.fromhex(case["connect"]), bytes.fromhex(case["bytes"]))
                      for case in cases if len(case["bytes"]) < 8192]

    def next(self):
        """Bytes of one connection."""
        connect, seed = self.random.choice(self.cases)
        data = bytearray(seed)
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 8))):
            self._change(data)
        return connect + bytes(data) + PINGREQ

    def _change(self, data):
        pick = self.random
        at = pick.randrange(len(data)) if data else 0
        kind = pick.randrange(8) if data else 2
        if kind == 0:
            data[at] ^= 1 << pick.randrange(8)
        elif kind == 1:
            data[at] = pick.choice(INTERESTING)
        elif kind == 2:
            data[at:at] = pick.randbytes(pick.randint(1, 4))
        elif kind == 3:
            del data[at:at + pick.randint(1, 4)]
        elif kind == 4:
            data[at:at] = data[at:at + pick.randint(1, 64)] * pick.randint(1, 4)
        elif kind == 5:
            del data[at:]
        elif kind == 6:
            other = pick.choice(self.cases)[1]
            data[at:] = other[pick.randrange(len(other)):]
        elif len(data) > 1:
            # Remaining Length, or with luck another length, off by a little.
            place = 1 if pick.randrange(2) else at
            data[place] = (data[place] + pick.choice((-2, -1, 1, 2))) & 0xFF


def resident_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


class Storm:
    """`CONCURRENT` connections at a time; most over a Unix socket, which needs no ports."""

    def __init__(self, broker, mutator):
        self.broker, self.mutator = broker, mutator
        self.waiting = selectors.DefaultSelector()
        self.sent = {}

    def run(self, packets):
        begun = 0
        while begun < packets or self.sent:
            while begun < packets and len(self.sent) < CONCURRENT:
                self._begin(over_tcp=begun % 20 == 0)
                begun += 1
            ready = self.waiting.select(PATIENCE_S)
            assert ready, "no answer to " + next(iter(self.sent.values())).hex()
            for key, _ in ready:
                self._read(key.fileobj)

    def _begin(self, over_tcp):
        data = self.mutator.next()
        if over_tcp:
            stream = socket.create_connection(("127.0.0.1", self.broker.port), PATIENCE_S)
        else:
            stream = socket.socket(socket.AF_UNIX)
            stream.settimeout(PATIENCE_S)
            stream.connect(f"{self.broker.folder}/mqtt.sock")
        try:
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused already; what it answered can still be read
        self.sent[stream] = data
        self.waiting.register(stream, selectors.EVENT_READ)

    def _read(self, stream):
        try:
            if stream.recv(1 << 16):
                return
        except ConnectionError:
            pass
        self.waiting.unregister(stream)
        del self.sent[stream]
        stream.close()


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--packets", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--growth-kib", type=int, default=None)
    return parser.parse_args()


def main():
    options = parse()
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"{options.packets} packets, seed {seed}", flush=True)
    table = subprocess.run([options.table], check=True, capture_output=True, text=True).stdout
    mutator = Mutator([json.loads(line) for line in table.splitlines()], seed)
    began = time.monotonic()
    with Broker(CONFIG) as broker:
        # A subscription would have to match what the mutants say: this one is its own.
        bystander = Client(broker.port, "bystander")
        bystander.subscribe("only/mine")
        storm = Storm(broker, mutator)
        storm.run(int(options.packets * WARM_UP))
        warm = resident_kib(broker.process)
        storm.run(options.packets - int(options.packets * WARM_UP))
        grown = resident_kib(broker.process) - warm
        bystander.publish_and_wait("only/mine", "still here")
        assert bystander.take_message().payload == b"still here"
        assert broker.stop() == 0, "the broker found a fault of its own"
        # What a sanitizer says at the end is no record.
        said = [record["text"] for record in broker.seen("text")]
        assert not said, "\n".join(said)
    print(f"{time.monotonic() - began:.0f} s, {grown} KiB after {warm} KiB", flush=True)
    assert options.growth_kib is None or grown < options.growth_kib, f"grown by {grown} KiB"


if __name__ == "__main__":
    sys.exit(main())
