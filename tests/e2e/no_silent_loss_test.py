"""Where other brokers lose messages with default settings: nothing is lost or reordered here."""

import struct

from broker import Broker, run_tests
from wire import PUBACK, PUBLISH, Client, packet

OFFLINE_MESSAGES = 5_000
RETAINED_TOPICS = 100_000
FEW_RETAINED_TOPICS = 5_000


def publish_all(client, topics, payloads, qos=1, retain=False):
    """Pipelined in windows below our Receive Maximum, every acknowledgement awaited."""
    window = []
    for topic, payload in zip(topics, payloads):
        packet_id = client.take_id()
        window.append(packet_id)
        client.send(client.publish_bytes(topic, payload, qos, packet_id, retain))
        if len(window) == 200:
            await_acks(client, window)
    await_acks(client, window)


def await_acks(client, window):
    for packet_id in window:
        assert client.take(PUBACK).id == packet_id
    window.clear()


def test_a_subscriber_with_receive_maximum_20_gets_everything_in_order():
    with Broker() as broker:
        subscriber = Client(broker.port, "narrow", receive_maximum=20)
        subscriber.subscribe("line/#")
        publisher = Client(broker.port, "fast")
        publish_all(publisher, ["line/count"] * 3_000, [str(n) for n in range(3_000)])
        unacknowledged = []
        for number in range(3_000):
            message = subscriber.take(PUBLISH)
            assert message.payload == str(number).encode()
            unacknowledged.append(message.id)
            assert len(unacknowledged) <= 20
            if len(unacknowledged) == 20 or number == 2_999:
                for packet_id in unacknowledged:
                    subscriber.ack(PUBACK, packet_id)
                unacknowledged.clear()


def test_5000_messages_for_an_offline_session_come_back_all_and_in_order():
    for crash in (False, True):
        with Broker() as broker:
            sleeper = Client(broker.port, "sleeper", clean=False, expiry=3600)
            sleeper.subscribe("shift/#")
            sleeper.disconnect()
            publisher = Client(broker.port, "day")
            publish_all(publisher, ["shift/log"] * OFFLINE_MESSAGES,
                        [str(n) for n in range(OFFLINE_MESSAGES)])
            if crash:
                broker.restart()
            sleeper = Client(broker.port, "sleeper", clean=False, expiry=3600)
            assert sleeper.connack.present == 1
            for number in range(OFFLINE_MESSAGES):
                assert sleeper.take_message().payload == str(number).encode()


def replay(broker, topics, qos, version=5):
    reader = Client(broker.port, f"reader-{qos}-{version}", version=version)
    reader.subscribe("plant/#", qos)
    seen = set()
    while len(seen) < topics:
        message = reader.take_message()
        assert message.retain == 1
        seen.add(message.topic)
    reader.ping()


def test_a_wildcard_subscription_gets_every_retained_message():
    with Broker() as broker:
        publisher = Client(broker.port, "history")
        topics = [f"plant/area{n % 10}/line{n % 97}/cell{n}" for n in range(RETAINED_TOPICS)]
        publish_all(publisher, topics, ["21.5"] * RETAINED_TOPICS, retain=True)
        replay(broker, RETAINED_TOPICS, qos=0)
        replay(broker, RETAINED_TOPICS, qos=1)
        replay(broker, RETAINED_TOPICS, qos=0, version=4)


def test_a_slow_reader_gets_a_replay_that_waits_for_it():
    with Broker() as broker:
        publisher = Client(broker.port, "history")
        topics = [f"plant/{n}" for n in range(FEW_RETAINED_TOPICS)]
        publish_all(publisher, topics, ["x" * 1000] * FEW_RETAINED_TOPICS, retain=True)
        reader = Client(broker.port, "slow", version=4)
        body = struct.pack(">H", 1) + struct.pack(">H", 7) + b"plant/#\x00"
        reader.send(packet(0x82, body))
        # It does not read for as long as it takes others to publish and be answered 200 times.
        other = Client(broker.port, "other")
        for number in range(200):
            other.publish_and_wait("elsewhere", str(number))
        reader.take(9)
        for _ in range(FEW_RETAINED_TOPICS):
            reader.take(PUBLISH)


def test_a_full_queue_drops_the_oldest_counts_it_and_says_so():
    config = ('authorization = "open"\n[listeners.default]\nbind = "127.0.0.1:{port}"\n'
              "[sys]\ninterval_s = 1\n[storage]\nmax_queued = 100\n")
    with Broker(config) as broker:
        sleeper = Client(broker.port, "sleeper", clean=False, expiry=3600)
        sleeper.subscribe("q")
        sleeper.disconnect()
        publisher = Client(broker.port, "day")
        publish_all(publisher, ["q"] * 250, [str(n) for n in range(250)])
        broker.wait_for("queue_full")
        sleeper = Client(broker.port, "sleeper", clean=False, expiry=3600)
        for number in range(150, 250):
            assert sleeper.take_message().payload == str(number).encode()
        watcher = Client(broker.port, "watcher")
        watcher.subscribe("$SYS/broker/lineshaft/dropped_queue_full", 0)
        while watcher.take_message().payload != b"150":
            pass


if __name__ == "__main__":
    run_tests(globals())
