"""A plant under load, and its books: what was sent, acknowledged and received, kept outside the
broker. `Plant.crash()` cuts the power, `Plant.stop()` asks the broker to end; `Plant.come_back()`
reconnects everybody and compares."""

import threading
import time

from broker import PATIENCE_S
from wire import (DISCONNECT, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, Client, Closed)

WINDOW = 40
SHUTTING_DOWN = 0x8B
LONG_TEXT = "." * 1500  # larger than what the store keeps inside a queue entry


def next_packet(client):
    """A broker that says goodbye is as gone as one that does not."""
    found = client.take()
    if found.kind == DISCONNECT and found.reason == SHUTTING_DOWN:
        raise Closed
    return found


class Publisher:
    """Sends numbered messages; resends what is unacknowledged with DUP and the same identifiers."""

    def __init__(self, plant, name, version, qos):
        self.plant, self.name, self.version, self.qos = plant, name, version, qos
        self.sent = self.next_id = 0
        self.open = {}  # packet identifier -> [number, frame, it has been released]
        self.acked = set()
        self.newest_acked = {}  # retained topic -> number
        self.client = None

    def message(self, number):
        """Topic, payload and retain flag of a number, always the same."""
        payload = f"{self.name}:{number}:"
        if number % 10 == 9:
            payload += LONG_TEXT
        if number % 8 == 3:  # set and deleted in turns; nobody subscribes to it
            return f"flag/{self.name}", "" if number % 16 == 3 else payload, True
        if number % 4 == 0:
            return f"load/{self.name}/state{number // 4 % 3}", payload, True
        return f"load/{self.name}/event{number % 5}", payload, False

    def delivered_numbers(self, numbers):
        return {(self.name, number) for number in numbers if number % 8 != 3}

    def connect(self):
        known = self.client is not None
        self.client = Client(self.plant.broker.port, self.name, self.version, clean=False,
                             expiry=3600)
        if known and not self.client.connack.present:
            self.plant.problem(f"session of publisher {self.name} lost")
        for packet_id, (number, _, released) in self.open.items():
            if released:
                self.client.ack(PUBREL, packet_id)
            else:
                self._send(packet_id, number, dup=True)

    def _send(self, packet_id, number, dup):
        topic, payload, retain = self.message(number)
        self.client.publish(topic, payload, self.qos, retain, packet_id, dup)

    def run(self):
        """Until the power is cut, or until everything is acknowledged and the load has ended."""
        while True:
            while self.plant.loading and len(self.open) < WINDOW:
                self.next_id = self.next_id % 60_000 + 1
                self.open[self.next_id] = [self.sent, None, False]
                self.sent += 1
                self._send(self.next_id, self.sent - 1, dup=False)
            if not self.open:
                return
            self._take_answer()

    def _take_answer(self):
        answer = next_packet(self.client)
        with self.plant.changed:
            if self.plant.is_cut:  # seen after the kill: a real client might not have seen it
                raise Closed
            entry = self.open.get(answer.id)
            if entry is None:
                self.plant.problem(f"{self.name}: answer {answer.kind} for no message")
                return
            if answer.reason >= 0x80 and answer.reason != 0x92:
                self.plant.problem(f"{self.name}: refused with {answer.reason:#x}")
            if answer.kind in (PUBACK, PUBREC) and not entry[2]:
                self._count(entry[0])
            if answer.kind in (PUBACK, PUBCOMP):
                del self.open[answer.id]
                return
            entry[2] = True
        self.client.ack(PUBREL, answer.id)

    def _count(self, number):
        self.acked.add(number)
        topic, _, retain = self.message(number)
        if retain:
            self.newest_acked[topic] = max(number, self.newest_acked.get(topic, -1))
        self.plant.acks += 1
        self.plant.changed.notify_all()

    def retained_topics(self):
        return [f"load/{self.name}/state{n}" for n in range(3)] + [f"flag/{self.name}"]

    def possible_values(self, topic):
        """Payloads the topic may have after a crash: the newest acknowledged one or a newer one."""
        oldest = self.newest_acked.get(topic, -1)
        values = {""} if oldest < 0 else set()
        for number in range(max(oldest, 0), self.sent):
            its_topic, payload, _ = self.message(number)
            if its_topic == topic:
                values.add(payload)
        return values


class Subscriber:
    """A persistent session. What it has received it knows for good, like the packet identifiers of
    QoS 2 it has not been released from."""

    def __init__(self, plant, name, version, qos, topic_filter="load/#", receive_maximum=None,
                 stays_offline=False):
        self.plant, self.name, self.version, self.qos = plant, name, version, qos
        self.filter, self.receive_maximum = topic_filter, receive_maximum
        self.stays_offline = stays_offline
        self.got = {}  # (publisher, number) -> deliveries
        self.newest = {}  # (publisher, topic) -> number of the newest first delivery
        self.unreleased = set()
        self.barriers = set()
        self.client = None
        self.is_online = False

    def connect(self):
        known = self.client is not None
        self.client = Client(self.plant.broker.port, self.name, self.version, clean=False,
                             expiry=3600, receive_maximum=self.receive_maximum)
        self.is_online = True
        if known and self.client.connack.present:
            return
        if known:
            self.plant.problem(f"session of subscriber {self.name} lost")
        self.client.subscribe(self.filter, self.qos)

    def run(self):
        """One that stays offline leaves at the next barrier."""
        round_to_end = self.plant.rounds
        while not (self.stays_offline and self.has_passed(round_to_end)):
            self._take()
        self.disconnect()

    def has_passed(self, number):
        """QoS 1 and QoS 2 do not wait for each other: each has its own barrier."""
        return {(number, 1), (number, 2)} <= self.barriers

    def disconnect(self):
        self.is_online = False
        self.client.disconnect()

    def _take(self):
        message = next_packet(self.client)
        if message.kind == PUBREL:
            self.unreleased.discard(message.id)
            self.client.ack(PUBCOMP, message.id)
            return
        assert message.kind == PUBLISH, f"{self.name}: packet type {message.kind}"
        is_new = True
        if message.qos == 2:
            is_new = message.id not in self.unreleased
            self.unreleased.add(message.id)
        if is_new:
            self._enter(message)
        if message.qos:
            self.client.ack(PUBACK if message.qos == 1 else PUBREC, message.id)

    def _enter(self, message):
        name, number = message.payload.split(b":")[:2]
        key = (name.decode(), int(number))
        with self.plant.changed:
            if key[0] == "barrier":
                self.barriers.add((key[1], int(message.topic[-1])))
            else:
                self.got[key] = self.got.get(key, 0) + 1
                if self.got[key] == 1:
                    self._check_order(key, message.topic)
            self.plant.changed.notify_all()

    def _check_order(self, key, topic):
        line = (key[0], topic)
        if self.newest.get(line, -1) > key[1] and not self.filter.startswith("$share"):
            self.plant.problem(f"{self.name}: {key} came after {self.newest[line]} on {topic}")
        self.newest[line] = max(key[1], self.newest.get(line, -1))


class Plant:
    def __init__(self, broker, chance):
        self.broker, self.chance = broker, chance
        self.changed = threading.Condition()
        self.problems, self.lost = [], []
        self.acks = self.cuts = self.rounds = 0
        self.is_cut = self.is_stopping = False
        self.loading = True
        self.threads, self.running = [], set()
        self.wills = set()
        self.mortals = []
        self.publishers = [Publisher(self, "press", 5, 1), Publisher(self, "oven", 4, 1),
                           Publisher(self, "robot", 5, 2), Publisher(self, "scale", 4, 2)]
        self.subscribers = [
            Subscriber(self, "historian", 5, 2), Subscriber(self, "panel", 4, 1),
            Subscriber(self, "narrow", 5, 2, receive_maximum=7),
            Subscriber(self, "night-5", 5, 2, stays_offline=True),
            Subscriber(self, "night-4", 4, 2, stays_offline=True),
            Subscriber(self, "night-1", 4, 1, stays_offline=True)]
        self.pair = [Subscriber(self, "left", 5, 1, "$share/pair/load/#"),
                     Subscriber(self, "right", 4, 1, "$share/pair/load/#")]
        self.will_watch = Subscriber(self, "will-watch", 5, 1, "will/#")
        for each in self.everybody():
            each.connect()
            if isinstance(each, Subscriber) and each.stays_offline:
                each.disconnect()

    def everybody(self):
        return [*self.subscribers, *self.pair, self.will_watch, *self.publishers]

    def _is_always_online(self, member):
        return not (isinstance(member, Subscriber) and member.stays_offline)

    def problem(self, text):
        with self.changed:
            self.problems.append(f"crash {self.cuts}: {text}")

    def _spawn(self, member):
        def guarded():
            try:
                member.run()
            except Closed:
                if not self.is_cut and not self.is_stopping:
                    self.problem(f"{member.name}: connection closed by the broker (its exit code: "
                                 f"{self.broker.process.poll()}, {self.broker.seen('text')[-3:]})")
            except Exception as error:  # pylint: disable=broad-except
                self.problem(f"{member.name}: {error!r}")
            with self.changed:
                self.running.discard(member)
                self.changed.notify_all()
        self.running.add(member)
        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        self.threads.append(thread)

    def run(self, acks):
        """Load until so many further acknowledgements have been seen."""
        self._connect_mortals()
        self.is_cut, self.loading = False, True
        for each in self.everybody():
            if self._is_always_online(each) and each not in self.running:
                self._spawn(each)
        goal = self.acks + acks
        self._wait(lambda: self.acks >= goal or self.problems, "acknowledgements")

    def _wait(self, reached, what):
        with self.changed:
            if not self.changed.wait_for(reached, PATIENCE_S):
                self.problem(f"no more {what} in {PATIENCE_S} s")

    def _connect_mortals(self):
        """Clients that will not come back, so their wills must arrive."""
        for number, (version, qos, retain, delay) in enumerate(
                [(5, 1, False, 0), (4, 2, True, 0), (5, 2, False, 1), (4, 0, False, 0)]):
            name = f"mortal-{self.cuts}-{number}"
            self.mortals.append(Client(
                self.broker.port, name, version, clean=number % 2 == 0,
                expiry=3600 if number == 2 else None,
                will=(f"will/{name}", f"{name}:0:", qos, retain, delay)))
            if qos:  # a will of QoS 0 need not outlive a second crash on its way
                self.wills.add((name, 0))

    def crash(self, damage=None):
        """kill -9 at a moment nobody chose; only acknowledgements seen before it count."""
        time.sleep(self.chance.uniform(0, 0.03))  # the random moment itself, nothing is awaited
        with self.changed:
            self.is_cut = True
            self.broker.process.kill()
        self.broker.kill()
        self._end(damage)

    def stop(self):
        """SIGTERM at such a moment; acknowledgements count as long as they come."""
        time.sleep(self.chance.uniform(0, 0.03))
        self.is_stopping = True
        exit_code = self.broker.stop()
        if exit_code != 0:
            self.problem(f"exit code {exit_code} at the stop")
        self._end(None)
        self.is_stopping = False
        if not self.broker.seen("store_restored")[-1]["clean"]:
            self.problem("the stop was not clean")

    def _end(self, damage):
        for thread in self.threads:
            thread.join(PATIENCE_S)
        self.threads.clear()
        for client in [*self.mortals, *(one.client for one in self.everybody())]:
            client.vanish()
        for each in [*self.subscribers, *self.pair, self.will_watch]:
            each.is_online = False
        self.mortals.clear()
        self.cuts += 1
        if damage:
            damage()
        self.broker.start()

    def come_back(self):
        """Everybody reconnects; retained values are compared before publishers repeat anything."""
        self._check_retained()
        self.is_cut = False
        for each in self.everybody():
            # Of those who stay offline, some are caught by the next crash while they catch up.
            if self._is_always_online(each) or self.chance.random() < 0.3:
                each.connect()
                self._spawn(each)

    def _check_retained(self):
        reader = Client(self.broker.port, "auditor")
        reader.subscribe("load/+/+", 0)
        reader.subscribe("flag/+", 0)
        reader.publish_and_wait("fence", "fence:0:", qos=1, retain=True)
        reader.subscribe("fence", 0)
        values = {}
        while "fence" not in values:
            message = reader.take_message()
            values[message.topic] = message.payload.decode()
        reader.publish_and_wait("fence", "", qos=1, retain=True)
        reader.vanish()
        for publisher in self.publishers:
            for topic in publisher.retained_topics():
                value = values.get(topic, "")
                if value not in publisher.possible_values(topic):
                    self.lost.append(f"crash {self.cuts}: retained {topic} is {value[:30]!r}, "
                                     f"newest acknowledged is {publisher.newest_acked.get(topic)}")

    def settle(self, patience_for_all=True):
        """Ends the load, lets everything arrive, and compares. Publishers repeat only what was not
        acknowledged, so that they cannot heal a loss."""
        self.loading = False
        self._wait(lambda: all(not one.open for one in self.publishers) or self.problems,
                   "acknowledgements at the end of the load")
        for each in self.subscribers:
            if not each.is_online:
                each.connect()
                self._spawn(each)
        number = self.rounds
        control = Client(self.broker.port, "control")
        for qos in (1, 2):
            control.publish_and_wait(f"load/barrier{qos}", f"barrier:{number}:", qos)
        control.vanish()
        self._wait(lambda: all(one.has_passed(number) for one in self.subscribers)
                   or self.problems, "messages before the barrier")
        self.rounds += 1
        if patience_for_all:
            self._wait(lambda: self.wills <= set(self.will_watch.got), "wills")
            self._wait(lambda: self._sent() <= self._pair_got(), "messages of the shared pair")
        if not self.problems:
            self._compare()

    def _sent(self):
        return set().union(*(one.delivered_numbers(range(one.sent)) for one in self.publishers))

    def _acked(self):
        return set().union(*(one.delivered_numbers(one.acked) for one in self.publishers))

    def _pair_got(self):
        return set(self.pair[0].got) | set(self.pair[1].got)

    def _compare(self):
        with self.changed:
            acked = self._acked()
            for each in self.subscribers:
                self._note_lost(each.name, acked - set(each.got))
                if each.qos == 2:
                    twice = [key for key, count in each.got.items()
                             if count > 1 and key[0] in ("robot", "scale")]
                    if twice:
                        self.problem(f"{each.name}: QoS 2 delivered twice: {sorted(twice)[:5]}")
            self._note_lost("the shared pair", acked - self._pair_got())
            self._note_lost("will-watch", self.wills - set(self.will_watch.got))

    def _note_lost(self, who, keys):
        if keys:
            self.lost.append(f"crash {self.cuts}: {who} misses {len(keys)}: {sorted(keys)[:5]}")

    def verdict(self):
        """What was lost and what else went wrong, up to now."""
        with self.changed:
            self.is_cut = True  # the end of the broker is not a fault any more
            return list(self.lost), list(self.problems)

    def summary(self):
        received = sum(sum(one.got.values()) for one in self.subscribers)
        return f"{self.cuts} crashes, {self.acks} acknowledged, {received} received"
