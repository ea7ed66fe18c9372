"""What the README's first screen promises, with the clients it names."""

import subprocess

from broker import Broker, PATIENCE_S, run_tests

TOPIC = "acme/berlin/press/line1/cell2/temp"


def client(broker, program, *arguments):
    return [program, "-p", str(broker.port), *arguments]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def subscriber(broker, *arguments):
    """A running mosquitto_sub that has its SUBACK."""
    command = ["stdbuf", "-oL", *client(broker, "mosquitto_sub", "-d", *arguments)]
    # Unbuffered: `communicate` takes up where `readline` stopped.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
    lines = []
    while line := process.stdout.readline():
        lines.append(line)
        if b"SUBACK" in line:
            return process
    raise AssertionError(f"no SUBACK: {lines}")


def messages(process):
    output, _ = process.communicate(timeout=PATIENCE_S)
    return [line for line in output.decode().splitlines()
            if not line.startswith(("Client ", "Subscribed ", "  "))]


def demonstrate(version):
    with Broker() as broker:
        live = subscriber(broker, "-V", version, "-t", "acme/#", "-v", "-C", "1")
        run(client(broker, "mosquitto_pub", "-V", version, "-t", TOPIC, "-m", "21.5", "-r",
                   "-q", "1"))
        assert messages(live) == [f"{TOPIC} 21.5"]

        keeps = ["-V", version, "-i", "night-shift", "-c", "-q", "1", "-t", "acme/events/#"]
        if version == "mqttv5":
            keeps += ["-x", "3600"]
        run(client(broker, "mosquitto_sub", *keeps, "-E"))
        for number in range(3):
            run(client(broker, "mosquitto_pub", "-V", version, "-q", "1", "-t",
                       f"acme/events/{number}", "-m", f"event {number}"))
        broker.restart()
        assert run(client(broker, "mosquitto_sub", "-V", version, "-t", "acme/#", "-C", "1",
                          "-v")) == f"{TOPIC} 21.5\n"
        assert run(client(broker, "mosquitto_sub", *keeps, "-C", "3", "-v")).splitlines() == [
            f"acme/events/{number} event {number}" for number in range(3)]


def test_mqtt_3_1_1_clients_survive_a_kill():
    demonstrate("mqttv311")


def test_mqtt_5_clients_survive_a_kill():
    demonstrate("mqttv5")


def test_mqtt_3_1_clients_are_served():
    with Broker() as broker:
        live = subscriber(broker, "-V", "mqttv31", "-t", "old/#", "-v", "-C", "1")
        run(client(broker, "mosquitto_pub", "-V", "mqttv31", "-t", "old/gateway", "-m", "1"))
        assert messages(live) == ["old/gateway 1"]


def test_request_and_response_meet():
    with Broker() as broker:
        answering = subscriber(broker, "-V", "mqttv5", "-t", "recipe/request", "-C", "1", "-F",
                               "%R %D %p")
        asking = subprocess.Popen(
            client(broker, "mosquitto_rr", "-V", "mqttv5", "-t", "recipe/request", "-e",
                   "recipe/answer", "-m", "which", "-D", "publish", "correlation-data", "42"),
            stdout=subprocess.PIPE, text=True)
        assert messages(answering) == ["recipe/answer 42 which"]
        run(client(broker, "mosquitto_pub", "-V", "mqttv5", "-t", "recipe/answer", "-m", "steel",
                   "-D", "publish", "correlation-data", "42"))
        output, _ = asking.communicate(timeout=PATIENCE_S)
        assert output == "steel\n"


def test_statistics_are_there_for_mqtt_explorer():
    with Broker(config='authorization = "open"\n[listeners.default]\nbind = "127.0.0.1:{port}"\n'
                       "[sys]\ninterval_s = 1\n") as broker:
        for topic in ("version", "uptime", "clients/connected", "clients/total",
                      "messages/received", "messages/sent", "publish/messages/dropped",
                      "subscriptions/count", "retained messages/count", "bytes/received",
                      "load/messages/received/1min"):
            value = run(client(broker, "mosquitto_sub", "-t", f"$SYS/broker/{topic}", "-C", "1"))
            assert value.strip(), topic


if __name__ == "__main__":
    run_tests(globals())
