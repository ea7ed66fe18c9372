#!/usr/bin/env python3
"""The packet case table over a real socket: every fault gets its reason code and loses its
connection, every sound packet keeps it, and another client notices nothing.

    packet_cases_test.py TABLE_PROGRAM      (prints the cases, see tests/support)
"""

import json
import socket
import subprocess
import sys

from broker import PATIENCE_S, Broker

CONNECT, CONNACK, DISCONNECT, AUTH = 1, 2, 14, 15
V5 = 5
UNSUPPORTED, BAD_IDENTIFIER = 0x84, 0x85
PINGREQ, PINGRESP = bytes([0xC0, 0]), bytes([0xD0, 0])


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        """False at the end of the stream."""
        data = self.socket.recv(65536)
        self.received += data
        return bool(data)

    def packet(self):
        """The next packet; None when the broker has closed the connection."""
        while True:
            size, shift = 0, 0
            for i, byte in enumerate(self.received[1:5]):
                size |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    end = 2 + i + size
                    if len(self.received) >= end:
                        packet, self.received = self.received[:end], self.received[end:]
                        return packet
                    break
            if not self._more():
                assert not self.received, f"half a packet: {self.received.hex()}"
                return None

    def packets_to_end(self):
        packets = []
        while (packet := self.packet()) is not None:
            packets.append(packet)
        return packets

    def open(self, connect):
        self.send(connect)
        connack = self.packet()
        assert connack and connack[0] == CONNACK << 4 and connack[3] == 0, connack

    def ping(self):
        """Whatever is on its way comes before the answer."""
        self.send(PINGREQ)
        while (packet := self.packet()) != PINGRESP:
            assert packet is not None, "closed instead of PINGRESP"


def is_v5_connect(data):
    return data[0] == CONNECT << 4 and b"\0\4MQTT\5" in data


def refusal(case, data):
    """What a broken CONNECT is answered with."""
    if is_v5_connect(data):
        return [bytes([0x20, 3, 0, case["reason"], 0])]
    if case["reason"] == UNSUPPORTED:
        return [bytes([0x20, 2, 0, 1])]
    if case["reason"] == BAD_IDENTIFIER:
        return [bytes([0x20, 2, 0, 2])]
    return []  # 3.x has no code for it


def check_refused(port, case):
    data = bytes.fromhex(case["bytes"])
    with Connection(port) as client:
        if not case["connect"]:
            client.send(data)
            assert client.packets_to_end() == refusal(case, data)
            return
        client.open(bytes.fromhex(case["connect"]))
        client.send(data)
        packets = client.packets_to_end()
        ends = [packet for packet in packets if packet[0] == DISCONNECT << 4]
        if case["version"] == V5:
            assert ends == [bytes([0xE0, 1, case["reason"]])] and packets[-1] == ends[0], packets
        else:
            assert ends == [], packets


def check_accepted(port, case):
    data = bytes.fromhex(case["bytes"])
    with Connection(port) as client:
        if case["connect"]:
            client.open(bytes.fromhex(case["connect"]))
        client.send(data)
        kind = data[0] >> 4
        if kind in (DISCONNECT, AUTH):
            client.packets_to_end()
        elif kind == CONNECT:
            connack = client.packet()
            if connack is not None and connack[3] == 0:
                client.ping()
        else:
            client.ping()


def main():
    table = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout
    cases = [json.loads(line) for line in table.splitlines()]
    failed = 0
    with Broker() as broker, Connection(broker.port) as bystander:
        bystander.open(b"\x10\x0F\0\4MQTT\5\2\0\0\0\0\2by")
        for case in cases:
            try:
                (check_refused if case["reason"] else check_accepted)(broker.port, case)
            except (AssertionError, OSError) as error:
                failed += 1
                print(f"{case['name']} [{case['clause']}] version {case['version']} "
                      f"{case['bytes'][:200]}: {error!r}")
            bystander.ping()
        assert broker.stop() == 0
    refused = sum(1 for case in cases if case["reason"])
    print(f"{len(cases)} packets, {refused} of them broken, {failed} answered wrongly")
    return 1 if failed or refused < 200 else 0


if __name__ == "__main__":
    sys.exit(main())
