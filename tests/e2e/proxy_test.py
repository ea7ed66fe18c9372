"""Behind a load balancer: the PROXY header names the client, and only from those who may."""

import os
import socket
import ssl
import struct

from broker import Broker, free_port, run_tests
from pki import Pki
from websocket import WebSocket, request
from wire import Client, open_socket

LINE = b"PROXY TCP4 192.0.2.7 10.0.0.1 40312 1883\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
BINARY_V6 = (SIGNATURE + b"\x21\x21" + struct.pack(">H", 36 + 5) +
             socket.inet_pton(socket.AF_INET6, "2001:db8::7") + bytes(16) +
             struct.pack(">HH", 40312, 1883) + b"\x04\0\2hi")
LOCAL = SIGNATURE + b"\x20\0\0\0"


class Balanced(Broker):
    """`port` takes headers from 127.0.0.1, `web`, `mtls` and `wss` too, `strict` only from
    elsewhere."""

    def __init__(self):
        self.web, self.strict, self.mtls, self.wss = (free_port() for _ in range(4))
        super().__init__(f"""
[listeners.default]
bind = "127.0.0.1:{{port}}"
proxy_protocol_from = ["127.0.0.0/8", "10.0.0.1"]
[listeners.web]
bind = "127.0.0.1:{self.web}"
transport = "ws"
proxy_protocol_from = ["127.0.0.1"]
[listeners.strict]
bind = "127.0.0.1:{self.strict}"
proxy_protocol_from = ["10.0.0.0/8", "unix"]
[listeners.mtls]
bind = "127.0.0.1:{self.mtls}"
proxy_protocol_from = ["127.0.0.1"]
connections_per_address_max = 1
[listeners.mtls.tls]
cert_file = "{{folder}}/tls/server.crt"
key_file = "{{folder}}/tls/server.key"
client_certificate = "require"
ca_file = "{{folder}}/tls/ca.crt"
[listeners.wss]
bind = "127.0.0.1:{self.wss}"
transport = "ws"
proxy_protocol_from = ["127.0.0.1"]
[listeners.wss.tls]
cert_file = "{{folder}}/tls/server.crt"
key_file = "{{folder}}/tls/server.key"
[net]
connect_deadline_ms = 1000
""")
        self.pki = Pki(os.path.join(self.folder, "tls"))
        self.pki.issue("server")
        self.context = ssl.create_default_context(cafile=self.pki.ca)
        self.context.load_cert_chain(*self.pki.issue("press-07"))

    def behind_tls(self, port, *pieces):
        return self.context.wrap_socket(behind(port, *pieces), server_hostname="localhost")


def behind(port, *pieces):
    stream = open_socket(port)
    for piece in pieces:
        stream.sendall(piece)
    return stream


def connected(broker, name):
    record = broker.wait_for("client_connected")
    assert record["client_id"] == name, record
    return record["peer"]


def test_the_real_address_is_in_the_log():
    with Balanced() as broker:
        for number, (header, address) in enumerate((
                ([LINE], "192.0.2.7:40312"), ([BINARY_V6], "[2001:db8::7]:40312"),
                ([LINE[:20], LINE[20:]], "192.0.2.7:40312"))):
            client = Client(behind(broker.port, *header), f"c{number}")
            client.ping()
            assert connected(broker, f"c{number}") == address
        for header in (b"PROXY UNKNOWN\r\n", LOCAL):
            Client(behind(broker.port, header), "own").ping()
            assert connected(broker, "own").startswith("127.0.0.1:")


def test_it_comes_before_the_upgrade_and_refusals_name_the_client():
    with Balanced() as broker:
        Client(WebSocket(behind(broker.web, LINE)), "web").ping()
        assert connected(broker, "web") == "192.0.2.7:40312"
        behind(broker.web, LINE + request("/other"))
        record = broker.wait_for("transport_refused")
        assert (record["layer"], record["peer"]) == ("ws", "192.0.2.7:40312"), record


def test_it_comes_before_tls_and_the_client_behind_it_is_counted():
    with Balanced() as broker:
        for header, address in ((LINE, "192.0.2.7:40312"), (BINARY_V6, "[2001:db8::7]:40312")):
            Client(broker.behind_tls(broker.mtls, header), "mtls").ping()
            assert connected(broker, "mtls") == address
        Client(WebSocket(broker.behind_tls(broker.wss, LINE)), "wss").ping()
        assert connected(broker, "wss") == "192.0.2.7:40312"
        # One connection each: the second of an address is closed before its handshake begins.
        first = Client(broker.behind_tls(broker.mtls, LINE[:9], LINE[9:]), "first")
        first.ping()
        second = behind(broker.mtls, LINE)
        assert second.recv(100) == b""
        record = broker.wait_for("connection_refused")
        assert (record["listener"], record["limit"], record["peer"]) == (
            "mtls", "connections_per_address_max", "192.0.2.7:40312"), record
        other = Client(broker.behind_tls(broker.mtls, BINARY_V6), "other")
        other.ping()
        first.ping()


def test_without_a_header_nobody_gets_in():
    with Balanced() as broker:
        for data in (b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00", b"PROXY TCP4 x\r\n",
                     LINE.replace(b"40312", b"99999"), b"PROXY " + b"x" * 200):
            stream = behind(broker.port, data)
            assert stream.recv(100) == b"", data
            assert broker.wait_for("transport_refused")["layer"] == "proxy"


def test_from_elsewhere_nobody_gets_in():
    with Balanced() as broker:
        stream = behind(broker.strict, LINE)
        assert stream.recv(100) == b""
        record = broker.wait_for("transport_refused")
        assert record["peer"].startswith("127.0.0.1:") and record["layer"] == "proxy", record
        assert "proxy_protocol_from" in record["why"]


def test_half_a_header_has_the_deadline_before_connect():
    with Balanced() as broker:
        for data in (b"", LINE[:-1], BINARY_V6[:-1]):
            assert behind(broker.port, data).recv(100) == b""
            assert broker.wait_for("connect_timeout")["listener"] == "default"


if __name__ == "__main__":
    run_tests(globals())
