"""The audit log of the real broker: what is denied is recorded, what is changed is found, the chain
goes on after kill -9, and a full disk costs no service and leaves no gap untold."""

import json
import os
import shutil
import struct
import subprocess
import threading

from admin_client import ask, socket_of
from broker import BINARY, PATIENCE_S, BrokerFailed, run_tests
from small_disk import enter_own_namespace, small_disk
from users_test import BAD_PASSWORD, CONFIG, guarded, log_in, passwd, reason
from wire import PUBLISH, SUBACK, packet, text

WHOLE, CHANGED = 0, 65


def audit(broker, *arguments):
    """Exit status and output of `lineshaft audit ...`."""
    done = subprocess.run([BINARY, "audit", *arguments, "--config", broker.config_file, "--data",
                           broker.data], capture_output=True, text=True, timeout=PATIENCE_S,
                          check=False)
    return done.returncode, done.stdout + done.stderr


def records(broker, **wanted):
    code, text = audit(broker, "tail", "--json", "-n", "100000")
    assert code == 0, text
    lines = [json.loads(line) for line in text.splitlines()]
    return [r for r in lines if all(r[key] == value for key, value in wanted.items())]


def wait_for_record(broker, **wanted):
    """The first record with these members, as soon as it is in the log."""
    filters = [f"--{key}={value}" for key, value in wanted.items()
               if key in ("type", "identity", "client", "zone")]
    with subprocess.Popen([BINARY, "audit", "tail", "--json", "--follow", "-n", "100000", *filters,
                           "--config", broker.config_file, "--data", broker.data],
                          stdout=subprocess.PIPE, text=True) as tail:
        patience = threading.Timer(PATIENCE_S, tail.kill)
        patience.start()
        try:
            for line in tail.stdout:
                record = json.loads(line)
                if all(record[key] == value for key, value in wanted.items()):
                    return record
        finally:
            patience.cancel()
            tail.kill()
    raise BrokerFailed(f"no such record: {wanted}")


def verify(broker, *arguments):
    return audit(broker, "verify", *arguments)


def subscribe(client, topic_filter):
    """The reason code."""
    client.send(packet(0x82, struct.pack(">H", 77) + b"\x00" + text(topic_filter) + b"\x00"))
    return client.answer(SUBACK).body[-1]


def newest_file(broker, folder=None):
    folder = folder or f"{broker.data}/audit"
    return os.path.join(folder, max(n for n in os.listdir(folder) if n.endswith(".jsonl")))


def wait_for_failures(broker, number):
    name = "lineshaft_audit_failures_total"
    while True:
        page = ask(socket_of(broker), "/metrics").body
        values = [float(line.split()[1]) for line in page.splitlines() if line.startswith(name)]
        if values[0] >= number:
            assert "\nlineshaft_audit_writable 0" in page
            return


def change_one_byte(path):
    with open(path, "r+b") as file:
        content = file.read()
        at = content.index(b"login_refused") + 3
        file.seek(at)
        file.write(bytes([content[at] ^ 1]))


def test_what_is_denied_is_recorded_and_a_changed_byte_is_found():
    with guarded({"alice": "pencil", "bob": "eraser"}) as broker:
        assert reason(broker, "intruder", "alice", "guess") == BAD_PASSWORD
        bob, code = log_in(broker, "b", "bob", "eraser")
        assert code == 0
        assert bob.publish_and_wait("plant/x", "no", 1) == 0x87
        subscribe(bob, "secret/#")
        refused = wait_for_record(broker, type="login_refused", identity="alice")
        assert refused["client"] == "intruder" and refused["ip"] == "127.0.0.1", refused
        assert refused["reason"] == "bad_user_name_or_password", refused
        assert wait_for_record(broker, type="login_accepted", identity="bob")["client"] == "b"
        denied = wait_for_record(broker, type="publish_denied", identity="bob")
        assert denied["topic"] == "plant/x" and denied["op"] == "publish", denied
        assert denied["ip"] == "127.0.0.1", denied
        denied = wait_for_record(broker, type="subscribe_denied", identity="bob")
        assert denied["topic"] == "secret/#", denied
        assert reason(broker, "b", "alice", "pencil") == 0x87
        denied = wait_for_record(broker, type="takeover_denied")
        assert denied["identity"] == "alice" and denied["ip"] == "127.0.0.1", denied
        passwd(broker, "--delete", "bob")
        broker.hang_up()
        assert wait_for_record(broker, type="connection_revoked")["identity"] == "bob"
        wait_for_record(broker, type="config_reloaded")
        os.truncate(f"{broker.folder}/users", 0)
        broker.hang_up()
        wait_for_record(broker, type="config_refused")
        code, said = verify(broker)
        assert code == WHOLE, said  # also while the broker writes it
        assert broker.stop() == 0
        assert [r["type"] for r in records(broker)][-2:] == ["broker_stopped", "audit.checkpoint"]
        assert verify(broker)[0] == WHOLE
        secrets = [line for line in open(newest_file(broker), encoding="utf-8")
                   if "guess" in line or "pencil" in line or "eraser" in line]
        assert not secrets, secrets
        change_one_byte(newest_file(broker))
        code, said = verify(broker)
        assert code == CHANGED and "was changed" in said, said


def test_only_the_right_key_is_believed():
    with guarded({"alice": "pencil"}) as broker:
        reason(broker, "a", "alice", "pencil")
        assert broker.stop() == 0
        code, key = audit(broker, "key")
        assert code == 0 and "PUBLIC KEY" in key, key
        assert oct(os.stat(f"{broker.data}/audit-key.pem").st_mode & 0o777) == "0o600"
        kept = f"{broker.folder}/kept.pem"
        with open(kept, "w", encoding="utf-8") as file:
            file.write(key)
        assert verify(broker, "--key", kept)[0] == WHOLE
        other = f"{broker.folder}/other.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", other], check=True)
        code, said = verify(broker, "--key", other)
        assert code == CHANGED and "not signed" in said, said


def test_the_chain_goes_on_after_kill_9_and_a_torn_line_is_told():
    with guarded({"alice": "pencil"}) as broker:
        for _ in range(3):
            reason(broker, "a", "alice", "pencil")
            wait_for_record(broker, type="login_accepted")
            broker.kill()
            broker.start()
        broker.kill()
        starts = records(broker, type="broker_started")
        assert len(starts) == 4 and len({record["boot"] for record in starts}) == 4, starts
        assert verify(broker)[0] == WHOLE
        with open(newest_file(broker), "a", encoding="utf-8") as file:
            file.write('{"seq":9')
        broker.start()
        gap = wait_for_record(broker, type="audit.gap")
        assert "a torn last line of 8 bytes" in gap["reason"] and gap["topic"] == '{"seq":9', gap
        code, said = verify(broker)
        assert code == WHOLE and "1 gaps" in said, said


def test_a_tail_that_is_cut_off_is_found():
    with guarded({"alice": "pencil"}) as broker:
        reason(broker, "a", "alice", "guess")
        wait_for_record(broker, type="login_refused")
        broker.kill()
        with open(newest_file(broker), "rb+") as file:
            lines = file.read().splitlines(keepends=True)
            file.truncate(sum(map(len, lines[:-1])))
        code, said = verify(broker)
        assert code == CHANGED and "cut off" in said, said
        broker.start()
        assert "missing" in wait_for_record(broker, type="audit.gap")["reason"]
        assert verify(broker)[0] == CHANGED, "once missing, always missing"


def test_a_full_disk_costs_no_service_and_the_gap_is_recorded():
    broker = guarded({"alice": "pencil", "bob": "eraser"})
    try:
        with small_disk(os.path.join(broker.folder, "disk"), 1) as disk:
            if disk is None:
                print("  skipped: mounting a tmpfs is not permitted here")
                return
            broker.write_config(CONFIG + '[audit]\nfolder = "{folder}/disk/audit"\n')
            with broker:
                bob, code = log_in(broker, "b", "bob", "eraser")
                assert code == 0
                wait_for_record(broker, type="login_accepted")
                disk.fill()
                for number in range(40):  # more than the rest of the file's last page
                    reason(broker, f"intruder-{number}", "nobody", "x")
                broker.wait_for("audit_not_written")
                wait_for_failures(broker, 3)  # not only the head, which is written anew each time
                bob.ping()
                watcher, _ = log_in(broker, "w", "bob", "eraser")
                watcher.subscribe("plant/#", 0)
                alice, code = log_in(broker, "a", "alice", "pencil")
                assert code == 0
                alice.publish("plant/x", "still here")
                assert watcher.take(PUBLISH).payload == b"still here"
                disk.release()
                gap = wait_for_record(broker, type="audit.gap")
                assert "No space left" in gap["reason"], gap
                assert wait_for_record(broker, type="login_accepted", identity="alice")
                code, said = verify(broker)
                assert code == WHOLE, said
                assert broker.stop() == 0
    finally:
        shutil.rmtree(broker.folder, ignore_errors=True)


def test_the_head_is_published_for_who_keeps_it_elsewhere():
    with guarded({"alice": "pencil"}, "user alice\nsubscribe $SYS/#\n") as broker:
        broker.write_config(CONFIG + "[sys]\ninterval_s = 1\n")
        broker.restart()
        alice, _ = log_in(broker, "a", "alice", "pencil")
        alice.subscribe("$SYS/broker/audit/head", 0)
        head = alice.take(PUBLISH).payload.decode()
        assert set(json.loads(head)) == {"seq", "hash", "boot", "sig"}
        assert broker.stop() == 0
        assert verify(broker, "--head", head)[0] == WHOLE
        lost = json.loads(head)
        lost["hash"] = "00" * 32
        assert verify(broker, "--head", json.dumps(lost))[0] == CHANGED


if __name__ == "__main__":
    enter_own_namespace()
    run_tests(globals())
