"""A WebSocket client over a plain socket: the test decides about every frame."""

import base64
import hashlib
import os
import struct

from wire import open_socket

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FINAL = 0x80


def request(path="/mqtt", method="GET", version="HTTP/1.1", without=(), **fields):
    """The text of an upgrade request; `fields` with `_` for `-` are added or replace others."""
    lines = {"Host": "broker.example:8083", "Upgrade": "websocket", "Connection": "Upgrade",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Protocol": "mqtt"}
    lines.update({name.replace("_", "-"): value for name, value in fields.items()})
    head = [f"{method} {path} {version}"]
    head += [f"{name}: {value}" for name, value in lines.items() if name not in without]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def frame(opcode, payload, final=True, mask=None):
    mask = os.urandom(4) if mask is None else mask
    size = len(payload)
    head = bytes([(FINAL if final else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += b"\xfe" + struct.pack(">H", size)
    else:
        head += b"\xff" + struct.pack(">Q", size)
    stretched = mask * (size // 4 + 1)
    body = int.from_bytes(payload, "big") ^ int.from_bytes(stretched[:size], "big")
    return head + mask + body.to_bytes(size, "big")


class Ended(Exception):
    """The broker closed the TCP connection."""


class WebSocket:
    """Upgraded when it is constructed; `sendall` and `recv` are the MQTT byte stream, as a socket
    has them. `frames` counts the broker's data frames, `close` is the payload of its Close."""

    def __init__(self, where, path="/mqtt", origin=None, early=b""):
        self.socket = open_socket(where)
        self.buffer = b""
        self.frames, self.pongs, self.close_payload = 0, [], None
        key = base64.b64encode(os.urandom(16))
        more = {"Origin": origin} if origin else {}
        self.socket.sendall(request(path, Sec_WebSocket_Key=key.decode(), **more) + early)
        head = self._until(b"\r\n\r\n").decode()
        assert head.startswith("HTTP/1.1 101 "), head
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        assert f"Sec-WebSocket-Accept: {accept}\r\n" in head, head
        assert "Sec-WebSocket-Protocol: mqtt\r\n" in head, head

    def _more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise Ended
        self.buffer += data

    def _take(self, size):
        while len(self.buffer) < size:
            self._more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def _until(self, mark):
        while mark not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(mark)
        return head + mark

    def send_frame(self, opcode, payload=b"", **options):
        self.socket.sendall(frame(opcode, payload, **options))

    def sendall(self, data):
        self.send_frame(BINARY, data)

    def take_frame(self):
        """Opcode and payload; the broker's frames are whole and not masked."""
        first, second = self._take(2)
        assert first & 0xF0 == FINAL and second & 0x80 == 0, (first, second)
        size = second
        if size == 126:
            size = struct.unpack(">H", self._take(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self._take(8))[0]
        return first & 15, self._take(size)

    def recv(self, _size):
        """The payload of the next data frame; empty behind a Close frame."""
        while self.close_payload is None:
            opcode, payload = self.take_frame()
            if opcode == BINARY:
                self.frames += 1
                return payload
            if opcode == PONG:
                self.pongs.append(payload)
            else:
                assert opcode == CLOSE, opcode
                self.close_payload = payload
        return b""

    def take_close(self):
        """The code of the broker's Close frame (None without one), the TCP connection's end
        behind it seen."""
        while self.recv(0):
            pass
        try:
            self._take(1)
        except (Ended, ConnectionResetError):
            return struct.unpack(">H", self.close_payload)[0] if self.close_payload else None
        raise AssertionError("bytes behind the Close frame")

    def close(self):
        self.socket.close()
