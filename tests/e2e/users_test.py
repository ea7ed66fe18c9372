"""Users, passwords and topic rules, with the clients of others and with SCRAM by hand."""

import base64
import fcntl
import hashlib
import hmac
import os
import pty
import queue
import re
import shutil
import signal
import socket
import struct
import subprocess
import termios

from broker import BINARY, PATIENCE_S, Broker, run_tests
from first_steps_test import client, messages, run, subscriber
from lifecycle_test import ended
from wire import (CONNACK, DISCONNECT, PINGRESP, PUBLISH, SUBACK, Client, Closed, packet, text,
                  varint)

AUTH = 15
CONFIG = """authorization = "users"
[listeners.default]
bind = "0.0.0.0:{port}"
[users]
file = "{folder}/users"
rules_file = "{folder}/rules"
[net]
connect_deadline_ms = 60000  # a hash takes its time where every core is busy
"""
RULES = """everybody
subscribe plant/#
user alice
publish plant/#
user scada
both clients/%c/#
"""
BAD_PASSWORD, NOT_AUTHORIZED, TOO_OFTEN = 0x86, 0x87, 0x9F


def passwd(broker, *arguments, password=None):
    done = subprocess.run([BINARY, "passwd", f"{broker.folder}/users", *arguments],
                          input=f"{password}\n" if password else "", capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def guarded(users, rules=RULES):
    """A broker that is not started yet, with these users (name: password)."""
    broker = Broker(CONFIG)
    for name, password in users.items():
        passwd(broker, name, password=password)
    with open(f"{broker.folder}/rules", "w", encoding="utf-8") as file:
        file.write(rules)
    return broker


def connect_packet(client_id, user=None, password=None, version=5, properties=b""):
    flags, payload = 2, text(client_id)
    if user is not None:
        flags, payload = flags | 0x80, payload + text(user)
    if password is not None:
        flags, payload = flags | 0x40, payload + text(password)
    properties = varint(len(properties)) + properties if version == 5 else b""
    return packet(0x10, text("MQTT") + bytes([version, flags, 0, 0]) + properties + payload)


def log_in(broker, client_id, user=None, password=None, version=5):
    """The client and the reason code of its CONNACK."""
    raw = Client(broker.port, client_id, version=version, connect=False)
    raw.send(connect_packet(client_id, user, password, version))
    return raw, raw.take(CONNACK).reason


def reason(*arguments, **more):
    return log_in(*arguments, **more)[1]


def test_the_right_password_gets_in_and_the_rules_hold():
    with guarded({"alice": "pencil", "bob": "eraser"}) as broker:
        alice, bob = ["-u", "alice", "-P", "pencil"], ["-u", "bob", "-P", "eraser"]
        for version in ("mqttv311", "mqttv5"):
            live = subscriber(broker, "-V", version, *bob, "-t", "#", "-v", "-C", "1")
            run(client(broker, "mosquitto_pub", "-V", version, *bob, "-t", "plant/x", "-m", "no"))
            run(client(broker, "mosquitto_pub", "-V", version, *alice, "-q", "1", "-t", "other",
                       "-m", "no"))
            run(client(broker, "mosquitto_pub", "-V", version, *alice, "-q", "1", "-t", "plant/x",
                       "-m", "yes"))
            assert messages(live) == ["plant/x yes"]


def test_who_has_no_password_does_not_get_in():
    with guarded({"alice": "pencil"}) as broker:
        assert reason(broker, "a", "alice", "eraser") == BAD_PASSWORD
        assert reason(broker, "a", "mallory", "pencil") == BAD_PASSWORD
        assert reason(broker, "a") == NOT_AUTHORIZED
        assert reason(broker, "a", "alice", "wrong", version=4) == 4
        assert reason(broker, "a", version=4) == 5
        for record in broker.records:
            assert "eraser" not in str(record) and "pencil" not in str(record)


def test_what_comes_behind_a_connect_waits_for_its_password():
    with guarded({"alice": "pencil"}) as broker:
        for password, answered in (("pencil", True), ("wrong", False)):
            raw = Client(broker.port, "a", connect=False)
            raw.send(connect_packet("a", "alice", password)
                     + packet(0x82, b"\x00\x01\x00" + text("plant/#") + b"\x00")
                     + raw.publish_bytes("plant/x", b"y" * 100_000) + b"\xc0\x00")
            kinds = []
            try:
                while not kinds or kinds[-1] != PINGRESP:
                    kinds.append(raw.take().kind)
            except Closed:
                pass
            assert kinds == ([CONNACK, SUBACK, PUBLISH, PINGRESP] if answered else [CONNACK])


def test_a_flood_of_wrong_passwords_stalls_nobody_who_is_connected():
    with guarded({"alice": "pencil", "bob": "eraser"}) as broker:
        bob, code = log_in(broker, "b", "bob", "eraser")
        assert code == 0
        flood = []
        for number in range(100):
            raw = Client(broker.port, f"f{number}", connect=False)
            raw.send(connect_packet(f"f{number}", "alice", f"guess {number}"))
            flood.append(raw)
            bob.ping()
        answers = {raw.take(CONNACK).reason for raw in flood}
        assert answers <= {BAD_PASSWORD, TOO_OFTEN, 0x89} and TOO_OFTEN in answers, answers
        bob.ping()
        # Another name is not hindered, and neither is alice from another address.
        assert reason(broker, "b2", "bob", "eraser") == 0
        raw = Client(broker.port, "a", connect=False)
        raw.socket = socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S,
                                              ("127.0.0.2", 0))
        raw.send(connect_packet("a", "alice", "pencil"))
        assert raw.take(CONNACK).reason == 0


def test_passwd_takes_effect_at_a_reload():
    with guarded({"alice": "pencil", "bob": "eraser"}) as broker:
        alice, code = log_in(broker, "a", "alice", "pencil")
        assert code == 0
        passwd(broker, "bob", password="ruler")
        passwd(broker, "carl", password="compass")
        assert passwd(broker, "--list").splitlines() == [
            f"{name} password SCRAM-SHA-256" for name in ("alice", "bob", "carl")]
        passwd(broker, "--delete", "alice")
        assert oct(os.stat(f"{broker.folder}/users").st_mode & 0o777) == "0o600"
        broker.hang_up()
        broker.wait_for("reloaded")
        assert [p.reason for p in ended(alice) if p.kind == DISCONNECT] == [NOT_AUTHORIZED]
        assert reason(broker, "a", "alice", "pencil") == BAD_PASSWORD
        assert reason(broker, "b", "bob", "eraser") == BAD_PASSWORD
        assert reason(broker, "b", "bob", "ruler") == 0
        assert reason(broker, "c", "carl", "compass") == 0


def test_a_password_that_is_typed_slowly_brings_no_deleted_user_back():
    with guarded({"alice": "pencil", "bob": "eraser"}) as broker:
        typed = f"{broker.folder}/typed"
        os.mkfifo(typed, 0o600)
        with subprocess.Popen([BINARY, "passwd", f"{broker.folder}/users", "carl",
                               "--password-file", typed], stdout=subprocess.DEVNULL) as slow:
            # Opening ends when the other side opens too: it asks for the password now.
            with open(typed, "w", encoding="utf-8") as pipe:
                passwd(broker, "--delete", "bob")
                pipe.write("compass\n")
            assert slow.wait(PATIENCE_S) == 0
        names = [line.split()[0] for line in passwd(broker, "--list").splitlines()]
        assert names == ["alice", "carl"], names


def test_ctrl_c_at_the_prompt_shows_again_what_is_typed():
    with guarded({"alice": "pencil"}) as broker:
        ours, theirs = pty.openpty()
        shown = termios.tcgetattr(theirs)[3] & termios.ECHO
        with subprocess.Popen([BINARY, "passwd", f"{broker.folder}/users", "carl"], stdin=theirs,
                              stdout=theirs, stderr=theirs, start_new_session=True,
                              preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as asks:
            text_shown = b""
            while not text_shown.endswith(b"Password of carl: "):
                text_shown += os.read(ours, 100)
            while termios.tcgetattr(theirs)[3] & termios.ECHO:
                os.sched_yield()  # the prompt comes just before
            os.write(ours, b"\x03")
            assert asks.wait(PATIENCE_S) == -signal.SIGINT
        assert shown and termios.tcgetattr(theirs)[3] & termios.ECHO
        os.close(ours)
        os.close(theirs)


def test_what_cannot_be_prepared_for_scram_gets_a_password_only():
    with guarded({"alice": "pencil"}) as broker:
        said = passwd(broker, "müller", password="pencil")
        assert "Not for SCRAM-SHA-256" in said, said
        passwd(broker, "carl", password="Zirkel-Öse")
        assert passwd(broker, "--list") == ("alice password SCRAM-SHA-256\ncarl password\n"
                                            "müller password\n")


def test_a_challenge_for_nobody_is_the_same_after_a_restart():
    def salt(broker, name):
        raw = Client(broker.port, name, connect=False)
        properties = (b"\x15" + text("SCRAM-SHA-256") + b"\x16" + text(f"n,,n={name},r=abc"))
        raw.send(connect_packet(name, properties=properties))
        return re.search(rb",s=[^,]+,i=[0-9]+", raw.take(AUTH).body).group()

    with guarded({"alice": "pencil"}) as broker:
        before = salt(broker, "nobody"), salt(broker, "alice")
        broker.kill()
        broker.start()
        assert (salt(broker, "nobody"), salt(broker, "alice")) == before


def test_files_that_are_wrong_change_nothing():
    with guarded({"alice": "pencil"}) as broker:
        for name, content in (("rules", "everybody\nread all\n"), ("users", "alice:secret\n"),
                              ("users", "")):
            path = f"{broker.folder}/{name}"
            shutil.copy2(path, path + ".right")
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
            broker.hang_up()
            refused = broker.wait_for("reload_refused")
            assert name in refused["where"] and "secret" not in str(refused), refused
            os.replace(path + ".right", path)
            assert reason(broker, "a", "alice", "pencil") == 0
        os.chmod(f"{broker.folder}/users", 0o644)
        broker.hang_up()
        broker.wait_for("reload_refused")
        broker.kill()
        code, said = broker.run_to_end()
        assert code == 78 and "users" in said, said


def test_without_its_files_the_broker_does_not_start():
    with guarded({"alice": "pencil"}) as broker:
        broker.kill()
        broker.write_config('authorization = "users"\n[listeners.default]\nbind = "0.0.0.0:1"\n')
        code, said = broker.run_to_end()
        assert code == 78 and "users.file" in said and "users.rules_file" in said, said
        broker.write_config(CONFIG)
        os.remove(f"{broker.folder}/rules")
        code, said = broker.run_to_end()
        assert code == 78 and "rules" in said, said


def imported(broker, option, name, target):
    done = subprocess.run([BINARY, "import-mosquitto", option, f"{broker.folder}/{name}"],
                          capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    with open(f"{broker.folder}/{target}", "w", encoding="utf-8", opener=private) as file:
        file.write(done.stdout)
    return done


def private(path, flags):
    return os.open(path, flags, 0o600)


def test_mosquittos_files_are_taken_over():
    broker = Broker(CONFIG)
    run(["mosquitto_passwd", "-b", "-c", f"{broker.folder}/passwords", "alice", "pencil"])
    run(["mosquitto_passwd", "-b", f"{broker.folder}/passwords", "bob", "eraser"])
    with open(f"{broker.folder}/passwords", "a", encoding="utf-8") as file:
        file.write("old:$6$c2FsdA==$aGFzaA==\n")
    with open(f"{broker.folder}/acl", "w", encoding="utf-8") as file:
        file.write("user alice\ntopic write plant/#\nuser bob\ntopic read plant/#\n"
                   "pattern readwrite clients/%c/#\n")
    done = imported(broker, "--passwords", "passwords", "users")
    assert done.returncode == 78 and "passwords:3: left out" in done.stderr, done.stderr
    assert imported(broker, "--acl", "acl", "rules").returncode == 0
    with broker:
        live = subscriber(broker, "-u", "bob", "-P", "eraser", "-t", "plant/#", "-C", "1", "-v")
        run(client(broker, "mosquitto_pub", "-u", "alice", "-P", "pencil", "-q", "1", "-t",
                   "plant/x", "-m", "1"))
        assert messages(live) == ["plant/x 1"]
        run(client(broker, "mosquitto_pub", "-u", "alice", "-P", "pencil", "-i", "c7", "-V", "5",
                   "-q", "1", "-t", "clients/c7/x", "-m", "1"))


def test_paho_logs_in():
    import paho.mqtt.client as paho
    style = [paho.CallbackAPIVersion.VERSION1] if hasattr(paho, "CallbackAPIVersion") else []
    with guarded({"alice": "pencil"}) as broker:
        for password, expected in (("pencil", 0), ("wrong", 4)):
            codes = queue.Queue()
            one = paho.Client(*style, client_id="paho")
            one.username_pw_set("alice", password)
            one.on_connect = lambda _c, _u, _f, code, codes=codes: codes.put(code)
            one.connect("127.0.0.1", broker.port)
            one.loop_start()
            assert codes.get(timeout=PATIENCE_S) == expected
            one.disconnect()
            one.loop_stop()


def test_a_session_is_its_owners():
    with guarded({"alice": "pencil", "bob": "eraser"}) as broker:
        alice, code = log_in(broker, "press-7", "alice", "pencil")
        assert code == 0
        assert reason(broker, "press-7", "bob", "eraser") == NOT_AUTHORIZED
        alice.ping()


class Scram:
    """The client's side of SCRAM-SHA-256 (RFC 5802)."""

    def __init__(self, user, password):
        self.password = password.encode()
        self.bare = f"n={user},r={base64.b64encode(os.urandom(18)).decode()}"

    def first(self):
        return b"n,," + self.bare.encode()

    def final(self, challenge):
        parts = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(parts["s"]),
                                     int(parts["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={parts['r']}"
        signed = ",".join([self.bare, challenge.decode(), without_proof]).encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature))
        server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        self.expected = b"v=" + base64.b64encode(server)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


def scram_properties(data):
    return b"\x15" + text("SCRAM-SHA-256") + b"\x16" + text(data)


def auth_packet(code, data):
    properties = scram_properties(data)
    return packet(0xF0, bytes([code]) + varint(len(properties)) + properties)


def authentication_data(body):
    at = body.index(b"SCRAM-SHA-256\x16") + len(b"SCRAM-SHA-256\x16")
    size = struct.unpack(">H", body[at:at + 2])[0]
    return body[at + 2:at + 2 + size]


def scram_client(broker, user, password):
    """A client, its exchange and its CONNACK."""
    exchange = Scram(user, password)
    raw = Client(broker.port, f"scram-{user}", connect=False)
    raw.send(connect_packet(f"scram-{user}", properties=scram_properties(exchange.first())))
    raw.send(auth_packet(0x18, exchange.final(authentication_data(raw.take(AUTH).body))))
    return raw, exchange, raw.take(CONNACK)


def test_scram_proves_both_sides_and_again_later():
    with guarded({"alice": "pencil"}) as broker:
        raw, exchange, connack = scram_client(broker, "alice", "pencil")
        assert connack.reason == 0
        assert authentication_data(connack.body) == exchange.expected
        for password, last in (("pencil", AUTH), ("wrong", DISCONNECT)):
            again = Scram("alice", password)
            raw.send(auth_packet(0x19, again.first()))
            challenge = authentication_data(raw.take(AUTH).body)
            raw.ping()
            raw.send(auth_packet(0x18, again.final(challenge)))
            answer = raw.take(last)
            if last == AUTH:
                assert answer.body[0] == 0 and authentication_data(answer.body) == again.expected
            else:
                assert answer.reason == NOT_AUTHORIZED
        assert scram_client(broker, "alice", "wrong")[2].reason == BAD_PASSWORD
        assert scram_client(broker, "mallory", "pencil")[2].reason == BAD_PASSWORD


if __name__ == "__main__":
    run_tests(globals())
