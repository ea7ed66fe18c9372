"""A Sparkplug Aware MQTT Server, with mosquitto's clients: certificates, deaths, and what the
broker knows of edge nodes."""

import json
import os
import socket
import struct
import time

from admin_client import ask, read_metrics, run_verb, socket_of
from broker import PATIENCE_S, ROOT, Broker, run_tests
from clients_test import Paho
from first_steps_test import client, messages, run, subscriber
from users_test import CONFIG, guarded, log_in
from wire import PUBLISH, SUBACK, Client, packet, text, varint

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


def test_it_is_a_sparkplug_compliant_server():
    """tck-id-conformance-mqtt-qos0, tck-id-conformance-mqtt-qos1,
    tck-id-conformance-mqtt-will-messages, tck-id-conformance-mqtt-retained"""
    with Broker() as broker:
        host = Client(broker.port, "host", version=4)
        host.subscribe("spBv1.0/#", 1)
        node = Client(broker.port, "node", version=4)
        for qos in (0, 1):
            node.publish_and_wait("spBv1.0/G1/NDATA/E1", "x", qos)
            message = host.take_message()
            assert (message.payload, message.qos, message.retain) == (b"x", qos, 0)
        state = ("spBv1.0/STATE/scada", '{"online":false,"timestamp":1763600000000}')
        die(Paho(broker, "scada", 4, will=(*state, 1, True)).connect())
        message = host.take_message()
        assert (message.topic, message.qos, message.retain) == (state[0], 1, 0)
        late = Client(broker.port, "late", version=4)
        late.subscribe("spBv1.0/STATE/scada", 1)
        message = late.take_message()
        assert (message.payload.decode(), message.qos, message.retain) == (state[1], 1, 1)


def test_a_reader_that_was_there_before_the_birth_sees_a_retained_certificate():
    """tck-id-conformance-mqtt-aware-nbirth-mqtt-topic,
    tck-id-conformance-mqtt-aware-nbirth-mqtt-retain,
    tck-id-conformance-mqtt-aware-dbirth-mqtt-topic,
    tck-id-conformance-mqtt-aware-dbirth-mqtt-retain, tck-id-conformance-mqtt-aware-store,
    tck-id-conformance-mqtt-aware-basic"""
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
            die(paho_node(broker, topic, old))
            died = reader.take(PUBLISH).payload
            for payload in (sent, died):
                stamp, rest = timestamp_of(payload)
                assert before <= stamp <= time.time() * 1000 + 1, stamp
                _, old_rest = timestamp_of(old) if old[0] == 0x08 else (0, old)
                assert rest == old_rest, payload.hex()
            # A DDEATH is the node's own, and stays as it is.
            send(broker, "spBv1.0/G1/DDEATH/E1/D1", "08-ddeath.bin")
            assert reader.take(PUBLISH).payload == vector("08-ddeath.bin")


def paho_node(broker, topic, payload):
    """An edge node with its will."""
    return Paho(broker, "E1", 4, will=(topic, payload, 1, False)).connect()


def die(node):
    """Without a word."""
    node.client.loop_stop()
    node.client.socket().shutdown(socket.SHUT_RDWR)


def refused(who, topic_filter):
    try:
        who.subscribe(topic_filter, 0)
    except AssertionError:
        return True
    return False


def known(broker, *what):
    """`lineshaft sparkplug WHAT` as JSON."""
    code, said, error = run_verb("sparkplug", *what, "--json", "--socket", socket_of(broker))
    assert code == 0, error
    return json.loads(said)


def values(broker, *owner):
    return {metric["name"]: (metric["value"], metric["quality"])
            for metric in known(broker, "metrics", *owner)["metrics"]}


def wait_for_state(broker, state):
    end = time.monotonic() + PATIENCE_S
    while known(broker, "nodes", "G1", "E1")["nodes"][0]["state"] != state:
        assert time.monotonic() < end, f"never {state}"
        time.sleep(0.05)


def test_the_broker_knows_its_edge_nodes_also_after_a_restart():
    owner, device = ("G1", "E1"), ("G1", "E1", "D1")
    with Broker() as broker:
        node = paho_node(broker, "spBv1.0/G1/NDEATH/E1", vector("06-ndeath.bin"))
        node.publish(NBIRTH, vector("01-nbirth-plain.bin"), 0)
        node.publish(DBIRTH, vector("02-dbirth-alias.bin"), 0)
        node.publish("spBv1.0/G1/DDATA/E1/D1", vector("03-ddata-alias-only.bin"))
        wait_for_state(broker, "online")
        assert values(broker, *owner)["Properties/Hardware Make"] == ("Acme", "Good")
        live = {"Temperature": (67.02075891662389, "Good"), "Motor/Speed": (1614, "Good"),
                "Motor/Running": (False, "Good"), "Batch/Id": ("B4199", "Good")}
        assert values(broker, *device) == live
        shown = messages(subscriber(broker, "-t", "$SYS/broker/sparkplug/nodes/#", "-C", "1"))
        assert json.loads(shown[0])["devices_online"] == 1
        gauges = read_metrics(ask(socket_of(broker), "/metrics").body)
        assert gauges['lineshaft_sparkplug_nodes{state="online"}'] == 1
        assert gauges["lineshaft_sparkplug_metrics"] == 8
        written = "lineshaft_sparkplug_certificates_total"
        assert gauges[written] == 2, gauges[written]
        code, said, _ = run_verb("sparkplug", "nodes", "--socket", socket_of(broker))
        assert code == 0 and said.startswith("G1/E1  online  bdSeq 0"), said
        code, _, error = run_verb("sparkplug", "rebirth", "G1", "E9", "--socket", socket_of(broker))
        assert code == 64 and "no such edge node" in error, error
        node.client.loop_stop()
        assert broker.stop() == 0
        broker.start()
        assert known(broker, "nodes")["nodes"][0]["state"] == "restored"
        assert values(broker, *device) == {name: (value, "Stale")
                                           for name, (value, _) in live.items()}


def test_who_comes_late_and_asks_gets_births_with_current_values():
    with Broker() as broker:
        node = Client(broker.port, "E1")
        node.publish(NBIRTH, vector("01-nbirth-plain.bin"))
        node.publish(DBIRTH, vector("02-dbirth-alias.bin"))
        node.publish("spBv1.0/G1/DDATA/E1/D1", vector("03-ddata-alias-only.bin"))
        node.ping()
        late = Client(broker.port, "late")
        asks = b"\x26" + text("lineshaft-snapshot") + text("1")
        late.send(packet(0x82, b"\0\1" + varint(len(asks)) + asks + text("spBv1.0/#") + b"\0"))
        first, second = late.take(PUBLISH), late.take(PUBLISH)
        late.take(SUBACK)
        node.publish("spBv1.0/G1/DDATA/E1/D1", vector("04-ddata-named.bin"))
        third = late.take(PUBLISH)
        assert (first.topic, second.topic) == (NBIRTH, DBIRTH)
        assert not first.retain and not second.retain
        assert third.payload == vector("04-ddata-named.bin")
        # The value of now, not the birth's.
        current = bytes(second.payload)
        assert struct.pack("<d", 67.02075891662389) in current
        assert struct.pack("<d", 52.994640823453665) not in current


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
