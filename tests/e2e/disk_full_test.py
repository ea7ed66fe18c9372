"""A full disk: no abort, no acknowledgement for what is not stored, live traffic and reads go on,
and all goes on when space returns."""

import os
import shutil

from broker import Broker, run_tests
from small_disk import enter_own_namespace, small_disk
from wire import PUBACK, PUBLISH, PUBREC, Client, Closed

REFUSED = (0x97, 0x80)
SIZE_MB = 48  # less than what RocksDB reserves for a journal, so that it reserves nothing
LISTENER = '[listeners.default]\nbind = "127.0.0.1:{port}"\n'


def with_small_disk(config, test):
    broker = Broker(config)
    try:
        with small_disk(os.path.join(broker.folder, "disk"), SIZE_MB) as disk:
            if disk is None:
                print("  skipped: mounting a tmpfs is not permitted here")
                return
            broker.data = os.path.join(disk.folder, "data")
            with broker:
                test(broker, disk)
                broker.kill()
    finally:
        shutil.rmtree(broker.folder, ignore_errors=True)


def persistent(broker, name, version=5):
    return Client(broker.port, name, version, clean=False, expiry=3600)


def refuses_what_needs_the_disk(broker):
    client = Client(broker.port, "probe-5")
    assert client.publish_and_wait("state/new", "x", 1, retain=True) in REFUSED
    assert client.publish_and_wait("state/new", "x", 2, retain=True) in REFUSED
    assert client.publish_and_wait("log/new", "x", 1) in REFUSED, "a persistent session wants it"
    old = Client(broker.port, "probe-4", version=4)
    old.publish("log/new", "x", 1)
    try:
        answer = old.take()
        raise AssertionError(f"3.1.1 cannot be told and was answered with {answer.kind}")
    except Closed:
        pass


def serves_what_does_not(broker):
    watcher, publisher = Client(broker.port, "watcher"), Client(broker.port, "live")
    watcher.subscribe("live/#", 0)
    for number in range(100):
        publisher.publish("live/x", str(number))
        assert watcher.take(PUBLISH).payload == str(number).encode()
    reader = Client(broker.port, "reader")
    reader.subscribe("state/#", 0)
    assert {reader.take(PUBLISH).topic for _ in range(50)} == {f"state/{n}" for n in range(50)}
    assert broker.process.poll() is None, "the broker has ended"


def night_shift_gets(broker, expected):
    """The offline session has exactly these, and what was refused is not among them."""
    sleeper = persistent(broker, "night")
    assert sleeper.connack.present
    got = set()
    while not expected <= got:
        got.add(sleeper.take_message().payload)
    assert got == expected, sorted(got - expected)[:5]


def test_new_messages_are_refused_below_the_reserve_and_taken_again_above_it():
    def test(broker, disk):
        persistent(broker, "night").subscribe("log/#")
        publisher = Client(broker.port, "day")
        for number in range(50):
            assert publisher.publish_and_wait(f"state/{number}", "on", 1, retain=True) < 0x80
            assert publisher.publish_and_wait("log/x", str(number), 1 + number % 2) == 0
        sleeper = persistent(broker, "night")
        disk.fill(leave=3 << 20)
        broker.wait_for("store_refuses_writes")
        refuses_what_needs_the_disk(broker)
        serves_what_does_not(broker)
        for number in range(20):  # what is queued is delivered, and leaves the store
            assert sleeper.take_message().payload == str(number).encode()
        sleeper.ping()
        sleeper.vanish()
        disk.release()
        broker.wait_for("store_accepts_writes")
        for number in range(50, 80):
            assert publisher.publish_and_wait("log/x", str(number), 1) == 0
        broker.restart()
        serves_what_does_not(broker)
        night_shift_gets_at_least(broker, {str(n).encode() for n in range(20, 80)})
    with_small_disk(LISTENER + "[storage]\nreserve_mb = 8\n", test)


def night_shift_gets_at_least(broker, expected):
    sleeper = persistent(broker, "night")
    assert sleeper.connack.present
    got = set()
    while not expected <= got:
        got.add(sleeper.take_message().payload)


def test_a_disk_that_is_full_at_once_loses_nothing_that_was_acknowledged():
    def test(broker, disk):
        sleeper = persistent(broker, "night")
        sleeper.subscribe("log/#")
        sleeper.disconnect()
        state = Client(broker.port, "state")
        for number in range(50):
            assert state.publish_and_wait(f"state/{number}", "on", 1, retain=True) < 0x80
        publishers = [(Client(broker.port, "day-1"), 1), (Client(broker.port, "day-2"), 2)]
        disk.fill()
        sent = {}
        for number in range(200):
            for publisher, qos in publishers:
                payload = f"{qos}-{number}-".encode() + b"." * 2000
                sent[publisher, publisher.publish("log/x", payload, qos)] = payload
        broker.wait_for("store_refuses_writes")
        refuses_what_needs_the_disk(broker)
        serves_what_does_not(broker)
        disk.release()
        broker.wait_for("store_accepts_writes")
        acknowledged = set()
        for publisher, qos in publishers:
            for _ in range(200):
                answer = publisher.answer(PUBACK if qos == 1 else PUBREC)
                if answer.reason < 0x80:
                    acknowledged.add(sent[publisher, answer.id])
                else:
                    assert answer.reason in REFUSED, f"{answer.reason:#x}"
        print(f"  {len(acknowledged)} of 400 acknowledged, the others refused")
        assert state.publish_and_wait("log/x", "after", 1) == 0
        broker.restart()
        night_shift_gets(broker, acknowledged | {b"after"})
        serves_what_does_not(broker)
    with_small_disk(LISTENER + "[storage]\nreserve_mb = 1\n", test)


if __name__ == "__main__":
    enter_own_namespace()
    run_tests(globals())
