#!/usr/bin/env python3
"""What hostile or broken clients try, over real sockets: it costs them their connection, the broker
next to nothing, and everybody else notices nothing."""

import datetime
import selectors
import socket
import struct
import time

from broker import PATIENCE_S, Broker, run_tests
from wire import (DISCONNECT, PUBLISH, SUBACK, Client, Closed, open_socket, packet, text,
                  varint)

MIB = 1 << 20
PROTOCOL_ERROR, QUOTA_EXCEEDED, PACKET_TOO_LARGE = 0x82, 0x97, 0x95
LISTENER = '[listeners.plant]\nbind = "127.0.0.1:{port}"\n'


def memory_kib(broker, name):
    """`VmRSS` is what the broker holds now, `VmHWM` the most it ever held."""
    with open(f"/proc/{broker.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))


def stamp(record):
    """A record's time by the broker's clock, in seconds."""
    return datetime.datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()


def to_the_end(client):
    """Everything that still comes, until the broker has closed the connection."""
    packets = []
    try:
        while True:
            packets.append(client.take())
    except Closed:
        return packets


def connected(broker, client_id):
    """A client, and the broker's time of its CONNECT."""
    client = Client(broker.port, client_id)
    while True:
        record = broker.wait_for("client_connected")
        if record["client_id"] == client_id:
            return client, stamp(record)


def drip(sockets):
    """Feeds every socket of `sockets` (socket: bytes to send) a byte each 100 ms until all are
    closed by the other side."""
    waiting = selectors.DefaultSelector()
    for one in sockets:
        one.setblocking(False)
        waiting.register(one, selectors.EVENT_READ)
    sent, next_byte, end = 0, 0.0, time.monotonic() + PATIENCE_S
    while waiting.get_map():
        assert time.monotonic() < end, f"{len(waiting.get_map())} are still open"
        if time.monotonic() >= next_byte:
            next_byte = time.monotonic() + 0.1
            for key in list(waiting.get_map().values()):
                piece = sockets[key.fileobj][sent:sent + 1]
                try:
                    key.fileobj.send(piece)
                except OSError:
                    pass  # closed meanwhile: the read says so
            sent += 1
        for key, _ in waiting.select(0.05):
            try:
                answer = key.fileobj.recv(4096)
            except ConnectionError:
                answer = b""
            if not answer:
                waiting.unregister(key.fileobj)
                key.fileobj.close()


def test_half_open_and_dripping_connections_end_at_the_deadline():
    connect = packet(0x10, text("MQTT") + b"\x05\x02\x00\x00\x00" + text("x" * 200))
    with Broker() as broker:
        bystander, first = connected(broker, "bystander")
        bystander.subscribe("line/#")
        slow = {}
        for number in range(300):
            # Silent ones, ones that begin a CONNECT and stop, ones that never get to its end.
            bytes_to_drip = (b"", connect[:7], connect)[number % 3]
            slow[open_socket(broker.port)] = bytes_to_drip
        # Accepted in their order: everybody above was there before this one.
        witness, last = connected(broker, "witness")
        drip(slow)
        ended = []
        while len(ended) < 300:
            ended.append(stamp(broker.wait_for("connect_timeout")))
        assert min(ended) >= first + 4.9, f"after {min(ended) - first:.2f} s: too early"
        assert max(ended) <= last + 6, f"after {max(ended) - last:.2f} s: too late"
        witness.publish_and_wait("line/1", "still here")
        assert bystander.take_message().payload == b"still here"
        assert broker.stop() == 0


def claims(broker, body, sent_bytes):
    """40 clients each of which announces `body` bytes of PUBLISH and sends `sent_bytes` of them."""
    header = b"\x30" + varint(body) + text("line/1") + b"\x00"
    clients = [Client(broker.port, f"claims-{number}") for number in range(40)]
    for client in clients:
        client.send(header + bytes(sent_bytes))
    return clients


def test_claims_of_huge_packets_cost_nothing():
    with Broker() as broker:
        before = memory_kib(broker, "VmRSS")
        # Without CONNECT nobody knows in which version to answer: just the end.
        for _ in range(40):
            stranger = open_socket(broker.port)
            stranger.sendall(b"\x10" + varint(256 * MIB - 1))
            assert stranger.recv(100) in (b"", b"\x20\x02\x00\x01")
        for client in claims(broker, 256 * MIB - 1, 0):
            last = to_the_end(client)
            assert [one.reason for one in last] == [PACKET_TOO_LARGE], last
        grown = memory_kib(broker, "VmHWM") - before
        print(f"  {grown} KiB")
        assert grown <= 20 * 1024
        assert broker.stop() == 0


def test_a_permitted_huge_packet_costs_what_was_sent_of_it():
    config = LISTENER + f"[mqtt]\npacket_size_bytes_max = {256 * MIB + 4}\n"
    with Broker(config) as broker:
        before = memory_kib(broker, "VmRSS")
        clients = claims(broker, 256 * MIB - 100, 128 * 1024)
        other = Client(broker.port, "other")
        other.ping()
        grown = memory_kib(broker, "VmHWM") - before
        print(f"  {grown} KiB for {40 * 128} KiB")
        assert grown <= 20 * 1024
        for client in clients:
            client.vanish()
        other.ping()
        assert broker.stop() == 0


def stalled_readers(broker, qos):
    """100 clients that subscribe and then never read."""
    for number in range(100):
        stream = socket.socket()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.settimeout(PATIENCE_S)
        stream.connect(("127.0.0.1", broker.port))
        body = text("MQTT") + b"\x05\x02\x00\x00\x00" + text(f"stalled-{number}")
        subscribe = struct.pack(">H", 1) + b"\x00" + text("big/#") + bytes([qos])
        stream.sendall(packet(0x10, body) + packet(0x82, subscribe))
        answer = b""
        while len(answer) < 2 or SUBACK << 4 not in answer:
            answer += stream.recv(100)
        yield stream


def stall(qos):
    # What is kept as a last value is not the stalled readers' cost.
    with Broker(LISTENER + "[storage]\nlkv = false\n") as broker:
        publisher, watcher = Client(broker.port, "publisher"), Client(broker.port, "watcher")
        watcher.subscribe("big/#", 1)
        readers = list(stalled_readers(broker, qos))
        before = memory_kib(broker, "VmRSS")
        payload = bytes(MIB)
        for number in range(32):
            publisher.publish_and_wait(f"big/{number}", payload)
            assert watcher.take_message().topic == f"big/{number}"
        grown = memory_kib(broker, "VmHWM") - before
        print(f"  QoS {qos}: {grown} KiB")
        assert grown <= 64 * 1024
        for reader in readers:
            reader.close()
        publisher.ping()
        assert broker.stop() == 0


def test_stalled_readers_share_what_waits_for_them():
    stall(0)
    stall(1)


def test_subscriptions_end_at_the_limit_and_the_others_stay():
    with Broker() as broker:
        other, greedy = Client(broker.port, "other"), Client(broker.port, "greedy")
        other.subscribe("line/#")
        for start in range(0, 50_000, 500):
            filters = (text(f"line/{number}/+") + b"\x00" for number in range(start, start + 500))
            greedy.send(packet(0x82, struct.pack(">H", start // 500 + 1) + b"\x00" +
                               b"".join(filters)))
        codes = b"".join(greedy.answer(SUBACK).body[3:] for _ in range(100))
        assert codes == bytes(10_000) + bytes([QUOTA_EXCEEDED]) * 40_000
        other.publish_and_wait("line/9999/a", "granted")
        other.publish_and_wait("line/10000/a", "refused")
        other.publish_and_wait("line/1/a", "last")
        assert [greedy.take_message().payload for _ in range(2)] == [b"granted", b"last"]
        assert [other.take_message().payload for _ in range(3)] == [b"granted", b"refused", b"last"]
        broker.wait_for("subscription_refused")
        assert broker.stop() == 0
        assert len(broker.seen("subscription_refused")) == 1, "one line, not one per filter"


def test_packets_of_the_wrong_direction_close_the_connection():
    server_packets = {2: b"\x00\x00\x00", 9: b"\x00\x01\x00\x00", 11: b"\x00\x01\x00\x00", 13: b""}
    with Broker() as broker:
        bystander = Client(broker.port, "bystander")
        bystander.subscribe("#")
        for version in (4, 5):
            for kind, body in server_packets.items():
                client = Client(broker.port, f"wrong-{kind}-{version}", version=version)
                client.send(packet(kind << 4, body) + client.publish_bytes("after", "x"))
                ends = to_the_end(client)
                told = [(one.kind, one.reason) for one in ends]
                assert told == ([(DISCONNECT, PROTOCOL_ERROR)] if version == 5 else []), told
        Client(broker.port, "last").publish_and_wait("sentinel", "")
        assert bystander.take(PUBLISH).topic == "sentinel", "nothing behind a fault is processed"
        assert broker.stop() == 0


NOT_UTF8 = {"lone continuation": b"\x80", "cut off": b"\xe2\x82", "overlong": b"\xc0\xaf",
            "surrogate": b"\xed\xa0\x80", "beyond the last": b"\xf4\x90\x80\x80",
            "old six bytes": b"\xfc\x80\x80\x80\x80\x80", "null": b"a\x00b",
            "latin-1": "Pr\xfcfstand".encode("latin-1")}


def test_text_that_is_not_utf8_never_reaches_a_subscriber():
    user_property = lambda name, value: b"\x26" + text(name) + text(value)
    with Broker() as broker:
        watcher = Client(broker.port, "watcher")
        watcher.subscribe("#", 0)
        tried = 0
        for bad in NOT_UTF8.values():
            for version in (4, 5):
                publishes = [(b"x/" + bad, b"")]
                if version == 5:
                    publishes += [("x", user_property(bad, "v")), ("x", user_property("k", bad)),
                                  ("x", b"\x03" + text(bad)), ("x", b"\x08" + text(b"r/" + bad))]
                for topic, properties in publishes:
                    client = Client(broker.port, f"bad-{tried}", version=version)
                    client.send(client.publish_bytes(topic, "x", properties=properties))
                    assert all(one.kind == DISCONNECT for one in to_the_end(client))
                    tried += 1
                wills = [(b"w/" + bad, b"")]
                if version == 5:
                    wills += [("w", user_property(bad, "v")), ("w", user_property("k", bad))]
                connects = [(bad, None, None)] + [("ok", topic, props) for topic, props in wills]
                for client_id, topic, properties in connects:
                    flags = 2 if topic is None else 6
                    body = text("MQTT") + bytes([version, flags]) + b"\x00\x00"
                    body += (b"\x00" if version == 5 else b"") + text(client_id)
                    if topic is not None:
                        head = varint(len(properties)) + properties if version == 5 else b""
                        body += head + text(topic) + text("gone")
                    stranger = open_socket(broker.port)
                    stranger.sendall(packet(0x10, body))
                    answer = stranger.recv(100)
                    assert answer == b"" or answer[3] != 0, (client_id, topic, answer)
                    stranger.close()
                    tried += 1
        Client(broker.port, "last").publish_and_wait("sentinel", "")
        assert watcher.take(PUBLISH).topic == "sentinel", "something got through"
        print(f"  {tried} tries")
        assert broker.stop() == 0


def test_keep_alive_is_never_enforced_early():
    """How late it may be is the conformance tests' matter: there the clock is virtual."""
    keep_alive_s, rounds = 1, 8
    with Broker() as broker:
        clients = []
        for number in range(20):
            clients.append(Client(broker.port, f"silent-{number}", keep_alive=keep_alive_s))
        steady = Client(broker.port, "steady", keep_alive=keep_alive_s)
        sent, longest = {}, 0.0
        for client in clients:
            sent[client.socket] = time.monotonic()  # the broker cannot have it earlier
            client.send(b"\xc0\x00")
        waiting = selectors.DefaultSelector()
        for client in clients:
            client.socket.setblocking(False)
            waiting.register(client.socket, selectors.EVENT_READ)
        last_ping = time.monotonic()
        steady.ping()
        pings = 1
        while waiting.get_map() or pings < rounds:
            for key, _ in waiting.select(0.2):
                if key.fileobj.recv(4096):
                    continue
                silent = time.monotonic() - sent[key.fileobj]
                assert silent >= 1.5 * keep_alive_s, f"closed after {silent:.3f} s"
                waiting.unregister(key.fileobj)
            if time.monotonic() - last_ping > 0.8 and pings < rounds:
                last_ping, previous = time.monotonic(), last_ping
                longest = max(longest, last_ping - previous)
                try:
                    steady.ping()
                except (Closed, AssertionError):
                    assert longest >= 1.5 * keep_alive_s, "closed though it kept alive"
                    print("  this machine was too slow to keep alive")
                    return
                pings += 1
        for _ in clients:
            broker.wait_for("keep_alive_timeout")
        steady.vanish()
        assert broker.stop() == 0


if __name__ == "__main__":
    run_tests(globals())
