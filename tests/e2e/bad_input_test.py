"""What others get wrong, clients and operators: the one at fault is told, with the remedy, and
nothing else changes."""

import hashlib
import os
import re
import shutil
import socket
import struct

from broker import Broker, run_tests
from small_disk import enter_own_namespace, small_disk
from wire import DISCONNECT, PUBLISH, Client, Closed, packet, text

UNAVAILABLE, CANNOT_CREATE, DISK_FAILED, CONFIG = 69, 73, 75, 78
LISTENER = '[listeners.default]\nbind = "127.0.0.1:{port}"\n'


def fingerprint(folder):
    """Everything below `folder` but the lock, which names the process that tried last, and the
    admin socket, which only a living process has."""
    found = {}
    for path, _, names in os.walk(folder):
        found[path] = "folder"
        for name in names:
            if name in ("lock", "admin.sock"):
                continue
            file = os.path.join(path, name)
            with open(file, "rb") as content:
                found[file] = hashlib.sha256(content.read()).hexdigest()
    return found


def refused(broker, code, *parts):
    """The start fails with this exit code and one message that has all `parts`; the data folder
    stays as it is."""
    before = fingerprint(broker.data)
    exit_code, said = broker.run_to_end()
    assert exit_code == code, f"exit code {exit_code}: {said}"
    for part in parts:
        assert re.search(part, said), f"no {part!r} in: {said}"
    assert len(re.findall(r"^(lineshaft|config error): ", said, re.MULTILINE)) == 1, said
    after = fingerprint(broker.data)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert not changed, f"changed on disk: {changed}"
    return said


def used_store(broker, clean=True):
    """A store with something in it, of a broker that is not running any more."""
    broker.start()
    keeper = Client(broker.port, "keeper", clean=False, expiry=3600)
    keeper.subscribe("log/#")
    for number in range(200):
        keeper.publish_and_wait(f"plant/{number}", "x" * 300, retain=True)
    if clean:
        assert broker.stop() == 0
    else:
        broker.kill()


def ended(client):
    """Everything that still comes, until the broker has closed the connection."""
    packets = []
    try:
        while True:
            packets.append(client.take())
    except Closed:
        return packets


def test_a_malformed_packet_concerns_only_its_sender():
    with Broker() as broker:
        bystander, peer = Client(broker.port, "bystander"), Client(broker.port, "peer", version=4)
        bystander.subscribe("line/#")
        faults = {"malformed_packet": packet(0x36, text("t") + b"\x00\x01\x00"),  # QoS 3
                  "protocol_error": packet(0x10, text("MQTT") + b"\x05\x02\x00\x00\x00\x00\x01x"),
                  "topic_filter_invalid": packet(0x82, b"\x00\x01\x00" + text("a/#/b") + b"\x00")}
        for number, bad in enumerate(faults.values()):
            faulty = Client(broker.port, f"faulty-{number}")
            faulty.send(bad)
            last = ended(faulty)[-1]
            assert last.kind == DISCONNECT and last.reason >= 0x80, last.body
            peer.publish_and_wait("line/1", str(number))
            assert bystander.take_message().payload == str(number).encode()
        old = Client(broker.port, "faulty-old", version=4)
        old.send(b"\xff\x00")
        assert ended(old) == [], "3.1.1 knows no DISCONNECT from a server"
        bystander.ping()
        peer.ping()
        assert broker.stop() == 0
        complaints = [record for record in broker.records
                      if record["level"] in ("warn", "error", "critical")]
        about = [record.get("client_id") for record in complaints]
        assert about == ["faulty-0", "faulty-1", "faulty-2", "faulty-old"], complaints


def test_bytes_that_are_not_mqtt_are_answered_with_the_end():
    with Broker() as broker:
        for greeting in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01",
                         b"\x10\xff\xff\xff\xff\x7f", packet(0x30, text("t") + b"x"),
                         packet(0x10, struct.pack(">H", 4) + b"MQTZ\x05\x02\x00\x00\x00\x00\x01x")):
            with socket.create_connection(("127.0.0.1", broker.port), 60) as stranger:
                stranger.sendall(greeting)
                answer = b""
                try:
                    while data := stranger.recv(4096):
                        answer += data
                except ConnectionResetError:
                    pass
                assert answer == b"" or answer[0] >> 4 == 2, answer
        Client(broker.port, "welcome").ping()


def test_a_config_with_a_mistake_names_place_and_remedy():
    for config, parts in {
            LISTENER + '[storage]\ndurabilty = "sync"\n':
                (r"lineshaft\.toml:4:1: ", r"did you mean \"durability\"\?"),
            LISTENER + "[storage]\nmax_queued = 0\n": (r"lineshaft\.toml:4:\d+: ", "max_queued"),
            LISTENER + '[storage]\nmax_queued = "x"\n': (r"lineshaft\.toml:4:\d+: ", "max_queued"),
            LISTENER + "[storrage]\n": (r"lineshaft\.toml:3:\d+: ", "did you mean \"storage\""),
            "a = [\n": (r"lineshaft\.toml:\d+:\d+: ", "TOML"),
            '[listeners.plant]\nbind = "0.0.0.0:{port}"\n':
                (r"lineshaft\.toml:2:\d+: ", "authorization = \"open\"")}.items():
        broker = Broker(config)
        try:
            refused(broker, CONFIG, *parts)
            assert not os.path.exists(broker.data)
        finally:
            shutil.rmtree(broker.folder)


def test_a_config_that_cannot_be_read_is_named():
    broker = Broker("")
    os.remove(broker.config_file)
    refused(broker, CONFIG, "lineshaft.toml: cannot be read", "Check the name")
    os.mkdir(broker.config_file)
    refused(broker, CONFIG, "lineshaft.toml: this is a folder", "Name the file")
    shutil.rmtree(broker.folder)


def test_a_port_in_use_is_named_before_the_store_is_touched():
    with Broker() as first:
        second = Broker()
        second.port = first.port
        refused(second, UNAVAILABLE, str(first.port), "in use")
        assert not os.path.exists(second.data)
        shutil.rmtree(second.folder)
        Client(first.port, "still-there").ping()


def test_a_socket_path_in_use_is_named_before_the_store_is_touched():
    config = LISTENER + '[listeners.local]\nbind = "unix:{path}"\n'
    first = Broker()
    path = os.path.join(first.folder, "mqtt.sock")
    first.config_file = os.path.join(first.folder, "lineshaft.toml")
    first.write_config(config.replace("{path}", path))
    with first:
        second = Broker(config.replace("{path}", path))
        refused(second, UNAVAILABLE, re.escape(path), "in use")
        assert not os.path.exists(second.data)
        Client(path, "still-there").ping()
        second.write_config(config.replace("{path}", "/nowhere/mqtt.sock"))
        refused(second, CONFIG, "/nowhere/mqtt.sock", "folder does not exist")
        assert not os.path.exists(second.data)
        shutil.rmtree(second.folder)


def test_a_start_that_fails_after_the_restore_leaves_the_store_as_it_was():
    config = LISTENER + "".join(f'[listeners.{name}]\nbind = "unix:{{folder}}/{path}"\n'
                                for name, path in (("a", "x.sock"), ("b", "./x.sock")))
    broker = Broker(LISTENER)
    used_store(broker)
    broker.write_config(config)  # each path is free until the other is opened
    code, said = broker.run_to_end()
    assert code == UNAVAILABLE and "x.sock" in said, f"{code}: {said}"
    broker.write_config(LISTENER)
    with broker:
        assert broker.seen("store_restored")[-1]["clean"] is True


def test_a_second_broker_does_not_touch_the_data_of_the_first():
    with Broker() as first:
        Client(first.port, "a").publish_and_wait("t", "1", retain=True)
        second = Broker()
        own, second.data = second.data, first.data
        said = refused(second, CANNOT_CREATE, "in use by another broker", "--data")
        assert str(first.process.pid) in said
        second.data = own
        shutil.rmtree(second.folder)
        Client(first.port, "b").publish_and_wait("t", "2", retain=True)


def test_a_newer_store_is_left_alone():
    broker = Broker()
    used_store(broker)
    with open(os.path.join(broker.data, "SCHEMA"), "w", encoding="utf-8") as file:
        file.write("lineshaft store, schema 99\n")
    refused(broker, CANNOT_CREATE, "newer version", "schema 99")
    shutil.rmtree(broker.folder)


def test_a_folder_that_is_not_ours_is_left_alone():
    broker = Broker()
    used_store(broker)
    os.remove(os.path.join(broker.data, "SCHEMA"))
    refused(broker, CANNOT_CREATE, "SCHEMA", "--data")
    shutil.rmtree(broker.folder)


def test_a_store_without_its_files_is_not_replaced_by_an_empty_one():
    broker = Broker()
    used_store(broker)
    os.remove(os.path.join(broker.data, "db", "CURRENT"))
    refused(broker, CANNOT_CREATE, "lost its files", "backup")
    shutil.rmtree(broker.folder)


def newest_journal(broker):
    folder = os.path.join(broker.data, "db")
    return os.path.join(folder, max(name for name in os.listdir(folder) if name.endswith(".log")))


def test_a_damaged_journal_is_refused_and_recovered_on_demand():
    broker = Broker()
    used_store(broker, clean=False)
    journal = newest_journal(broker)
    middle = os.path.getsize(journal) // 2
    with open(journal, "r+b") as file:
        file.seek(middle)
        byte = file.read(1)[0]
        file.seek(middle)
        file.write(bytes([byte ^ 1]))
    refused(broker, CANNOT_CREATE, "damaged", "on_corruption", "backup")
    broker.environment["LINESHAFT_STORAGE__ON_CORRUPTION"] = "recover"
    with broker:
        reader = Client(broker.port, "reader")
        reader.subscribe("plant/#", 0)
        assert reader.take(PUBLISH).payload == b"x" * 300, "what stood before the damage is there"
        names = os.listdir(broker.data)
        assert any(name.startswith("quarantine-") for name in names), names
        assert any(name.startswith("ALARM-") for name in names), names
        assert broker.seen("store_alarm")


def test_a_damaged_manifest_is_refused():
    broker = Broker()
    used_store(broker)
    folder = os.path.join(broker.data, "db")
    manifest = next(name for name in os.listdir(folder) if name.startswith("MANIFEST"))
    with open(os.path.join(folder, manifest), "r+b") as file:
        file.write(b"\xff" * 64)
    refused(broker, CANNOT_CREATE, "damaged", "backup")
    shutil.rmtree(broker.folder)


def test_a_data_path_that_is_a_file_is_named():
    broker = Broker()
    with open(broker.data, "w", encoding="ascii") as file:
        file.write("mine")
    refused(broker, CANNOT_CREATE, "is a file", "--data")
    # Whoever runs the tests as root may write everywhere: a file in the way stands for "no right".
    broker.data += "/below"
    refused(broker, CANNOT_CREATE, "is a file or lies below one")
    shutil.rmtree(broker.folder)


def test_a_folder_without_the_right_to_write_is_named():
    if os.geteuid() == 0:
        print("  skipped: root may write everywhere")
        return
    broker = Broker()
    os.mkdir(broker.data, 0o500)
    refused(broker, CANNOT_CREATE, "right to read and write", "--data")
    os.chmod(broker.data, 0o700)
    shutil.rmtree(broker.folder)


def test_a_full_disk_is_named_and_the_store_is_whole_afterwards():
    broker = Broker()
    with small_disk(os.path.join(broker.folder, "disk"), 48) as disk:
        if disk is None:
            print("  skipped: mounting a tmpfs is not permitted here")
            return
        broker.data = os.path.join(disk.folder, "data")
        used_store(broker)
        disk.fill()
        code, said = broker.run_to_end()
        assert code == DISK_FAILED and "Free some space" in said, f"{code}: {said}"
        disk.release()
        broker.start()
        reader = Client(broker.port, "reader")
        reader.subscribe("plant/#", 0)
        assert len({reader.take(PUBLISH).topic for _ in range(200)}) == 200
        broker.kill()
    shutil.rmtree(broker.folder)


if __name__ == "__main__":
    enter_own_namespace()
    run_tests(globals())
