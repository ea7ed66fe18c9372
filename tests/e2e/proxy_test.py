"""Behind a load balancer: the PROXY header names the client, and only from those who may."""

import socket
import struct

from broker import Broker, free_port, run_tests
from websocket import WebSocket, request
from wire import Client, open_socket

LINE = b"PROXY TCP4 192.0.2.7 10.0.0.1 40312 1883\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
BINARY_V6 = (SIGNATURE + b"\x21\x21" + struct.pack(">H", 36 + 5) +
             socket.inet_pton(socket.AF_INET6, "2001:db8::7") + bytes(16) +
             struct.pack(">HH", 40312, 1883) + b"\x04\0\2hi")
LOCAL = SIGNATURE + b"\x20\0\0\0"


class Balanced(Broker):
    """`port` takes headers from 127.0.0.1, `web` too, `strict` only from elsewhere."""

    def __init__(self):
        self.web, self.strict = free_port(), free_port()
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
[net]
connect_deadline_ms = 1000
""")


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
