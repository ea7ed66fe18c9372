"""Clients of three makers: paho, MQTT.js and mosquitto's, over MQTT 3.1.1 and 5."""

import os
import queue
import shutil
import subprocess
import sys

from broker import PATIENCE_S, ROOT, Broker, run_tests
from first_steps_test import client, messages, run, subscriber

HERE = os.path.dirname(os.path.abspath(__file__))
# What ./dev fetched, else Debian's.
MQTT_JS = [f"{ROOT}/build/mqttjs/node_modules", "/usr/share/nodejs"]
VERSIONS = {"mqttv311": 4, "mqttv5": 5}
LARGE = 1024 * 1024

try:
    import paho.mqtt.client as paho
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
except ImportError:
    sys.exit("clients_test.py needs Debian's python3-paho-mqtt: ./dev deps test")


class Paho:
    """A paho client with its inbox; `connect()` returns when CONNACK is there."""

    def __init__(self, broker, name, version, persistent=False, will=None, transport="tcp"):
        self.version, self.persistent, self.port = version, persistent, broker.port
        style = [paho.CallbackAPIVersion.VERSION1] if hasattr(paho, "CallbackAPIVersion") else []
        clean = {} if version == 5 else {"clean_session": not persistent}
        self.client = paho.Client(*style, client_id=name, protocol=version, transport=transport,
                                  **clean)
        self.inbox, self.events = queue.Queue(), queue.Queue()
        self.client.on_message = lambda _c, _u, message: self.inbox.put(message)
        self.client.on_connect = lambda _c, _u, flags, *_: self.events.put(flags)
        self.client.on_subscribe = lambda *_: self.events.put("subscribed")
        self.client.max_inflight_messages_set(20)
        if will:
            self.client.will_set(*will)

    def connect(self):
        start = {}
        if self.version == 5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 3600 if self.persistent else 0
            start = {"clean_start": not self.persistent, "properties": properties}
        self.client.connect("127.0.0.1", self.port, **start)
        self.client.loop_start()
        self.session_present = self.events.get(timeout=PATIENCE_S)["session present"]
        return self

    def subscribe(self, topic_filter, qos):
        self.client.subscribe(topic_filter, qos)
        assert self.events.get(timeout=PATIENCE_S) == "subscribed"
        return self

    def publish(self, topic, payload, qos=1, retain=False, properties=None):
        more = {"properties": properties} if properties else {}
        info = self.client.publish(topic, payload, qos, retain, **more)
        info.wait_for_publish(PATIENCE_S)
        assert info.is_published()

    def message(self):
        return self.inbox.get(timeout=PATIENCE_S)

    def disconnect(self):
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self):
        self.client.loop_stop()
        self.client.socket().close()


def paho_exchanges(broker, version):
    reader = Paho(broker, "paho-reader", version).connect().subscribe("paho/qos/#", 2)
    writer = Paho(broker, "paho-writer", version).connect()
    for qos in (0, 1, 2):
        writer.publish(f"paho/qos/{qos}", f"qos {qos}", qos)
        message = reader.message()
        assert (message.payload, message.qos) == (f"qos {qos}".encode(), qos)
    writer.publish("paho/state", "on", retain=True)
    reader.subscribe("paho/state", 1)
    message = reader.message()
    assert (message.payload, message.retain) == (b"on", True)
    writer.publish("paho/state", "", retain=True)
    assert reader.message().payload == b""

    reader.subscribe("paho/will", 1)
    Paho(broker, "paho-mortal", version, will=("paho/will", "gone", 1)).connect().vanish()
    assert reader.message().payload == b"gone"

    reader.subscribe("paho/large", 1)
    writer.publish("paho/large", b"x" * LARGE)
    assert reader.message().payload == b"x" * LARGE
    if version == 5:
        pairs = [("unit", "bar"), ("line", "7"), ("unit", "psi")]
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = pairs
        reader.subscribe("paho/properties", 1)
        writer.publish("paho/properties", "x", properties=properties)
        assert [tuple(pair) for pair in reader.message().properties.UserProperty] == pairs
    reader.disconnect()
    return writer


def paho_shares(broker, version, writer):
    pair = [Paho(broker, f"paho-{name}", version).connect().subscribe("$share/paho/paho/work", 1)
            for name in ("left", "right")]
    for number in range(20):
        writer.publish("paho/work", str(number))
    seen = [int(member.message().payload) for member in pair for _ in range(10)]
    assert sorted(seen) == list(range(20))
    for member in pair:
        member.disconnect()


def paho_resumes(broker, version, writer):
    sleeper = Paho(broker, "paho-sleeper", version, persistent=True).connect()
    assert not sleeper.session_present
    sleeper.subscribe("paho/night", 2)
    sleeper.disconnect()
    for qos in (1, 2):
        writer.publish("paho/night", str(qos), qos)
    broker.restart()
    sleeper = Paho(broker, "paho-sleeper", version, persistent=True).connect()
    assert sleeper.session_present
    assert [sleeper.message().payload for _ in (1, 2)] == [b"1", b"2"]
    sleeper.disconnect()


def test_paho_does_everything_in_both_versions():
    for version in VERSIONS.values():
        with Broker() as broker:
            writer = paho_exchanges(broker, version)
            paho_shares(broker, version, writer)
            paho_resumes(broker, version, writer)
            writer.disconnect()


def mqtt_js(port, version, environment=None):
    """Whether MQTT.js could do with the broker what it should."""
    node = shutil.which("node") or shutil.which("nodejs")
    assert node, "needs Debian's nodejs and node-mqtt: ./dev deps test"
    done = subprocess.run([node, f"{HERE}/mqttjs/client.js", str(port), str(version)], check=False,
                          env={**os.environ, "NODE_PATH": ":".join(MQTT_JS), **(environment or {})},
                          timeout=PATIENCE_S)
    return done.returncode == 0


def test_mqtt_js_does_everything_in_both_versions():
    for version in VERSIONS.values():
        with Broker() as broker:
            assert mqtt_js(broker.port, version), f"MQTT.js, protocol version {version}"


def mosquitto_exchanges(broker, version):
    for qos in ("0", "1", "2"):
        live = subscriber(broker, "-V", version, "-t", "mosq/qos", "-q", qos, "-C", "1", "-F",
                          "%q %p")
        run(client(broker, "mosquitto_pub", "-V", version, "-t", "mosq/qos", "-q", qos, "-m", "m"))
        assert messages(live) == [f"{qos} m"]
    run(client(broker, "mosquitto_pub", "-V", version, "-t", "mosq/state", "-m", "on", "-r"))
    late = subscriber(broker, "-V", version, "-t", "mosq/state", "-C", "1", "-F", "%r %p")
    assert messages(late) == ["1 on"]

    watch = subscriber(broker, "-V", version, "-t", "mosq/will", "-q", "1", "-C", "1")
    mortal = subscriber(broker, "-V", version, "-t", "nothing", "--will-topic", "mosq/will",
                        "--will-payload", "gone", "--will-qos", "1")
    mortal.kill()
    mortal.wait()
    assert messages(watch) == ["gone"]

    large = os.path.join(broker.folder, "large")
    with open(large, "w", encoding="ascii") as file:
        file.write("x" * LARGE)
    live = subscriber(broker, "-V", version, "-t", "mosq/large", "-C", "1", "-q", "1")
    run(client(broker, "mosquitto_pub", "-V", version, "-t", "mosq/large", "-f", large, "-q", "1"))
    assert messages(live) == ["x" * LARGE]


def test_mosquitto_clients_do_everything_in_both_versions():
    for version in VERSIONS:
        with Broker() as broker:
            mosquitto_exchanges(broker, version)
            pair = [subscriber(broker, "-V", version, "-t", "$share/mosq/mosq/work", "-q", "1",
                               "-C", "5") for _ in (1, 2)]
            for number in range(10):
                run(client(broker, "mosquitto_pub", "-V", version, "-t", "mosq/work", "-q", "1",
                           "-m", str(number)))
            seen = [int(line) for member in pair for line in messages(member)]
            assert sorted(seen) == list(range(10))
            # Sessions that survive a kill are shown by first_steps_test.py.


def test_mosquitto_passes_user_properties_in_order():
    with Broker() as broker:
        live = subscriber(broker, "-V", "mqttv5", "-t", "mosq/properties", "-C", "1", "-F", "%P")
        run(client(broker, "mosquitto_pub", "-V", "mqttv5", "-t", "mosq/properties", "-m", "x",
                   "-D", "publish", "user-property", "unit", "bar",
                   "-D", "publish", "user-property", "line", "7"))
        assert messages(live) == ["unit:bar line:7"]


def test_clients_of_different_makers_and_versions_meet():
    with Broker() as broker:
        reader = Paho(broker, "paho-reader", 4).connect().subscribe("mixed/#", 2)
        live = subscriber(broker, "-V", "mqttv311", "-t", "mixed/#", "-q", "2", "-C", "2")
        run(client(broker, "mosquitto_pub", "-V", "mqttv5", "-t", "mixed/a", "-q", "2", "-m", "a",
                   "-D", "publish", "user-property", "unit", "bar"))
        Paho(broker, "paho-writer", 5).connect().publish("mixed/b", "b", 2)
        assert messages(live) == ["a", "b"]
        assert [reader.message().payload for _ in (1, 2)] == [b"a", b"b"]
        reader.disconnect()


if __name__ == "__main__":
    run_tests(globals())
