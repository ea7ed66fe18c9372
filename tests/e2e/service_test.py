"""As a service: what the service manager hears, and what the unit permits."""

import os
import shutil
import socket
import subprocess

from broker import ROOT, Broker, run_tests

UNIT = f"{ROOT}/docker/systemd/lineshaft.service"
EXPOSURE_MAX = 20  # tenths
LISTENER = '[listeners.default]\nbind = "127.0.0.1:{port}"\n'


def manager(name):
    """A socket as systemd listens on."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.settimeout(60)
    listening.bind(name)
    return listening


def test_the_manager_hears_of_start_reload_and_stop():
    broker = Broker(LISTENER)
    path = os.path.join(broker.folder, "notify")
    for address, name in ((path, path), ("\0lineshaft-e2e-" + path, "@lineshaft-e2e-" + path)):
        with manager(address) as heard:
            broker.environment = {"NOTIFY_SOCKET": name}
            broker.start()
            assert heard.recv(100) == b"READY=1"
            broker.hang_up()
            assert [heard.recv(100) for _ in (0, 1)] == [b"RELOADING=1", b"READY=1"]
            assert broker.stop() == 0
            assert heard.recv(100) == b"STOPPING=1"
    shutil.rmtree(broker.folder)


def test_a_manager_that_is_gone_is_no_obstacle():
    with Broker(environment={"NOTIFY_SOCKET": "/nowhere/notify"}) as broker:
        broker.wait_for("service_manager_not_told")
        assert broker.stop() == 0


def test_the_unit_is_a_narrow_sandbox():
    if shutil.which("systemd-analyze") is None:
        print("  skipped: this machine has no systemd-analyze")
        return
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", UNIT],
        capture_output=True, text=True, check=False)
    verdict = (done.stdout.strip().splitlines() or [done.stderr])[-1]
    assert done.returncode == 0, verdict
    print(f"  {verdict}")


if __name__ == "__main__":
    run_tests(globals())
