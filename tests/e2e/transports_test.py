"""Every client over every transport: mosquitto's, paho and MQTT.js over TCP, TLS and mutual TLS,
those that can over WebSocket, with TLS and without. Over one broker, so that they also meet."""

import os

from broker import Broker, free_port, run_tests
from clients_test import VERSIONS, Paho, mqtt_js
from first_steps_test import messages, run, subscriber
from pki import Pki

LARGE = b"x" * 300_000

LISTENER = """
[listeners.{name}]
bind = "127.0.0.1:{port}"
"""
WEBSOCKET = 'transport = "ws"\nws_paths = ["/mqtt", "/plant/live"]\n'
TLS = """[listeners.{name}.tls]
cert_file = "{{folder}}/tls/server.crt"
key_file = "{{folder}}/tls/server.key"
"""
MUTUAL = """client_certificate = "require"
ca_file = "{{folder}}/tls/ca.crt"
"""


class Door:
    """One listener as a client sees it."""

    def __init__(self, name):
        self.name, self.port = name, free_port()
        self.web, self.tls, self.mutual = "ws" in name, name != "tcp" and name != "ws", "m" in name

    def config(self):
        parts = [LISTENER, WEBSOCKET if self.web else "", TLS if self.tls else "",
                 MUTUAL if self.mutual else ""]
        return "".join(parts).format(name=self.name, port=self.port)


class Doors:
    """A broker with every kind of listener; `mwss` is mutual TLS with WebSocket on top."""

    def __init__(self):
        self.doors = [Door(name) for name in ("tcp", "tls", "mtls", "ws", "wss", "mwss")]
        self.broker = Broker("".join(door.config() for door in self.doors))
        self.pki = Pki(os.path.join(self.broker.folder, "tls"))
        self.pki.issue("server")
        self.certificate, self.key = self.pki.issue("press-07")

    def __enter__(self):
        self.broker.start()
        return self

    def __exit__(self, *_):
        self.broker.__exit__()

    def paho(self, door, version):
        member = Paho(door, f"paho-{door.name}-{version}", version,
                      transport="websockets" if door.web else "tcp")
        if door.web:
            member.client.ws_set_options(path="/plant/live")
        if door.tls:
            mine = {"certfile": self.certificate, "keyfile": self.key} if door.mutual else {}
            member.client.tls_set(ca_certs=self.pki.ca, **mine)
        return member.connect()

    def mosquitto(self, door):
        where = ["-h", "localhost"]
        if door.tls:
            where += ["--cafile", self.pki.ca]
        if door.mutual:
            where += ["--cert", self.certificate, "--key", self.key]
        return where

    def mqtt_js(self, door, version):
        more = {}
        if door.web:
            more["MQTTJS_PATH"] = "/mqtt"
        if door.tls:
            more["MQTTJS_CA"] = self.pki.ca
        if door.mutual:
            more.update(MQTTJS_CERT=self.certificate, MQTTJS_KEY=self.key)
        assert mqtt_js(door.port, version, more), f"over {door.name}, protocol version {version}"


def test_paho_over_every_transport():
    with Doors() as doors:
        for door in doors.doors:
            for version in VERSIONS.values():
                print(f"  {door.name}, protocol version {version}")
                member = doors.paho(door, version).subscribe("paho/#", 2)
                for qos in (0, 1, 2):
                    member.publish("paho/large", LARGE, qos)
                    message = member.message()
                    assert (message.payload, message.qos) == (LARGE, qos)
                member.disconnect()


def test_mqtt_js_over_every_transport():
    with Doors() as doors:
        for door in doors.doors:
            for version in VERSIONS.values():
                print(f"  {door.name}, protocol version {version}")
                doors.mqtt_js(door, version)


def test_mosquitto_over_tcp_tls_and_mutual_tls():
    with Doors() as doors:
        for door in doors.doors:
            if door.web:
                continue  # its clients speak no WebSocket
            for version in VERSIONS:
                common = [*doors.mosquitto(door), "-V", version]
                live = subscriber(door, *common, "-t", "mosq/#", "-C", "3", "-q", "2", "-F",
                                  "%q %p")
                for qos in ("0", "1", "2"):
                    run(["mosquitto_pub", "-p", str(door.port), *common, "-t", "mosq/a", "-q", qos,
                         "-m", door.name])
                assert messages(live) == [f"{qos} {door.name}" for qos in (0, 1, 2)]


def test_the_lines_to_type_are_for_a_listener_that_mosquitto_reaches():
    with Doors() as doors:
        port = next(door.port for door in doors.doors if door.name == "tcp")
        assert f" -p {port} " in doors.broker.seen("ready")[0]["subscribe"]


def test_what_comes_in_at_one_door_leaves_at_all():
    with Doors() as doors:
        members = [doors.paho(door, 5).subscribe("meet/#", 1) for door in doors.doors]
        for number, member in enumerate(members):
            member.publish("meet/all", str(number), 1)
        for member in members:
            seen = sorted(member.message().payload for _ in members)
            assert seen == [str(number).encode() for number in range(len(members))]
        for member in members:
            member.disconnect()


if __name__ == "__main__":
    run_tests(globals())
