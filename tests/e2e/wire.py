"""A small MQTT client over a plain socket: the test decides about every byte and every answer."""

import socket
import struct

PATIENCE_S = 60
CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 2, 3, 4, 5, 6, 7
SUBACK, UNSUBACK, PINGRESP, DISCONNECT = 9, 11, 13, 14


class Closed(Exception):
    """The broker closed the connection."""


def varint(value):
    out = bytearray()
    while True:
        value, low = value // 128, value % 128
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def packet(first, body):
    return bytes([first]) + varint(len(body)) + body


class Packet:
    def __init__(self, first, body, version):
        self.kind, self.flags, self.body = first >> 4, first & 15, body
        if self.kind == PUBLISH:
            self._publish(version)
        elif self.kind in (PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK):
            self.id = struct.unpack(">H", body[:2])[0]
            self.reason = body[2] if len(body) > 2 and self.kind < SUBACK else 0
        elif self.kind == CONNACK:
            self.present, self.reason = body[0] & 1, body[1]
        elif self.kind == DISCONNECT:
            self.reason = body[0] if body else 0

    def _publish(self, version):
        self.qos, self.retain = (self.flags >> 1) & 3, self.flags & 1
        self.dup = self.flags >> 3
        size = struct.unpack(">H", self.body[:2])[0]
        self.topic = self.body[2:2 + size].decode()
        at = 2 + size
        self.id = 0
        if self.qos:
            self.id = struct.unpack(">H", self.body[at:at + 2])[0]
            at += 2
        self.properties = b""
        if version == 5:
            length, at = read_varint(self.body, at)
            self.properties = self.body[at:at + length]
            at += length
        self.payload = self.body[at:]


def open_socket(where):
    """`where`: a port of 127.0.0.1, a pair of address and port, the path of a Unix socket, or what
    is open already and has `sendall` and `recv`."""
    if hasattr(where, "sendall"):
        return where
    if isinstance(where, str):
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(PATIENCE_S)
        stream.connect(where)
        return stream
    address = where if isinstance(where, tuple) else ("127.0.0.1", where)
    stream = socket.create_connection(address, PATIENCE_S)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


class Client:
    """Connects at once; `take()` returns the next packet, whatever it is."""

    def __init__(self, where, client_id, version=5, clean=True, keep_alive=0, properties=b"",
                 will=None, expiry=None, receive_maximum=None, connect=True):
        self.version, self.client_id = version, client_id
        self.socket = open_socket(where)
        self.buffer, self.at, self.next_id = bytearray(), 0, 1
        self.parked = []
        if not connect:
            return
        flags = 2 if clean else 0
        payload = text(client_id)
        if will:
            topic, message, qos, retain, delay = will
            flags |= 4 | qos << 3 | (32 if retain else 0)
            if version == 5:
                payload += varint(5 if delay else 0)
                payload += b"\x18" + struct.pack(">I", delay) if delay else b""
            payload += text(topic) + text(message)
        if version == 5:
            if expiry is not None:
                properties += b"\x11" + struct.pack(">I", expiry)
            if receive_maximum is not None:
                properties += b"\x21" + struct.pack(">H", receive_maximum)
            properties = varint(len(properties)) + properties
        body = text("MQTT") + bytes([version, flags]) + struct.pack(">H", keep_alive)
        self.send(packet(0x10, body + (properties if version == 5 else b"") + payload))
        self.connack = self.take(CONNACK)
        assert self.connack.reason == 0, f"CONNACK {self.connack.reason:#x}"

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Closed from error

    def take(self, kind=None):
        """The next packet; of another kind than asked for is a failure."""
        found = self.parked.pop(0) if self.parked else self._receive()
        assert kind is None or found.kind == kind, f"packet type {found.kind} instead of {kind}"
        return found

    def answer(self, *kinds):
        """The next packet of these kinds; what comes before it is kept for `take`."""
        for index, found in enumerate(self.parked):
            if found.kind in kinds:
                return self.parked.pop(index)
        while True:
            found = self._receive()
            if found.kind in kinds:
                return found
            assert found.kind != DISCONNECT, f"DISCONNECT {found.reason:#x} instead of {kinds}"
            self.parked.append(found)

    def _receive(self):
        while True:
            found = self._cut()
            if found:
                return found
            try:
                data = self.socket.recv(1 << 16)
            except socket.timeout as error:
                raise AssertionError(f"{self.client_id}: nothing came in {PATIENCE_S} s") from error
            except OSError as error:
                raise Closed from error
            if not data:
                raise Closed
            self.buffer += data

    def _cut(self):
        have = len(self.buffer) - self.at
        if have < 2:
            return None
        end = self.at + 1
        for _ in range(4):
            if end >= len(self.buffer):
                return None
            end += 1
            if self.buffer[end - 1] < 128:
                break
        size, body = read_varint(self.buffer, self.at + 1)
        if len(self.buffer) < body + size:
            return None
        found = Packet(self.buffer[self.at], bytes(self.buffer[body:body + size]), self.version)
        self.at = body + size
        if self.at > 1 << 16:
            del self.buffer[:self.at]
            self.at = 0
        return found

    def take_id(self):
        self.next_id = self.next_id % 65535 + 1
        return self.next_id

    def publish_bytes(self, topic, payload, qos=0, packet_id=0, retain=False, dup=False,
                      properties=b""):
        data = payload.encode() if isinstance(payload, str) else payload
        body = text(topic) + (struct.pack(">H", packet_id) if qos else b"")
        if self.version == 5:
            body += varint(len(properties)) + properties
        return packet(0x30 | (8 if dup else 0) | qos << 1 | (1 if retain else 0), body + data)

    def publish(self, topic, payload, qos=0, retain=False, packet_id=None, dup=False):
        """Sends only; returns the packet identifier."""
        packet_id = packet_id or (self.take_id() if qos else 0)
        self.send(self.publish_bytes(topic, payload, qos, packet_id, retain, dup))
        return packet_id

    def ack(self, kind, packet_id):
        flags = 2 if kind == PUBREL else 0
        self.send(packet(kind << 4 | flags, struct.pack(">H", packet_id)))

    def publish_and_wait(self, topic, payload, qos=1, retain=False):
        """Returns when the broker has taken it; the reason code."""
        packet_id = self.publish(topic, payload, qos, retain)
        if qos == 0:
            return 0
        answer = self.answer(PUBACK if qos == 1 else PUBREC)
        assert answer.id == packet_id
        if qos == 2 and answer.reason < 0x80:
            self.ack(PUBREL, packet_id)
            self.answer(PUBCOMP)
        return answer.reason

    def subscribe(self, topic_filter, options=1):
        packet_id = self.take_id()
        body = struct.pack(">H", packet_id) + (b"\x00" if self.version == 5 else b"")
        self.send(packet(0x82, body + text(topic_filter) + bytes([options])))
        answer = self.answer(SUBACK)
        assert answer.id == packet_id and answer.body[-1] < 0x80, answer.body
        return answer

    def take_message(self):
        """The next PUBLISH, acknowledged as its QoS asks."""
        while True:
            message = self.take()
            if message.kind == PUBREL:
                self.ack(PUBCOMP, message.id)
                continue
            assert message.kind == PUBLISH, f"packet type {message.kind} instead of PUBLISH"
            if message.qos:
                self.ack(PUBACK if message.qos == 1 else PUBREC, message.id)
            return message

    def ping(self):
        self.send(b"\xc0\x00")
        self.answer(PINGRESP)

    def disconnect(self):
        self.send(b"\xe0\x00")
        self.socket.close()

    def vanish(self):
        """Closes the socket without DISCONNECT."""
        self.socket.close()
