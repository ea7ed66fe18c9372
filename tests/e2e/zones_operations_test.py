"""What an operator asks and tells the access policy of a running broker, over its admin socket."""

import json
import os
import socket
import subprocess

from broker import PATIENCE_S, run_tests
from first_steps_test import messages, subscriber
from zones_plant import CONDUIT, VERSIONS, Plant, lineshaft

MORE = """
[roles.writer]
publish = ["plant1/it/#"]
[audit]
enabled = true
"""


class OperatedPlant(Plant):
    """With a watcher beside the press in ot."""

    def __init__(self, conduits=CONDUIT):
        super().__init__(conduits)
        done = lineshaft("cert", "issue", self.pki, "watch", "--zone", "ot", "--role", "edge")
        assert done.returncode == 0, done.stderr

    def files(self, name):
        folder = "it" if name == "ana" else "ot"
        return [os.path.join(self.pki, folder, f"{name}.{kind}") for kind in ("crt", "key")]

    def write(self, conduits):
        super().write(conduits + MORE)
        with open(self.broker.config_file, encoding="utf-8") as file:
            text = file.read()
        self.broker.write_config(text.replace('["plant1/ot/#"]', '["plant1/ot/#", "spBv1.0/#"]'))

    def tell(self, *arguments):
        return lineshaft(*arguments, "--socket", os.path.join(self.broker.data, "admin.sock"))

    def done(self, *arguments):
        done = self.tell(*arguments)
        assert done.returncode == 0, done
        return done.stdout

    def metrics(self):
        path = os.path.join(self.broker.data, "admin.sock")
        with socket.socket(socket.AF_UNIX) as call:
            call.connect(path)
            call.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b"".join(iter(lambda: call.recv(65536), b"")).decode()

    def subscribe_once(self, name, topic):
        """What mosquitto_sub says when it is refused."""
        done = subprocess.run(
            ["mosquitto_sub", "-p", str(self.broker.port), *self.options(name, "mqttv5"), "-i",
             f"{name}-once", "-t", topic, "-W", "5"],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return done.stdout + done.stderr

    def audited(self, kind):
        done = lineshaft("audit", "tail", "--data", self.broker.data, "--type", kind, "--json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def mortal(self, name, client_id, topic):
        """A client whose will is due when it is killed."""
        return subscriber(self.broker, *self.options(name, "mqttv5"), "-i", client_id, "-t",
                          "plant1/ot/none", "--will-topic", topic, "--will-payload", "gone",
                          "--will-qos", "1")


def test_why_says_what_decides_about_a_client_that_is_here():
    for version in VERSIONS:
        with OperatedPlant() as plant:
            live = plant.subscriber("ana", version, "plant1/#")
            allowed = plant.tell("why", "ana-sub", "sub", "plant1/ot/kpi/oee")
            assert allowed.returncode == 0, allowed
            for part in ("name        ana", "conduit ot -> it (", "lineshaft.toml:", "\nallow: "):
                assert part in allowed.stdout, (part, allowed.stdout)
            denied = plant.tell("why", "ana-sub", "sub", "plant1/ot/secret")
            assert denied.returncode == 3, denied
            assert "deny: CONDUIT_TOPIC by conduit \"ot -> it\" (" in denied.stdout, denied.stdout
            filtered = plant.tell("why", "ana-sub", "sub", "plant1/#")
            assert filtered.returncode == 0 and "a part of it" in filtered.stdout, filtered
            command = plant.tell("why", "ana-sub", "pub", "plant1/ot/press-1/cmd", "--json")
            answer = json.loads(command.stdout)
            assert command.returncode == 3, command
            assert answer["decision"]["reason"] == "ROLE_NO_ALLOW", answer
            assert answer["identity"]["issuer"].startswith("sha256:"), answer
            nobody = plant.tell("why", "bob", "sub", "plant1/ot/kpi/oee")
            assert nobody.returncode == 64 and "no such client" in nobody.stderr, nobody
            live.kill()
            live.wait()


def test_an_island_is_cut_off_at_once_and_comes_back():
    for version in VERSIONS:
        with OperatedPlant() as plant:
            ana = plant.subscriber("ana", version, "plant1/#", "-C", "2")
            inside = plant.subscriber("watch", version, "plant1/ot/#", "-C", "3")

            def publish(payload, plant=plant, version=version):
                code, said = plant.publish("press-1", version, "plant1/ot/kpi/oee", payload)
                assert code == 0, said
            publish("before")
            plant.done("island", "ot", "on", "--reason", "storm")
            publish("during")
            assert "zone ot" in plant.done("island", "--list")
            why = plant.tell("why", "ana-sub", "sub", "plant1/ot/kpi/oee")
            assert why.returncode == 3 and "ISLAND" in why.stdout, why
            plant.done("island", "ot", "off")
            publish("after")
            assert messages(ana) == [f"plant1/ot/kpi/oee {word}" for word in ("before", "after")]
            assert messages(inside) == [
                f"plant1/ot/kpi/oee {word}" for word in ("before", "during", "after")]
            assert plant.tell("island", "ot", "off").returncode == 64
            assert plant.tell("island", "moon", "on").returncode == 64


def test_an_island_outlives_a_kill():
    with OperatedPlant() as plant:
        plant.done("island", "ot", "on")
        plant.broker.restart()
        assert "\nlineshaft_policy_islands 1\n" in plant.metrics()
        ana = plant.subscriber("ana", "mqttv5", "plant1/#", "-C", "1")
        assert plant.publish("press-1", "mqttv5", "plant1/ot/kpi/oee", "during")[0] == 0
        plant.done("island", "ot", "off")
        assert plant.publish("press-1", "mqttv5", "plant1/ot/kpi/oee", "after")[0] == 0
        assert messages(ana) == ["plant1/ot/kpi/oee after"]


def is_refused(plant, name, topic):
    """Not authorized, and the connection stays."""
    code, said = plant.publish(name, "mqttv5", topic, "x")
    assert code == 0, said
    return "Not authorized" in said


def test_quarantine_shuts_out_who_is_here_and_outlives_a_kill():
    with OperatedPlant() as plant:
        watch = plant.subscriber("watch", "mqttv5", "plant1/ot/#", "-C", "1")
        births = plant.subscriber("watch", "mqttv5", "spBv1.0/#", "-C", "1", "-i", "births")
        plain = plant.mortal("press-1", "plain", "plant1/ot/kpi/will")
        edge = plant.mortal("press-1", "edge", "spBv1.0/G/NDEATH/E")
        refused = plant.tell("quarantine", "add", "press-1")
        assert refused.returncode == 64 and "of zone it" in refused.stderr, refused
        plant.done("quarantine", "add", "press-1", "--zone", "ot", "--reason", "odd orders")
        assert is_refused(plant, "press-1", "plant1/ot/x")
        for each in (plain, edge):
            each.kill()
            each.wait()
        assert messages(births) == ["spBv1.0/G/NDEATH/E gone"]
        assert plant.broker.wait_for("will_denied")["topic"] == "plant1/ot/kpi/will"
        assert "press-1" in plant.done("quarantine", "list")
        plant.broker.restart()
        assert is_refused(plant, "press-1", "plant1/ot/x")
        assert "\nlineshaft_policy_quarantined 1\n" in plant.metrics()
        assert json.loads(plant.done("quarantine", "list", "--json"))[0]["identity"] == "press-1"
        plant.done("quarantine", "release", "press-1")
        assert plant.done("quarantine", "list") == "None.\n"
        watch.kill()
        watch.wait()
        watch = plant.subscriber("watch", "mqttv5", "plant1/ot/#", "-C", "1")
        assert not is_refused(plant, "press-1", "plant1/ot/x")
        assert messages(watch) == ["plant1/ot/x x"]
        assert plant.tell("quarantine", "release", "press-1").returncode == 64


def test_a_lent_role_ends_by_itself():
    with OperatedPlant() as plant:
        assert is_refused(plant, "ana", "plant1/it/note")
        glass = ["breakglass", "--identity", "ana", "--zone", "it", "--role", "writer",
                 "--reason", "night shift"]
        assert plant.tell(*glass, "--ttl", "5h").returncode == 64
        assert plant.tell(*glass[:-2], "--ttl", "1h").returncode == 64
        anybody = [each for each in glass if each not in ("--zone", "it")]
        assert plant.tell(*anybody, "--ttl", "1h").returncode == 64
        plant.done(*glass, "--ttl", "1h")
        assert not is_refused(plant, "ana", "plant1/it/note")
        plant.broker.restart()
        lent = plant.done("breakglass", "--list")
        assert "ana, role writer, zone it" in lent and ", for 0:59:" in lent, lent
        assert not is_refused(plant, "ana", "plant1/it/note")
        plant.done("breakglass", "--identity", "ana", "--end")
        assert is_refused(plant, "ana", "plant1/it/note")
        plant.done(*glass, "--ttl", "2s")
        assert plant.broker.wait_for("override_over")["kind"] == "break_glass"
        assert plant.done("breakglass", "--list") == "None.\n"
        assert is_refused(plant, "ana", "plant1/it/note")
        lent = plant.audited("override_set")
        assert len(lent) == 2 and lent[0]["identity"] == "ana", lent
        assert (lent[0]["topic"], lent[0]["reason"]) == ("writer", "break_glass"), lent
        assert lent[0]["ip"] == f"uid {os.getuid()}", lent
        assert plant.audited("override_ended") and plant.audited("override_over")


def test_a_shadow_shows_what_it_would_change_and_changes_nothing():
    with OperatedPlant() as plant:
        shadow = os.path.join(plant.broker.folder, "next.toml")
        with open(shadow, "w", encoding="utf-8") as file:
            file.write(CONDUIT.replace("kpi", "oee"))
        plant.write(CONDUIT + f'[policy]\nshadow = "{shadow}"\n')
        assert plant.reload().returncode == 0
        assert plant.done("shadow", "diff") == "No difference.\n"
        live = plant.subscriber("ana", "mqttv5", "plant1/#", "-C", "1")
        assert plant.publish("press-1", "mqttv5", "plant1/ot/kpi/oee", "81")[0] == 0
        assert messages(live) == ["plant1/ot/kpi/oee 81"]
        text = plant.done("shadow", "diff")
        assert text.count("now:") == 1, text
        for part in ("deliver plant1/ot/kpi/oee: ana as ana-sub of zone it, roles reader",
                     "now:    allow (", "shadow: deny CONDUIT_TOPIC (", "next.toml:"):
            assert part in text, (part, text)
        listed = json.loads(plant.done("shadow", "diff", "--json"))
        assert [one["op"] for one in listed["differences"]] == ["deliver"], listed
        assert "lineshaft_shadow_differences_total 1\n" in plant.metrics()


def test_what_was_learned_compiles_when_it_is_pasted():
    with OperatedPlant("") as plant:
        assert plant.done("learn").endswith(": none.\n")
        refused = plant.tell("why", "nobody", "sub", "x")
        assert refused.returncode == 64, refused
        denied = plant.subscribe_once("ana", "plant1/ot/kpi/#")
        assert "denied" in denied or "Not authorized" in denied, denied
        learned = plant.done("learn", "--depth", "3")
        assert 'topics = ["plant1/ot/kpi/#"]' in learned, learned
        plant.write(learned)
        checked = lineshaft("check-config", plant.broker.config_file)
        assert checked.returncode == 0, checked
        assert plant.reload().returncode == 0
        live = plant.subscriber("ana", "mqttv5", "plant1/ot/kpi/#", "-C", "1")
        assert plant.publish("press-1", "mqttv5", "plant1/ot/kpi/oee", "81")[0] == 0
        assert messages(live) == ["plant1/ot/kpi/oee 81"]
        assert plant.done("learn").endswith(": none.\n")


def test_a_broker_without_zones_says_so():
    with OperatedPlant() as plant:
        plant.broker.stop()
        plant.broker.write_config('[listeners.plain]\nbind = "127.0.0.1:{port}"\n')
        plant.broker.start()
        answer = plant.tell("quarantine", "list")
        assert answer.returncode == 78 and "zones" in answer.stderr, answer


if __name__ == "__main__":
    run_tests(globals())
