"""Policies that follow each other under load: nothing is published, delivered, replayed or taken
from a queue outside the policy in force, and nothing under the old one after a reload returned.

Three policies take turns; each allows one of the topics .../a, .../b, .../c only. So what was sent
after one reload returned and was through before the next one began may arrive on one topic, what
was on its way during a reload on two, and never on the third."""

import argparse
import collections
import multiprocessing
import socket
import statistics
import threading
import time

from admin_client import ask, socket_of
from broker import PATIENCE_S, Broker
from users_test import connect_packet, passwd
from wire import CONNACK, PINGRESP, PUBACK, PUBLISH, SUBACK, UNSUBACK, Client, packet, text

CONFIG = """authorization = "zones"
[listeners.default]
bind = "127.0.0.1:{port}"
zones = ["ot"]
[net]
connect_deadline_ms = 60000
[users]
file = "{folder}/users"
[users.storm]
zone = "ot"
roles = ["writer"]
[users.reader]
zone = "ot"
roles = ["reader"]
[users.clock]
zone = "ot"
roles = ["clock"]
[zones.ot]
sl_t = 1
owns = ["t/#", "p/#", "r/#", "d/#", "clock"]
[roles.clock]
publish = ["clock"]
subscribe = ["clock"]
[roles.writer]
publish = ["t/#", "p/ALLOWED", "r/#", "d/#"]
[roles.reader]
subscribe = ["t/ALLOWED", "p/#", "r/ALLOWED", "d/ALLOWED"]
"""
LETTERS = "abc"
PUBLISH_SIZE = 17
PINGREQ = bytes([0xC0, 0])


def policy(number):
    return CONFIG.replace("ALLOWED", LETTERS[number % 3])


def publish(topic, payload):
    return packet(0x30, text(topic) + payload.encode())


def join(broker, client_id, user, clean=True):
    """A client of MQTT 3.1.1 that is in."""
    raw = Client(broker.port, client_id, version=4, connect=False)
    connect = bytearray(connect_packet(client_id, user, "pencil", version=4))
    if not clean:
        connect[9] &= ~2
    raw.send(bytes(connect))
    assert raw.take(CONNACK).reason == 0
    return raw


class Storm:
    """Publishes as fast as the broker takes it, each message with the number of its phase."""

    def __init__(self, broker):
        self.client = join(broker, "storm", "storm")
        self.sent = 0

    def blow(self, phase, goes_on):
        """Until `goes_on` says no; returns when the broker has judged all of it."""
        blob = b"".join(publish(f"{kind}/{letter}", f"{phase:>10}")
                        for kind in "tp" for letter in LETTERS) * 50
        while True:
            self.client.send(blob)
            self.sent += 300
            if not goes_on():
                break
        self.client.send(PINGREQ)
        self.client.take(PINGRESP)


class Reader(threading.Thread):
    """Counts what arrives, by topic and phase."""

    def __init__(self, broker):
        super().__init__(daemon=True)
        self.client = join(broker, "reader", "reader")
        for number, topic in enumerate(("t/#", "p/#"), 1):
            self.client.send(packet(0x82, number.to_bytes(2, "big") + text(topic) + b"\0"))
            assert self.client.take(SUBACK).id == number
        self.seen = collections.Counter()
        self.start()

    def run(self):
        data = bytes(self.client.buffer[self.client.at:])
        while True:
            whole = len(data) - len(data) % PUBLISH_SIZE
            self.seen.update(data[at:at + PUBLISH_SIZE] for at in range(0, whole, PUBLISH_SIZE))
            try:
                more = self.client.socket.recv(1 << 20)
            except ConnectionResetError:
                return
            if not more:
                return
            data = data[whole:] + more


def check_arrived(seen):
    arrived = 0
    for message, number in seen.items():
        assert message[:4] == bytes([0x30, PUBLISH_SIZE - 2, 0, 3]), message
        topic, phase = message[4:7].decode(), message[7:].decode().strip()
        policy_number, is_strict = int(phase[:-1]), phase[-1] == "s"
        allowed = {LETTERS[policy_number % 3]}
        if not is_strict:
            allowed.add(LETTERS[(policy_number + 1) % 3])
        assert topic[2] in allowed, f"{number} times {topic} under policy {phase}"
        arrived += number
    return arrived


class Asker:
    """Subscribes anew under each policy: of the retained messages one is shown."""

    def __init__(self, broker):
        self.client = join(broker, "asker", "reader")

    def look(self, number):
        client = self.client
        client.send(packet(0x82, b"\0\1" + text("r/#") + b"\0"))
        assert client.take(SUBACK).id == 1
        shown = client.take(PUBLISH).topic
        client.send(packet(0xA2, b"\0\2" + text("r/#")))
        following = client.take()
        assert following.kind == UNSUBACK, following.__dict__
        assert shown == f"r/{LETTERS[number % 3]}", (shown, number)


class Sleeper:
    """A session whose client is away: what has waited is judged when it leaves."""

    def __init__(self, broker, sender):
        self.broker, self.sender, self.message_id = broker, sender, 0
        client = join(broker, "sleeper", "reader", clean=False)
        client.send(packet(0x82, b"\0\1" + text("d/#") + b"\1"))
        assert client.take(SUBACK).id == 1
        client.vanish()
        self.waits = []

    def fill(self, number):
        for letter in LETTERS:
            self.message_id += 1
            body = text(f"d/{letter}") + self.message_id.to_bytes(2, "big") + str(number).encode()
            self.sender.send(packet(0x32, body))
            assert self.sender.take(PUBACK).id == self.message_id
        self.waits.append(number)

    def wake(self, number):
        """Messages that were queued under this policy come, those under the last ones do not."""
        client = join(self.broker, "sleeper", "reader", clean=False)
        client.send(PINGREQ)
        while (came := client.take()).kind == PUBLISH:
            assert came.topic == f"d/{LETTERS[number % 3]}", (came.topic, number, self.waits)
            client.send(packet(0x40, came.id.to_bytes(2, "big")))
        assert came.kind == PINGRESP
        client.vanish()
        self.waits = []


def tick(port, results, stop):
    """A client of its own process: how long its messages take to come back."""
    broker = argparse.Namespace(port=port)
    client = join(broker, "clock", "clock")
    client.send(packet(0x82, b"\0\1" + text("clock") + b"\0"))
    client.take(SUBACK)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    taken = []
    while not stop.is_set():
        began = time.monotonic()
        client.send(publish("clock", "x"))
        client.take(PUBLISH)
        taken.append((began, time.monotonic() - began))
        stop.wait(0.002)
    results.put(taken)


def p99(values):
    return statistics.quantiles(values, n=100)[98] if len(values) > 1 else float("nan")


def say_latency(taken, reloads):
    """No assertion: it says something of a machine that does nothing else."""
    during, quiet = [], []
    for began, duration in taken:
        is_during = any(a <= began + duration and began <= b for a, b in reloads)
        (during if is_during else quiet).append(duration)
    print(f"  p99 during reloads {p99(during) * 1e3:.2f} ms ({len(during)}), between them "
          f"{p99(quiet) * 1e3:.2f} ms ({len(quiet)}), ratio {p99(during) / p99(quiet):.2f}")


def storm(reloads):
    broker = Broker(policy(0))
    for user in ("storm", "reader", "clock"):
        passwd(broker, user, password="pencil")
    with broker:
        sender = join(broker, "sender", "storm")
        for number, letter in enumerate(LETTERS, 1):
            sender.send(packet(0x33, text(f"r/{letter}") + number.to_bytes(2, "big") + b"kept"))
            assert sender.take(PUBACK).id == number
        blower, reader = Storm(broker), Reader(broker)
        asker, sleeper = Asker(broker), Sleeper(broker, sender)
        results, stop = multiprocessing.Queue(), multiprocessing.Event()
        clock = multiprocessing.Process(target=tick, args=(broker.port, results, stop))
        clock.start()
        began, times = time.monotonic(), []
        for number in range(reloads):
            asker.look(number)
            if number % 15 == 1:
                sleeper.fill(number)
            if number % 15 == 2:
                sleeper.fill(number)
                sleeper.wake(number)
            blower.blow(f"{number}s", iter([True, False]).__next__)
            broker.write_config(policy(number + 1))
            times.append(reload_under(broker, blower, f"{number}l"))
        took = time.monotonic() - began
        stop.set()
        taken = results.get(timeout=PATIENCE_S)
        clock.join()
        assert broker.stop() == 0
        reader.join(PATIENCE_S)
        arrived = check_arrived(reader.seen)
        assert arrived > reloads
        print(f"  {reloads} policies in {took:.1f} s, {blower.sent / took:.0f} messages/s "
              f"published, {arrived} delivered; a reload took "
              f"{statistics.median(b - a for a, b in times) * 1e3:.0f} ms")
        say_latency(taken, times)


def reload_under(broker, blower, phase):
    """A reload while the storm blows; when it began and when it returned."""
    done = []

    def call():
        began = time.monotonic()
        answer = ask(socket_of(broker), "/api/v1/config:reload", "POST")
        done.append((began, time.monotonic(), answer.status, answer.body))

    caller = threading.Thread(target=call)
    caller.start()
    blower.blow(phase, lambda: not done)
    caller.join()
    began, ended, status, body = done[0]
    assert status == 200, body
    return began, ended


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--reloads", type=int, default=20)
    print("policies that follow each other under load ...", flush=True)
    storm(arguments.parse_args().reloads)
    print("  ok", flush=True)
