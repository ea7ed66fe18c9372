"""A Sparkplug Aware MQTT Server, with mosquitto's clients: certificates and deaths."""

import os
import time

from broker import PATIENCE_S, ROOT, Broker, run_tests
from first_steps_test import client, messages, run, subscriber
from users_test import CONFIG, guarded, log_in
from wire import PUBLISH, Client

VECTORS = f"{ROOT}/tests/vectors/sparkplug"
NBIRTH, DBIRTH = "spBv1.0/G1/NBIRTH/E1", "spBv1.0/G1/DBIRTH/E1/D1"
CERTIFICATES = "$sparkplug/certificates/"
ALL = CERTIFICATES + "#"
# Printed as: retain flag, topic, payload in hexadecimal digits.
SEEN = "%r %t %x"
VERSIONS = ("mqttv311", "mqttv5")


def vector(name):
    with open(os.path.join(VECTORS, name), "rb") as file:
        return file.read()


def send(broker, topic, name, *options):
    run(client(broker, "mosquitto_pub", "-t", topic, "-f", os.path.join(VECTORS, name), *options))


def timestamp_of(payload):
    """Field 1 in front, as the broker writes it."""
    assert payload[0] == 0x08, payload.hex()
    value, shift, at = 0, 0, 1
    while True:
        value |= (payload[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if payload[at - 1] < 0x80:
            return value, payload[at:]


def test_a_reader_that_was_there_before_the_birth_sees_a_retained_certificate():
    """tck-id-conformance-mqtt-aware-nbirth-mqtt-topic, -nbirth-mqtt-retain, -dbirth-mqtt-topic,
    -dbirth-mqtt-retain, -store"""
    nbirth, dbirth = vector("01-nbirth-plain.bin"), vector("02-dbirth-alias.bin")
    for version in VERSIONS:
        with Broker() as broker:
            reader = subscriber(broker, "-t", ALL, "-V", version, "-F", SEEN, "-C", "2")
            exact = subscriber(broker, "-t", CERTIFICATES + NBIRTH, "-V", version, "-F", SEEN,
                               "-C", "1")
            plain = subscriber(broker, "-t", "spBv1.0/#", "-V", version, "-F", SEEN, "-C", "2")
            all_of_it = subscriber(broker, "-t", "#", "-V", version, "-F", SEEN, "-C", "3")
            send(broker, NBIRTH, "01-nbirth-plain.bin")
            send(broker, DBIRTH, "02-dbirth-alias.bin")
            send(broker, "end", "06-ndeath.bin")
            first = f"1 {CERTIFICATES}{NBIRTH} {nbirth.hex()}"
            second = f"1 {CERTIFICATES}{DBIRTH} {dbirth.hex()}"
            assert messages(reader) == [first, second]
            assert messages(exact) == [first]
            # The births themselves come once, unchanged and unretained.
            births = [f"0 {NBIRTH} {nbirth.hex()}", f"0 {DBIRTH} {dbirth.hex()}"]
            assert messages(plain) == births
            assert messages(all_of_it)[:2] == births  # and "#" shows nothing below "$"
            late = subscriber(broker, "-t", CERTIFICATES + "spBv1.0/+/NBIRTH/+", "-V", version,
                              "-F", SEEN, "-C", "1")
            assert messages(late) == [first]


def test_certificates_survive_kill_9_and_only_a_better_birth_replaces_them():
    with Broker() as broker:
        send(broker, NBIRTH, "01-nbirth-plain.bin")
        for name in sorted(os.listdir(VECTORS)):
            # What does not decode, is empty, or has no such topic is passed on and forgotten.
            if name.startswith("inv-") and name != "inv-wrong-wiretype.bin":
                send(broker, NBIRTH, name)
        run(client(broker, "mosquitto_pub", "-t", NBIRTH, "-n"))
        for topic in (NBIRTH + "/D1", "spBv1.0/G1/DBIRTH/E1", "spBv1.0//NBIRTH/E1",
                      "spBv1.0/G1/nbirth/E1", "spAv1.0/G1/NBIRTH/E1"):
            send(broker, topic, "01-nbirth-plain.bin")
        seen = subscriber(broker, "-t", ALL, "-F", SEEN, "-C", "1")
        kept = [f"1 {CERTIFICATES}{NBIRTH} {vector('01-nbirth-plain.bin').hex()}"]
        assert messages(seen) == kept
        wait_until_written(broker)
        broker.restart()
        assert messages(subscriber(broker, "-t", ALL, "-F", SEEN, "-C", "1")) == kept
        send(broker, NBIRTH, "27-nbirth-seq-nonzero.bin", "-r")
        newest = f"1 {CERTIFICATES}{NBIRTH} {vector('27-nbirth-seq-nonzero.bin').hex()}"
        assert messages(subscriber(broker, "-t", ALL, "-F", SEEN, "-C", "1")) == [newest]


def wait_until_written(broker):
    """A QoS 1 retained message is acknowledged behind everything that came before it."""
    writer = Client(broker.port, "writer")
    writer.publish_and_wait("written", "x", 1, retain=True)
    writer.disconnect()


def test_nobody_else_speaks_below_sparkplug():
    with Broker() as broker:
        forger = Client(broker.port, "forger")
        for topic in (CERTIFICATES + NBIRTH, CERTIFICATES, "$sparkplug/x"):
            assert forger.publish_and_wait(topic, "x", 1, retain=True) == 0x87
        forger.subscribe("$sparkplug/#", 0)
        forger.publish(NBIRTH, vector("01-nbirth-plain.bin"))
        assert forger.take(PUBLISH).topic == CERTIFICATES + NBIRTH
        forger.ping()


def test_a_death_tells_when_it_was_delivered():
    """tck-id-conformance-mqtt-aware-ndeath-timestamp"""
    topic = "spBv1.0/G1/NDEATH/E1"
    for name in ("06-ndeath.bin", "07-ndeath-timestamp.bin"):
        old = vector(name)
        with Broker() as broker:
            reader = Client(broker.port, "reader")
            reader.subscribe("spBv1.0/#", 0)
            before = time.time() * 1000 - 1
            send(broker, topic, name)
            sent = reader.take(PUBLISH).payload
            paho_will(broker, topic, old)
            died = reader.take(PUBLISH).payload
            for payload in (sent, died):
                stamp, rest = timestamp_of(payload)
                assert before <= stamp <= time.time() * 1000 + 1, stamp
                _, old_rest = timestamp_of(old) if old[0] == 0x08 else (0, old)
                assert rest == old_rest, payload.hex()
            # A DDEATH is the node's own, and stays as it is.
            send(broker, "spBv1.0/G1/DDEATH/E1/D1", "08-ddeath.bin")
            assert reader.take(PUBLISH).payload == vector("08-ddeath.bin")


def paho_will(broker, topic, payload):
    """A node that dies without a word."""
    from clients_test import Paho
    node = Paho(broker, "E1", 4, will=(topic, payload, 1, False)).connect()
    node.client.loop_stop()
    node.client.socket().shutdown(2)


def refused(who, topic_filter):
    try:
        who.subscribe(topic_filter, 0)
    except AssertionError:
        return True
    return False


RULES = ("user node\npublish spBv1.0/#\nuser g1\nsubscribe spBv1.0/G1/#\n"
         "user none\nsubscribe plant/#\n")


def test_who_may_read_a_birth_may_read_its_certificate():
    broker = guarded({"node": "eraser", "g1": "telescope", "none": "magnet"}, RULES)
    broker.write_config(CONFIG)
    with broker:
        node, _ = log_in(broker, "node", "node", "eraser")
        for group in ("G1", "G2"):
            node.publish(f"spBv1.0/{group}/NBIRTH/E1", vector("01-nbirth-plain.bin"))
        node.ping()
        reader, _ = log_in(broker, "g1", "g1", "telescope")
        reader.subscribe(ALL, 0)
        assert reader.take(PUBLISH).topic == CERTIFICATES + NBIRTH
        assert refused(reader, CERTIFICATES + "spBv1.0/G2/#")
        for group in ("G2", "G1"):
            node.publish(f"spBv1.0/{group}/NBIRTH/E1", vector("01-nbirth-plain.bin"))
        assert reader.take(PUBLISH).topic == CERTIFICATES + NBIRTH
        reader.ping()
        stranger, _ = log_in(broker, "none", "none", "magnet")
        assert refused(stranger, CERTIFICATES + "spBv1.0/#")


if __name__ == "__main__":
    run_tests(globals())
