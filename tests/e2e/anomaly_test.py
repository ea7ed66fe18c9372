"""What is not as it used to be becomes an event, a record and a metric."""

import json

from admin_client import ask, socket_of
from audit_test import verify, wait_for_record
from broker import run_tests
from users_test import CONFIG, guarded, log_in
from wire import PUBLISH

RULES = "user watcher\nsubscribe $SYS/#\nuser bob\nboth plant/bob/#\n"
WATCHED = CONFIG + """
[[anomaly]]
rule = "deny_burst"
name = "too many denials"
min = 20
[[anomaly]]
rule = "type_mismatch"
"""


def test_an_anomaly_is_published_and_recorded():
    broker = guarded({"bob": "eraser", "watcher": "telescope"}, RULES)
    broker.write_config(WATCHED)
    with broker:
        watcher, _ = log_in(broker, "w", "watcher", "telescope")
        watcher.subscribe("$SYS/broker/security/events", 0)
        bob, _ = log_in(broker, "b", "bob", "eraser")
        for _ in range(20):
            bob.publish("plant/bob/temperature", "21.5")
        bob.publish("plant/bob/temperature", "hot")
        for number in range(50):
            assert bob.publish_and_wait(f"other/{number}", "x", 1) == 0x87
        events = [json.loads(watcher.take(PUBLISH).payload) for _ in range(2)]
        assert [event["kind"] for event in events] == ["type_mismatch", "deny_burst"], events
        assert events[0]["identity"] == "bob" and events[0]["detail"] == "plant/bob/temperature"
        assert events[1]["rule"] == "too many denials" and events[1]["value"] > 20, events
        assert wait_for_record(broker, type="anomaly", rule="too many denials")["identity"] == "bob"
        assert "\nlineshaft_anomaly_events_total 2\n" in ask(socket_of(broker), "/metrics").body
        bob.ping()
        assert broker.stop() == 0
        assert verify(broker)[0] == 0


def test_a_rule_that_is_wrong_is_named_with_its_place():
    broker = guarded({"bob": "eraser"}, RULES)
    broker.write_config(CONFIG + '[[anomaly]]\nrule = "spike"\n[[anomaly]]\nrule = "spkie"\n')
    code, said = broker.run_to_end()
    assert code == 78 and "spkie" in said and "lineshaft.toml:12:8" in said, said


if __name__ == "__main__":
    run_tests(globals())
