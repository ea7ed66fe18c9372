"""Probes, metrics, status and reload over the admin socket and the loopback port.

    admin_test.py --shim liblineshaft_sync_shim.so
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from admin_client import ask, open_unix, read_metrics, run_verb, socket_of
from broker import Broker, PATIENCE_S, free_port, run_tests
from small_disk import enter_own_namespace, small_disk
from wire import Client

LISTENER = '[listeners.default]\nbind = "127.0.0.1:{port}"\n'
RELOAD = "/api/v1/config:reload"
SHIM = []


def until(condition, what):
    """Asks again and again; nothing tells a test that somebody listens."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.001)
    raise AssertionError(f"never: {what}")


def test_a_running_broker_is_alive_and_ready_and_says_how_it_is():
    with Broker() as broker:
        admin = socket_of(broker)
        assert oct(os.stat(admin).st_mode & 0o777) == "0o660"
        assert ask(admin, "/healthz").status == 200
        ready = ask(admin, "/readyz")
        assert ready.status == 200 and ready.json() == {"ready": True, "reasons": []}
        client = Client(broker.port, "a")
        client.subscribe("x")
        status = ask(admin, "/api/v1/status").json()
        assert status["listeners"][0]["address"] == f"127.0.0.1:{broker.port}"
        assert status["listeners"][0]["connections"] == 1
        assert status["counts"]["subscriptions"] == 1 and status["pid"] == broker.process.pid
        code, text, _ = run_verb("status", "--data", broker.data)
        assert code == 0 and ": ready\n" in text and "1 subscriptions" in text, text
        code, text, _ = run_verb("status", "--socket", admin, "--probe", "healthz")
        assert code == 0 and '"alive": true' in text
        assert ask(admin, "/nothing").status == 404
        assert ask(admin, "/healthz", "DELETE").headers["Allow"] == "GET, HEAD"


def test_metrics_are_well_formed_and_move_with_the_traffic():
    port = free_port()
    with Broker(LISTENER + f'[admin]\nlisten = "127.0.0.1:{port}"\n') as broker:
        page = ask(port, "/metrics")
        assert page.status == 200 and page.type == "text/plain; version=0.0.4; charset=utf-8"
        before = read_metrics(page.body)
        publisher = Client(broker.port, "publisher")
        for number in range(10):
            publisher.publish_and_wait("line/x", "12345", 1, retain=number == 9)
        after = read_metrics(ask(port, "/metrics").body)
        grown = {name: after[name] - before.get(name, 0) for name in after}
        assert grown["lineshaft_publish_messages_received_total"] == 10
        assert grown["lineshaft_publish_bytes_received_total"] == 50
        # Values below $SYS are retained, too, and come when they come.
        assert grown["lineshaft_retained_messages"] >= 1
        assert grown['lineshaft_sessions{state="online"}'] == 1
        assert grown['lineshaft_connections{listener="default",transport="tcp"}'] == 1
        assert grown['lineshaft_http_requests_total{route="/metrics",code="200"}'] == 1
        assert after["lineshaft_ready"] == 1 and after["process_resident_memory_bytes"] > 1 << 20
        if promtool := shutil.which("promtool"):
            subprocess.run([promtool, "check", "metrics"], input=page.body, text=True, check=True)
        else:
            print("  this machine has no promtool: read_metrics has checked the page")


def test_a_broker_that_starts_is_alive_and_not_ready():
    broker = Broker()
    delay = os.path.join(broker.folder, "delay")
    broker.environment = {"LD_PRELOAD": SHIM[0], "LINESHAFT_SYNC_CONTROL": delay}
    with broker:
        admin = socket_of(broker)
        assert broker.stop() == 0
        with open(delay, "w", encoding="ascii") as file:
            file.write("delay 2000000")  # the last step of a start is synced
        start = threading.Thread(target=broker.start)
        start.start()
        until(lambda: os.path.exists(admin), "a socket")
        # The file is there a moment before somebody listens behind it.
        starting = until(lambda: ask_if_it_listens(admin, "/readyz"), "an answer")
        assert starting.status == 503 and starting.codes() == ["starting"], starting.body
        assert ask(admin, "/healthz").status == 200
        assert ask(admin, RELOAD, "POST").status == 503
        assert "lineshaft_ready 0\n" in ask(admin, "/metrics").body
        start.join()
        assert ask(admin, "/readyz").status == 200


def ask_if_it_listens(path, target):
    try:
        return ask(path, target)
    except ConnectionRefusedError:
        return None


def test_a_broker_that_drains_is_alive_and_not_ready():
    broker = Broker()
    delay = os.path.join(broker.folder, "delay")
    broker.environment = {"LD_PRELOAD": SHIM[0], "LINESHAFT_SYNC_CONTROL": delay}
    with broker:
        admin = socket_of(broker)
        publisher = Client(broker.port, "publisher")
        with open(delay, "w", encoding="ascii") as file:
            file.write("delay 3000000")
        publisher.publish("line", "held", 1, retain=True)
        publisher.ping()
        broker.process.send_signal(signal.SIGTERM)
        until(lambda: ask(admin, "/readyz").status == 503, "not ready")
        assert ask(admin, "/readyz").codes() == ["draining"]
        assert ask(admin, "/healthz").status == 200
        code, text, _ = run_verb("status", "--socket", admin)
        assert code == 75 and "not ready" in text, (code, text)
        assert ask(admin, RELOAD, "POST").status == 503
        assert broker.process.wait(PATIENCE_S) == 0
        assert not os.path.exists(admin)


def test_a_full_disk_is_not_ready_until_there_is_space():
    broker = Broker(LISTENER + "[storage]\nreserve_mb = 8\n")
    try:
        with small_disk(os.path.join(broker.folder, "disk"), 48) as disk:
            if disk is None:
                print("  skipped: mounting a tmpfs is not permitted here")
                return
            broker.data = os.path.join(disk.folder, "data")
            with broker:
                admin = socket_of(broker)
                assert ask(admin, "/readyz").status == 200
                disk.fill(leave=3 << 20)
                broker.wait_for("store_refuses_writes")
                full = ask(admin, "/readyz")
                assert full.status == 503 and full.codes() == ["store"], full.body
                assert ask(admin, "/healthz").status == 200
                metrics = read_metrics(ask(admin, "/metrics").body)
                assert metrics["lineshaft_store_accepts_writes"] == 0
                assert metrics["lineshaft_ready"] == 0
                assert run_verb("status", "--socket", admin)[0] == 75
                disk.release()
                broker.wait_for("store_accepts_writes")
                assert ask(admin, "/readyz").status == 200
                broker.kill()
    finally:
        shutil.rmtree(broker.folder, ignore_errors=True)


def test_a_reload_over_http_is_the_same_as_a_signal():
    limit = LISTENER + "[mqtt]\nsubscriptions_per_session_max = {}\n"
    with Broker(limit.replace("{}", "1")) as broker:
        admin = socket_of(broker)
        assert ask(admin, RELOAD, "POST").json() == {"changed": [], "needs_restart": []}
        assert broker.wait_for("reloaded")["changed"] == ""
        broker.write_config(limit.replace("{}", "2") + '[storage]\ndurability = "async"\n')
        answer = ask(admin, RELOAD, "POST")
        assert answer.json() == {"changed": ["mqtt.subscriptions_per_session_max"],
                                 "needs_restart": ["storage.durability"]}, answer.body
        assert broker.wait_for("reloaded")["changed"] == answer.json()["changed"][0]
        assert broker.wait_for("reload_needs_restart")["options"] == "storage.durability"
        broker.write_config(limit.replace("{}", "3") + '[storage]\ndurability = "async"\n')
        code, text, _ = run_verb("reload", "--data", broker.data, "--config", broker.config_file)
        assert code == 0 and "Changed: mqtt.subscriptions_per_session_max." in text, text
        assert "Waits for a restart: storage.durability." in text
        assert broker.wait_for("reloaded")
        metrics = read_metrics(ask(admin, "/metrics").body)
        assert metrics["lineshaft_config_reloads_total"] == 3


def test_a_wrong_configuration_is_refused_with_every_problem():
    with Broker(LISTENER) as broker:
        admin = socket_of(broker)
        broker.write_config(LISTENER + "[mqtt]\nreceive_maximum = 0\nreceive_maximun = 1\n")
        answer = ask(admin, RELOAD, "POST")
        assert answer.status == 422 and answer.type == "application/problem+json"
        problems = answer.json()["problems"]
        assert len(problems) == 2 and all(
            "lineshaft.toml:" in each["where"] and each["what"] for each in problems), problems
        logged = [broker.wait_for("reload_refused") for _ in problems]
        assert [each["what"] for each in logged] == [each["what"] for each in problems]
        broker.hang_up()
        assert [broker.wait_for("reload_refused")["what"] for _ in problems] == [
            each["what"] for each in problems]
        code, _, text = run_verb("reload", "--socket", admin)
        assert code == 78 and problems[0]["what"] in text and "Nothing was changed" in text, text
        metrics = read_metrics(ask(admin, "/metrics").body)
        assert metrics["lineshaft_config_reload_failures_total"] == 3


def test_over_tcp_nothing_but_probes_and_metrics_is_served():
    port = free_port()
    with Broker(LISTENER + f'[admin]\nlisten = "127.0.0.1:{port}"\n') as broker:
        for target in ("/healthz", "/readyz", "/metrics"):
            answer = ask(port, target)
            assert answer.status == 200
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
            assert ask(port, target, headers={"Host": "evil.example"}).status == 421
            assert ask(port, target, headers={"Host": f"evil.example:{port}"}).status == 421
            assert ask(port, target, "POST").status == 405
        assert ask(port, "/api/v1/status").status == 403
        assert ask(port, RELOAD, "POST").status == 403
        assert not broker.seen("reloaded")


def test_an_address_beyond_this_machine_is_refused():
    for address in ("0.0.0.0:9641", "[::]:9641", "192.0.2.1:9641"):
        broker = Broker(LISTENER + f'[admin]\nlisten = "{address}"\n')
        code, text = broker.run_to_end()
        shutil.rmtree(broker.folder)
        assert code == 78 and "loopback" in text and "lineshaft.toml:4" in text, text


def test_a_request_that_drips_is_cut_off_and_a_large_header_is_refused():
    with Broker() as broker:
        dripping = open_unix(socket_of(broker))
        dripping.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        dripping.settimeout(0.2)
        drops = 0
        while True:
            assert drops < 100, "it may drip for ever"
            try:
                dripping.sendall(b"x")
                drops += 1
                if dripping.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        broker.wait_for("http_request_timeout")
        large = open_unix(socket_of(broker))
        large.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 10_000)
        assert large.recv(100).startswith(b"HTTP/1.1 431 ")
        broker.wait_for("http_header_too_large")
        metrics = read_metrics(ask(socket_of(broker), "/metrics").body)
        assert metrics["lineshaft_http_request_timeouts_total"] == 1
        assert metrics["lineshaft_http_headers_refused_limit_total"] == 1


def ask_as(path, uid, groups):
    """The status a user with these groups gets for /healthz; None: the socket cannot be opened."""
    child = os.fork()
    if child == 0:
        os.setgroups(groups)
        os.setgid(uid)
        os.setuid(uid)
        try:
            os._exit(ask(path, "/healthz").status // 100)
        except PermissionError:
            os._exit(9)
        except BaseException:  # a fork of a test must not go on as one
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if code == 9 else code * 100


def test_other_users_may_ask_only_as_members_of_the_group_of_the_socket():
    if os.geteuid() != 0 or "LINESHAFT_OWN_NAMESPACE" in os.environ:
        print("  skipped: only root can become somebody else")
        return
    broker = Broker(LISTENER + '[admin]\nsocket = "{folder}/admin.sock"\n')
    os.chmod(broker.folder, 0o755)
    with broker:
        path = os.path.join(broker.folder, "admin.sock")
        stranger, group = 54321, 54322
        assert ask_as(path, stranger, []) is None, "the mode keeps it out"
        os.chmod(path, 0o666)
        assert ask_as(path, stranger, []) == 400  # 403
        refused = broker.wait_for("http_peer_refused")
        assert refused["peer"] == f"unix:uid={stranger}"
        os.chown(path, -1, group)
        assert ask_as(path, stranger, [group]) == 200
        assert ask_as(path, stranger, []) == 400


def test_a_dead_broker_s_socket_is_replaced_and_a_living_one_s_is_not():
    config = LISTENER + '[admin]\nsocket = "{folder}/admin.sock"\n'
    with Broker(config) as broker:
        path = os.path.join(broker.folder, "admin.sock")
        broker.kill()
        assert os.path.exists(path)
        code, _, text = run_verb("status", "--socket", path)
        assert code == 69 and path in text and "no broker answers" in text, text
        broker.start()
        assert ask(path, "/readyz").status == 200
        other = Broker(LISTENER + f'[admin]\nsocket = "{path}"\n')
        code, text = other.run_to_end()
        shutil.rmtree(other.folder)
        assert code == 69 and "admin.socket" in text and path in text, (code, text)
        assert ask(path, "/readyz").status == 200


def test_a_taken_port_is_said_before_anything_is_written():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        broker = Broker(LISTENER + f'[admin]\nlisten = "127.0.0.1:{port}"\n')
        code, text = broker.run_to_end()
        assert code == 69 and "admin.listen" in text and str(port) in text, text
        assert not os.path.exists(broker.data)
        shutil.rmtree(broker.folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shim", required=True)
    SHIM.append(parser.parse_args().shim)
    enter_own_namespace()
    run_tests(globals())


if __name__ == "__main__":
    main()
