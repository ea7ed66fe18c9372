"""MQTT over WebSocket: who gets in, what frames do to packets, how it ends."""

import struct

from broker import Broker, free_port, run_tests
from websocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, WebSocket, frame, request
from wire import CONNACK, DISCONNECT, SUBACK, Client, open_socket, packet, text


class Web(Broker):
    """Plain MQTT on `port`, WebSocket on `web`."""

    def __init__(self, more="", net=""):
        self.web = free_port()
        super().__init__('[listeners.default]\nbind = "127.0.0.1:{port}"\n[listeners.web]\n'
                         f'bind = "127.0.0.1:{self.web}"\ntransport = "ws"\n{more}\n[net]\n{net}\n')


def answer(port, data):
    """What comes back until the broker closes."""
    stream = open_socket(port)
    stream.sendall(data)
    said = b""
    while data := stream.recv(1 << 16):
        said += data
    stream.close()
    return said.decode()


def test_an_upgrade_that_is_none_is_refused_and_closed():
    cases = [
        (404, request("/other")), (404, request("/mqtt/")), (405, request(method="POST")),
        (400, request(version="HTTP/1.0")), (400, request(without=["Host"])),
        (426, request(without=["Upgrade"])), (426, request(Sec_WebSocket_Version="8")),
        (426, b"GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n"), (400, request(Sec_WebSocket_Key="short")),
        (400, request(without=["Sec-WebSocket-Protocol"])),
        (400, request(Sec_WebSocket_Protocol="chat")), (400, b"\x10\x0c\x00\x04MQTT"),
        (403, request(Origin="https://evil.example")), (403, request(Origin="null")),
        (400, request(Content_Length="3")), (431, request(X_Long="x" * 9000)),
    ]
    with Web() as broker:
        for number, (status, data) in enumerate(cases):
            said = answer(broker.web, data)
            assert said.startswith(f"HTTP/1.1 {status} "), (data[:200], said)
            assert ("Sec-WebSocket-Version: 13\r\n" in said) == (status == 426), said
            record = broker.wait_for("transport_refused")
            assert (record["listener"], record["layer"]) == ("web", "ws"), record
            assert len(broker.seen("transport_refused")) == number + 1


def test_origins_and_paths_are_the_listeners():
    lists = 'ws_paths = ["/", "/plant"]\nws_origins = ["https://grafana.example"]'
    with Web(lists) as broker:
        for path, origin in (("/", None), ("/plant?x=1", "https://grafana.example"),
                             ("/", "http://broker.example:8083")):
            Client(WebSocket(broker.web, path, origin), "web").ping()
        assert answer(broker.web, request("/mqtt")).startswith("HTTP/1.1 404 ")
        foreign = request("/", Origin="https://other.example", X_Forwarded_For="127.0.0.1")
        assert answer(broker.web, foreign).startswith("HTTP/1.1 403 ")


def connect_bytes(client_id, version=4):
    body = text("MQTT") + bytes([version, 2, 0, 0]) + (b"\0" if version == 5 else b"")
    return packet(0x10, body + text(client_id))


def test_packets_may_be_split_and_joined_across_frames():
    subscribe = packet(0x82, b"\0\1" + text("t") + b"\0")
    publish = packet(0x30, text("t") + b"x" * 300)
    stream = connect_bytes("frames") + subscribe + publish
    parts = {
        "all in one": [frame(BINARY, stream)],
        "a frame for each byte": [frame(BINARY, bytes([byte])) for byte in stream],
        "one message in many fragments, pings between": [frame(BINARY, stream[:1], final=False)] + [
            frame(PING, b"?") + frame(CONTINUATION, bytes([byte]), final=False)
            for byte in stream[1:]] + [frame(CONTINUATION, b"")],
        "empty frames": [frame(BINARY, b"") + frame(BINARY, stream) + frame(BINARY, b"")],
    }
    with Web() as broker:
        for name, frames in parts.items():
            print(" ", name)
            link = WebSocket(broker.web)
            client = Client(link, "frames", version=4, connect=False)
            link.socket.sendall(b"".join(frames))
            assert [client.take().kind for _ in (1, 2)] == [CONNACK, SUBACK]
            assert client.take_message().payload == b"x" * 300
            client.disconnect()


def test_frames_may_come_with_the_request():
    with Web() as broker:
        link = WebSocket(broker.web, early=frame(BINARY, connect_bytes("early")))
        assert Client(link, "early", version=4, connect=False).take().kind == CONNACK


def test_what_leaves_at_once_leaves_in_one_frame():
    with Web() as broker:
        link = WebSocket(broker.web)
        reader = Client(link, "reader")
        reader.subscribe("burst/#", 0)
        writer = Client(broker.port, "writer")
        before = link.frames
        burst = [writer.publish_bytes(f"burst/{number}", "x" * 50) for number in range(50)]
        writer.send(b"".join(burst))
        assert [reader.take_message().topic for _ in burst] == [f"burst/{n}" for n in range(50)]
        assert link.frames - before < 10, link.frames - before
        large = b"L" * 1_000_000
        writer.publish_and_wait("burst/large", large)
        assert reader.take_message().payload == large


def test_pings_are_answered():
    with Web() as broker:
        link = WebSocket(broker.web)
        client = Client(link, "pinger")
        link.send_frame(PING, b"are you there")
        client.ping()
        assert link.pongs == [b"are you there"]


def end_of(broker, data, version=5, connect=True):
    """The code of the Close frame that answers `data`."""
    link = WebSocket(broker.web)
    if connect:
        client = Client(link, "ender", version=version)
        client.ping()
    link.socket.sendall(data)
    return link.take_close()


def test_a_close_frame_says_why():
    too_large = b"\x30\xff\xff\xff\x7f"
    with Web() as broker:
        assert end_of(broker, frame(TEXT, b"hello")) == 1003
        assert end_of(broker, frame(TEXT, b"hello"), connect=False) == 1003
        assert end_of(broker, b"\x82\x02\xc0\x00") == 1002  # not masked
        for version in (4, 5):
            assert end_of(broker, frame(BINARY, b"\xf0\x00" if version == 4 else b"\x00\x00"),
                          version) == 1002
            assert end_of(broker, frame(BINARY, too_large), version) == 1009
            assert end_of(broker, frame(BINARY, b"\xe0\x00"), version) == 1000
        assert end_of(broker, frame(CLOSE, struct.pack(">H", 3999))) == 3999
        assert end_of(broker, frame(CLOSE, b"")) is None
        both = frame(BINARY, b"\xe0\x00") + frame(CLOSE, struct.pack(">H", 1000))
        assert end_of(broker, both) == 1000
        links = [(WebSocket(broker.web), version) for version in (4, 5)]
        clients = [Client(link, f"stays-{version}", version) for link, version in links]
        assert broker.stop() == 0
        assert clients[1].take().kind == DISCONNECT
        assert [link.take_close() for link, _ in links] == [1001, 1001]


def test_a_close_without_disconnect_fires_the_will():
    with Web() as broker:
        reader = Client(broker.port, "reader")
        reader.subscribe("will")
        link = WebSocket(broker.web)
        Client(link, "mortal", will=("will", "gone", 1, False, 0))
        link.send_frame(CLOSE, struct.pack(">H", 1001))
        assert reader.take_message().payload == b"gone"
        assert link.take_close() == 1001


def test_the_deadline_before_connect_covers_the_upgrade():
    with Web(net="connect_deadline_ms = 300") as broker:
        for data in (b"", request()[:-3], request(), request() + frame(BINARY, b"\x10")):
            stream = open_socket(broker.web)
            stream.sendall(data)
            while stream.recv(1 << 16):
                pass
            assert broker.wait_for("connect_timeout")["listener"] == "web"


def test_grafana_sees_values_arrive():
    """Its MQTT data source is paho for Go: MQTT 3.1.1, clean session false, a random client
    identifier, QoS 0, no Origin; every packet is a message of its own."""
    with Web() as broker:
        writer = Client(broker.port, "plc")
        writer.publish_and_wait("acme/press/1/temp", "20.5", retain=True)
        dashboards = []
        for number in (7143, 9021):
            client = Client(WebSocket(broker.web), f"grafana_{number}", version=4, clean=False,
                            keep_alive=30)
            assert not client.connack.present
            client.subscribe("acme/press/+/temp", 0)
            assert client.take_message().payload == b"20.5"
            dashboards.append(client)
        for value in range(100):
            writer.publish("acme/press/1/temp", str(value))
        for client in dashboards:
            assert [int(client.take_message().payload) for _ in range(100)] == list(range(100))
            client.ping()
            client.disconnect()


if __name__ == "__main__":
    run_tests(globals())
