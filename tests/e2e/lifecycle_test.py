"""From start to stop: listeners, reload, deadlines, overload, the end.

    lifecycle_test.py --shim liblineshaft_sync_shim.so
"""

import argparse
import os
import resource
import shutil
import signal
import socket
import time

from broker import Broker, free_port, run_tests
from first_steps_test import messages, run, subscriber
from wire import DISCONNECT, PUBACK, PUBLISH, Client, Closed, open_socket, packet, text

LISTENER = '[listeners.default]\nbind = "127.0.0.1:{port}"\n'
SHUTTING_DOWN = 0x8B
QUOTA_EXCEEDED = 0x97
ACCEPT_PAUSE_S = 0.1
SHIM = []


def ended(client):
    """What still comes, until the broker has closed the connection."""
    packets = []
    try:
        while True:
            packets.append(client.take())
    except Closed:
        return packets


def second_subscription(client, topic_filter):
    """Reason code of a SUBSCRIBE."""
    packet_id = client.take_id()
    client.send(packet(0x82, packet_id.to_bytes(2, "big") + b"\x00" + text(topic_filter) + b"\x01"))
    return client.answer(9).body[-1]


def test_a_reload_applies_what_it_may_and_names_what_waits():
    with Broker(LISTENER) as broker:
        client = Client(broker.port, "a")
        client.subscribe("one")
        broker.write_config(LISTENER + "[mqtt]\nsubscriptions_per_session_max = 1\n"
                            '[storage]\ndurability = "async"\n')
        broker.hang_up()
        assert "subscriptions_per_session_max" in broker.wait_for("reloaded")["changed"]
        assert broker.wait_for("reload_needs_restart")["options"] == "storage.durability"
        assert second_subscription(client, "two") == QUOTA_EXCEEDED


def test_a_broken_file_changes_nothing():
    limit = LISTENER + "[mqtt]\nsubscriptions_per_session_max = 1\n"
    with Broker(limit) as broker:
        client = Client(broker.port, "a")
        client.subscribe("one")
        for broken in (LISTENER + "[mqtt]\nsubscriptions_per_sesion_max = 9\n", "a = [\n", "",
                       LISTENER + "[mqtt]\nsubscriptions_per_session_max = 9\nreceive_maximum = 0"):
            if not broken:
                os.remove(broker.config_file)
            else:
                broker.write_config(broken)
            broker.hang_up()
            record = broker.wait_for("reload_refused")
            assert "lineshaft.toml" in record["where"] and record["what"], record
            assert second_subscription(client, "two") == QUOTA_EXCEEDED
        broker.write_config(limit.replace("= 1", "= 2"))
        broker.hang_up()
        broker.wait_for("reloaded")
        assert second_subscription(client, "two") == 1


def test_a_stop_sends_what_was_held_and_says_goodbye():
    broker = Broker()
    delay = os.path.join(broker.folder, "delay")
    broker.environment = {"LD_PRELOAD": SHIM[0], "LINESHAFT_SYNC_CONTROL": delay}
    with broker:
        watcher = Client(broker.port, "watcher")
        watcher.subscribe("line/#")
        publishers = [Client(broker.port, f"publisher-{version}", version, clean=False, expiry=60)
                      for version in (5, 4)]
        with open(delay, "w", encoding="ascii") as file:
            file.write("delay 400000")
        for number, publisher in enumerate(publishers):
            publisher.publish(f"line/{number}", "safe", 1, retain=True)
            watcher.take_message()  # taken and passed on, while its PUBACK waits for the disk
        assert broker.stop() == 0
        for publisher in publishers:
            kinds = [(each.kind, getattr(each, "reason", 0)) for each in ended(publisher)]
            goodbye = [(DISCONNECT, SHUTTING_DOWN)] if publisher.version == 5 else []
            assert kinds == [(PUBACK, 0)] + goodbye, kinds
        assert [each.reason for each in ended(watcher)] == [SHUTTING_DOWN]
        assert broker.seen("stopped") and not broker.seen("drain_incomplete")
        os.remove(delay)
        broker.start()
        assert broker.seen("store_restored")[-1]["clean"] is True
        reader = Client(broker.port, "reader")
        reader.subscribe("line/#", 0)
        assert sorted(reader.take(PUBLISH).topic for _ in (0, 1)) == ["line/0", "line/1"]
        assert Client(broker.port, "publisher-5", clean=False, expiry=60).connack.present


def send_oneself_sigterm():
    """The signal is there from the first moment on and nobody has looked at it yet."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_stop_during_the_restore_ends_it_at_once():
    broker = Broker()
    with broker:
        publisher = Client(broker.port, "publisher")
        publisher.publish_and_wait("line/1", "kept", retain=True)
        assert broker.stop() == 0
        broker.prepare = send_oneself_sigterm
        code, said = broker.run_to_end()
        assert code == 0 and not said, f"{code}: {said}"
        assert broker.seen("start_given_up") and not broker.seen("ready"), broker.records
        broker.prepare = None
        broker.start()
        assert broker.seen("store_restored")[-1]["clean"] is True
        reader = Client(broker.port, "reader")
        reader.subscribe("line/#", 0)
        assert reader.take(PUBLISH).payload == b"kept"


def test_a_disk_that_fails_again_and_again_ends_the_broker_with_75():
    broker = Broker()
    control = os.path.join(broker.folder, "control")
    broker.environment = {"LD_PRELOAD": SHIM[0], "LINESHAFT_SYNC_CONTROL": control}
    with broker:
        publisher = Client(broker.port, "publisher")
        publisher.publish_and_wait("line/1", "safe", retain=True)
        with open(control, "w", encoding="ascii") as file:
            file.write("eio")
        publisher.publish("line/1", "never acknowledged", 1, retain=True)
        assert broker.process.wait(60) == 75
        assert [each.kind for each in ended(publisher) if each.kind == PUBACK] == []
        broker.wait_for("store_failed_for_good")
        assert "failed repeatedly" in broker.wait_for("text")["text"]
        os.remove(control)
        broker.start()
        reader = Client(broker.port, "reader")
        reader.subscribe("line/#", 0)
        assert reader.take(PUBLISH).payload in (b"safe", b"never acknowledged")


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def counter(client, name):
    """A counter's next value on $SYS."""
    while (message := client.take_message()).topic.rsplit("/", 1)[-1] != name:
        pass
    return int(message.payload)


def test_out_of_files_the_broker_waits_and_does_not_spin():
    broker = Broker(LISTENER + "[sys]\ninterval_s = 1\n")
    broker.prepare = few_files
    with broker:
        watcher = Client(broker.port, "watcher")
        watcher.subscribe("$SYS/broker/lineshaft/accepts_paused", 0)
        begin = time.monotonic()
        crowd = [open_socket(broker.port) for _ in range(80)]
        assert "LimitNOFILE" in broker.wait_for("accept_paused")["remedy"]
        pauses = 0
        while pauses < 10:  # it tries again and again, and the pauses are pauses
            pauses = counter(watcher, "accepts_paused")
            assert pauses <= (time.monotonic() - begin) / ACCEPT_PAUSE_S + 1, pauses
        watcher.ping()
        for stream in crowd:
            stream.close()
        Client(broker.port, "late").ping()
        assert len(broker.seen("accept_paused")) < 5, "one line per shortage"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def test_clients_of_several_listeners_meet_and_a_silent_one_is_closed():
    other, six = free_port(), free_port()
    config = (f'{LISTENER}[listeners.second]\nbind = "127.0.0.1:{other}"\n'
              '[listeners.local]\nbind = "unix:{folder}/mqtt.sock"\n')
    if has_ipv6():
        config += f'[listeners.six]\nbind = "[::1]:{six}"\n'
    else:
        print("  without IPv6: this machine has none")
    with Broker(config) as broker:
        path = os.path.join(broker.folder, "mqtt.sock")
        silent = [open_socket(broker.port), open_socket(path), open_socket(other)]
        silent[2].sendall(b"\x10\x20\x00\x04MQ")  # a CONNECT that never ends
        places = [broker.port, other, path] + ([("::1", six)] if has_ipv6() else [])
        clients = [Client(place, f"at-{number}") for number, place in enumerate(places)]
        for client in clients:
            client.subscribe("all/#")
        for number, client in enumerate(clients):
            client.publish("all/x", str(number), 1)
            for each in clients:
                message = each.answer(PUBLISH)
                assert message.payload == str(number).encode()
                each.ack(PUBACK, message.id)
            client.answer(PUBACK)
        live = subscriber_at(path)
        run(["mosquitto_pub", "--unix", path, "-t", "unix/x", "-m", "1"])
        assert messages(live) == ["1"]
        for stream in silent:
            assert stream.recv(100) == b"", "a silent client is closed, and told nothing"
            stream.close()
        for client in clients:
            client.ping()
        assert broker.stop() == 0
        assert not os.path.exists(path), "the socket's file goes with the broker"
        broker.start()
        Client(path, "again").ping()


def subscriber_at(path):
    class Here:
        port = 0
    return subscriber(Here, "--unix", path, "-t", "unix/#", "-C", "1")


def test_a_socket_file_of_a_dead_broker_is_no_obstacle():
    with Broker(LISTENER + '[listeners.local]\nbind = "unix:{folder}/mqtt.sock"\n') as broker:
        broker.restart()
        Client(os.path.join(broker.folder, "mqtt.sock"), "again").ping()


def test_a_client_that_falls_silent_is_closed_and_its_will_published():
    with Broker() as broker:
        watcher = Client(broker.port, "watcher")
        watcher.subscribe("will/#")
        for version in (5, 4):
            silent = Client(broker.port, f"silent-{version}", version, keep_alive=1,
                            will=("will/x", f"gone-{version}", 1, False, 0))
            assert watcher.take_message().payload == f"gone-{version}".encode()
            reasons = [each.reason for each in ended(silent)]
            assert reasons == ([0x8D] if version == 5 else []), reasons
            broker.wait_for("keep_alive_timeout")


def test_a_client_that_does_not_read_loses_qos_0_and_nobody_else_does():
    with Broker(LISTENER + "[sys]\ninterval_s = 1\n") as broker:
        slow, fast = Client(broker.port, "slow"), Client(broker.port, "fast")
        for client in (slow, fast):
            client.subscribe("flood", 0)
        slow.subscribe("important", 1)
        publisher = Client(broker.port, "publisher")
        sent = 0
        while not broker.seen("slow_consumer"):
            for _ in range(20):
                publisher.publish("flood", "." * 10_000)
            publisher.ping()
            for _ in range(20):
                assert fast.take(PUBLISH).topic == "flood"
            sent += 20
            assert sent < 20_000, "the slow client never filled up"
        assert publisher.publish_and_wait("important", "x") == 0
        received = 0
        while (message := slow.take_message()).topic == "flood":
            received += 1
        assert message.topic == "important" and received < sent
        watcher = Client(broker.port, "watcher")
        watcher.subscribe("$SYS/broker/lineshaft/dropped_qos0_slow_consumer", 0)
        while int(watcher.take_message().payload) != sent - received:
            pass


def resident_kb(broker):
    with open(f"/proc/{broker.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_a_client_that_floods_and_does_not_read_answers_is_not_read_either():
    with Broker() as broker:
        deaf, other = Client(broker.port, "deaf"), Client(broker.port, "other")
        before, sent, pings = resident_kb(broker), 0, b"\xc0\x00" * 32_768
        deaf.socket.setblocking(False)
        full = 0
        while full < 100:
            try:
                sent += deaf.socket.send(pings[sent % 2:])  # never a torn PINGREQ in between
                full = 0
            except BlockingIOError:
                other.ping()  # the broker had its turn and still takes nothing
                full += 1
            assert sent < 200_000_000, "it is still read"
        assert resident_kb(broker) - before < 64 * 1024
        deaf.socket.setblocking(True)
        received = 0
        while received < sent // 2 * 2:
            received += len(deaf.socket.recv(1 << 20))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shim", required=True)
    SHIM.append(parser.parse_args().shim)
    assert shutil.which("mosquitto_sub"), "needs mosquitto-clients: ./dev deps test"
    run_tests(globals())


if __name__ == "__main__":
    main()
