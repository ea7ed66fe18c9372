#!/usr/bin/env python3
"""Short of memory: the broker sheds load in its order, never what is vital, and is well again when
there is room. A small budget stands for a small machine."""

from broker import Broker, run_tests
from wire import PUBLISH, Client, open_socket, packet, text

QUOTA_EXCEEDED = 0x97
CONFIG = """
[listeners.plant]
bind = "127.0.0.1:{port}"
[memory]
budget_mb = %d
[storage]
durability = "async"
cache_mb = 4
[sys]
interval_s = 1
"""
LEVELS = ["none", "slow_senders", "no_new_clients", "drop_qos0"]
PIECE = bytes(256 * 1024)


def resident_mib(broker):
    with open(f"/proc/{broker.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024


def idle_mib():
    """What a broker takes that has nothing to do: builds differ."""
    with Broker(CONFIG % 100_000) as broker:
        Client(broker.port, "c").ping()
        return resident_mib(broker)


def fill_until(broker, filler, level, start):
    """Retained messages until the level is reached or passed; how many there are now."""
    number = start
    while True:
        for record in broker.seen("memory_overload"):
            if LEVELS.index(record["overload"]) >= level:
                return number
        filler.publish_and_wait(f"fill/{number}", PIECE, retain=True)
        number += 1
        assert number < 4000, broker.records[-3:]


def refusal(port, client_id):
    """The reason code of the CONNACK; None when the socket was closed at once."""
    stream = open_socket(port)
    try:
        stream.sendall(packet(0x10, text("MQTT") + b"\x05\x02\x00\x00\x00" + text(client_id)))
        answer = stream.recv(100)
    except ConnectionError:
        answer = b""
    stream.close()
    return answer[3] if answer else None


def test_load_is_shed_in_order_and_comes_back():
    with Broker(CONFIG % (idle_mib() + 80)) as broker:
        filler, pub = Client(broker.port, "filler"), Client(broker.port, "pub")
        watcher = Client(broker.port, "watcher")
        for topic_filter in ("line/#", "spBv1.0/#", "STATE/#"):
            watcher.subscribe(topic_filter, 1)
        known = Client(broker.port, "known", clean=False, expiry=3600)
        known.vanish()

        filled = fill_until(broker, filler, LEVELS.index("no_new_clients"), 0)
        if broker.seen("memory_overload")[-1]["overload"] == "no_new_clients":
            assert refusal(broker.port, "new") == QUOTA_EXCEEDED
            Client(broker.port, "known", clean=False, expiry=3600).vanish()
        filled = fill_until(broker, filler, LEVELS.index("drop_qos0"), filled)
        assert refusal(broker.port, "new") in (None, QUOTA_EXCEEDED)
        vital = ["spBv1.0/g/NDEATH/n", "spBv1.0/STATE/h", "STATE/h", "spBv1.0/g/NCMD/n",
                 "spBv1.0/g/DCMD/n/d"]
        pub.publish("line/1", "a value")
        for topic in vital:
            pub.publish(topic, "vital")
        pub.publish_and_wait("line/2", "promised")
        assert [watcher.take_message().topic for _ in range(6)] == vital + ["line/2"]

        for number in range(filled):
            filler.publish_and_wait(f"fill/{number}", b"", retain=True)
        while broker.wait_for("memory_overload")["overload"] != "none":
            pass
        assert refusal(broker.port, "new") == 0
        pub.publish("line/3", "a value")
        assert watcher.take_message().topic == "line/3"
        reader = Client(broker.port, "reader")
        reader.subscribe("$SYS/broker/lineshaft/#", 0)
        values, wanted = {}, {"dropped_qos0_memory", "connections_refused_memory",
                              "reading_paused_memory", "memory_overloads", "memory_overload"}
        # The first values may be those of a round before all this.
        while (not wanted <= values.keys() or values["memory_overload"] != b"none"
               or int(values["dropped_qos0_memory"]) < 1 or int(values["memory_overloads"]) < 1):
            message = reader.take(PUBLISH)
            values[message.topic.rpartition("/")[2]] = message.payload
        print("  " + ", ".join(f"{name} {values[name].decode()}" for name in sorted(wanted)))
        assert broker.stop() == 0


if __name__ == "__main__":
    run_tests(globals())
