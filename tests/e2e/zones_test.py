"""Zones and conduits: certificates decide, a reload counts at once, a broken policy never does."""

import os
import queue

import paho.mqtt.client as paho

from broker import PATIENCE_S, run_tests
from first_steps_test import messages
from zones_plant import CONDUIT, VERSIONS, Plant, lineshaft


def test_a_conduit_lets_through_what_it_names_and_nothing_else():
    with Plant() as plant:
        for version in VERSIONS:
            live = plant.subscriber("ana", version, "plant1/#", "-C", "1")
            assert plant.publish("press-1", version, "plant1/ot/secret", "1")[0] == 0
            assert plant.publish("press-1", version, "plant1/ot/kpi/oee", "81")[0] == 0
            assert messages(live) == ["plant1/ot/kpi/oee 81"]
            plant.publish("ana", version, "plant1/ot/kpi/oee", "evil")
        assert len(plant.broker.seen("publish_refused")) == 2
        assert plant.broker.stop() == 0


def over_websocket(plant, name, protocol):
    """A client over WebSocket and TLS, connected, and what it receives."""
    arguments = {"client_id": f"{name}-ws", "transport": "websockets", "protocol": protocol}
    if hasattr(paho, "CallbackAPIVersion"):
        arguments["callback_api_version"] = paho.CallbackAPIVersion.VERSION1
    client = paho.Client(**arguments)
    cert, key = plant.files(name)
    client.tls_set(os.path.join(plant.pki, "trust.pem"), cert, key)
    client.ws_set_options(path="/mqtt")
    arrived, subscribed = queue.Queue(), queue.Queue()
    client.on_message = lambda _c, _d, message: arrived.put((message.topic, message.payload))
    client.on_subscribe = lambda *_: subscribed.put(True)
    connected = queue.Queue()
    client.on_connect = lambda *_: connected.put(True)
    client.connect("localhost", plant.web)
    client.loop_start()
    connected.get(timeout=PATIENCE_S)
    return client, arrived, subscribed


def test_websocket_clients_are_held_to_the_same_policy():
    with Plant() as plant:
        for protocol in (paho.MQTTv311, paho.MQTTv5):
            reader, arrived, subscribed = over_websocket(plant, "ana", protocol)
            reader.subscribe("plant1/#", 1)
            subscribed.get(timeout=PATIENCE_S)
            edge, _, _ = over_websocket(plant, "press-1", protocol)
            edge.publish("plant1/ot/secret", "1", 1)
            edge.publish("plant1/ot/kpi/oee", "81", 1)
            assert arrived.get(timeout=PATIENCE_S) == ("plant1/ot/kpi/oee", b"81")
            for client in (reader, edge):
                client.disconnect()
                client.loop_stop()


def test_a_reload_counts_from_its_answer_on():
    with Plant() as plant:
        live = plant.subscriber("ana", "mqttv5", "plant1/#", "-C", "2")
        assert plant.publish("press-1", "mqttv5", "plant1/ot/kpi/oee", "old")[0] == 0
        plant.write("")
        done = plant.reload()
        assert done.returncode == 0 and "conduits" in done.stdout, done
        assert plant.publish("press-1", "mqttv5", "plant1/ot/kpi/oee", "between")[0] == 0
        plant.write(CONDUIT)
        assert plant.reload().returncode == 0
        assert plant.publish("press-1", "mqttv5", "plant1/ot/kpi/oee", "new")[0] == 0
        assert messages(live) == ["plant1/ot/kpi/oee old", "plant1/ot/kpi/oee new"]


def test_a_broken_policy_keeps_the_old_one():
    with Plant() as plant:
        with open(plant.broker.config_file, encoding="utf-8") as file:
            whole = file.read()
        for broken in ("", whole[:-40], whole[:whole.index("[zones.ot]")], "#" * 2_000_000,
                       whole.replace("sl_t = 3", "sl_t = 5")):
            with open(plant.broker.config_file, "w", encoding="utf-8") as file:
                file.write(broken)
            done = plant.reload()
            assert done.returncode == 78, (broken[-60:], done)
            live = plant.subscriber("ana", "mqttv5", "plant1/#", "-C", "1")
            assert plant.publish("press-1", "mqttv5", "plant1/ot/secret", "1")[0] == 0
            assert plant.publish("press-1", "mqttv5", "plant1/ot/kpi/oee", "81")[0] == 0
            assert messages(live) == ["plant1/ot/kpi/oee 81"]
        os.remove(plant.broker.config_file)
        assert plant.reload().returncode == 78
        assert plant.broker.stop() == 0


def test_without_a_whole_policy_nothing_starts():
    plant = Plant()
    try:
        with open(plant.broker.config_file, encoding="utf-8") as file:
            whole = file.read()
        for broken in ("", whole[:-40], whole[:whole.index("[zones.ot]")], "#" * 2_000_000):
            with open(plant.broker.config_file, "w", encoding="utf-8") as file:
                file.write(broken)
            code, said = plant.broker.run_to_end()
            assert code == 78 and said.startswith("config error: "), (code, said)
    finally:
        plant.broker.__exit__()


def test_who_is_revoked_is_out_when_the_reload_returns():
    for version in VERSIONS:
        with Plant() as plant:
            live = plant.subscriber("ana", version, "plant1/#")
            done = lineshaft("cert", "revoke", plant.pki, "ana")
            assert done.returncode == 0, done.stderr
            assert plant.reload().returncode == 0
            assert plant.broker.wait_for("connection_revoked")["why"] == "REVOKED"
            # Its client is told, or finds its connection closed, and cannot come back.
            live.kill()
            live.wait()
            code, _ = plant.publish("ana", version, "plant1/it/x", "1")
            assert code != 0


def test_explain_says_without_a_broker_what_would_be():
    plant = Plant()
    try:
        def ask(op, topic):
            return lineshaft("explain", "-c", plant.broker.config_file, "--cert",
                             plant.files("ana")[0], "--listener", "plant", "--op", op, "--topic",
                             topic)
        allowed = ask("subscribe", "plant1/ot/kpi/oee")
        assert allowed.returncode == 0 and "lineshaft.toml:" in allowed.stdout, allowed
        assert ask("subscribe", "plant1/ot/secret").returncode == 3
        denied = ask("publish", "plant1/ot/kpi/oee")
        assert denied.returncode == 3 and "ROLE_NO_ALLOW" in denied.stdout, denied
        assert ask("publish", "plant1/#").returncode == 64
    finally:
        plant.broker.__exit__()


if __name__ == "__main__":
    run_tests(globals())
