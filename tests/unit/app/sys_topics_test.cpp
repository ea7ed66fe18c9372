#include "broker/app/sys_topics.h"

#include <cmath>
#include <map>
#include <string>

#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::app;

namespace {

constexpr Now start{Instant{Milliseconds{5'000}}, WallTime{Milliseconds{1'000'000}}};

Now after(std::int64_t seconds) {
  const Milliseconds passed{seconds * 1000};
  return {start.steady + passed, start.wall + passed};
}

class Rounds {
 public:
  /// The values that were published, by topic.
  std::map<std::string, std::string> round(std::int64_t seconds) {
    facts.now = after(seconds);
    std::map<std::string, std::string> values;
    for (const KeptMessagePtr& each : topics_.round(facts)) {
      CHECK(each->retain());
      CHECK(each->qos() == QoS::at_most_once);
      CHECK(each->received() == facts.now.wall);
      CHECK(each->topic().starts_with("$SYS/broker/"));
      const std::string topic(each->topic().substr(12));
      CHECK(values.emplace(topic, std::string(each->payload())).second);
    }
    return values;
  }
  std::uint64_t& counter(Counter counter) {
    return facts.counters[static_cast<std::size_t>(counter)];
  }

  SysFacts facts;

 private:
  SysTopics topics_{"lineshaft 0.1.0", start};
};

}  // namespace

TEST_CASE("the first round has every topic that dashboards read", "[app][sys]") {
  Rounds rounds;
  const auto values = rounds.round(0);
  for (const auto* topic : {"version",
                            "uptime",
                            "clients/total",
                            "clients/maximum",
                            "clients/inactive",
                            "clients/disconnected",
                            "clients/active",
                            "clients/connected",
                            "clients/expired",
                            "messages/received",
                            "messages/sent",
                            "messages/stored",
                            "store/messages/count",
                            "store/messages/bytes",
                            "publish/messages/received",
                            "publish/messages/sent",
                            "publish/messages/dropped",
                            "publish/bytes/received",
                            "publish/bytes/sent",
                            "bytes/received",
                            "bytes/sent",
                            "subscriptions/count",
                            "shared_subscriptions/count",
                            "retained messages/count",
                            "load/messages/received/1min",
                            "load/messages/sent/5min",
                            "load/publish/dropped/15min",
                            "load/publish/received/1min",
                            "load/publish/sent/1min",
                            "load/bytes/received/1min",
                            "load/bytes/sent/1min",
                            "load/sockets/1min",
                            "load/connections/15min"}) {
    INFO(topic);
    CHECK(values.contains(topic));
  }
  CHECK(values.at("version") == "lineshaft 0.1.0");
  CHECK(values.at("uptime") == "0 seconds");
  CHECK(values.at("load/messages/received/1min") == "0.00");
}

TEST_CASE("every counter has a topic of its own", "[app][sys]") {
  Rounds rounds;
  for (std::size_t i = 0; i < counters_size; ++i) rounds.facts.counters[i] = 1000 + i;
  const auto values = rounds.round(0);
  for (std::size_t i = 0; i < counters_size; ++i) {
    const std::string topic = "lineshaft/" + std::string(counter_name(Counter{i}));
    INFO(topic);
    CHECK(values.at(topic) == std::to_string(1000 + i));
  }
}

TEST_CASE("later rounds publish only what changed", "[app][sys]") {
  Rounds rounds;
  rounds.round(0);
  CHECK(rounds.round(10) == std::map<std::string, std::string>{{"uptime", "10 seconds"}});
  rounds.facts.statistics.connections = 3;
  rounds.facts.more = {{"store/state", "ready"}};
  CHECK(rounds.round(20) == std::map<std::string, std::string>{{"uptime", "20 seconds"},
                                                               {"clients/connected", "3"},
                                                               {"clients/active", "3"},
                                                               {"clients/total", "3"},
                                                               {"lineshaft/store/state", "ready"}});
  CHECK(rounds.round(30) == std::map<std::string, std::string>{{"uptime", "30 seconds"}});
}

TEST_CASE("sessions without a client count as disconnected", "[app][sys]") {
  Rounds rounds;
  rounds.facts.statistics.connections = 5;
  rounds.facts.statistics.sessions = 7;
  rounds.facts.statistics.sessions_offline = 2;
  rounds.facts.statistics.retained = 11;
  rounds.facts.statistics.queued = 4;
  const auto values = rounds.round(0);
  CHECK(values.at("clients/connected") == "5");
  CHECK(values.at("clients/disconnected") == "2");
  CHECK(values.at("clients/total") == "7");
  CHECK(values.at("store/messages/count") == "15");
  CHECK(values.at("retained messages/count") == "11");
}

TEST_CASE("every kind of loss is in the dropped messages", "[app][sys]") {
  Rounds rounds;
  rounds.counter(Counter::dropped_qos0_slow_consumer) = 1;
  rounds.counter(Counter::dropped_queue_full) = 20;
  rounds.counter(Counter::dropped_too_large) = 300;
  rounds.counter(Counter::dropped_no_store) = 4000;
  CHECK(rounds.round(0).at("publish/messages/dropped") == "4321");
}

TEST_CASE("a steady rate is what the load averages approach, each in its time", "[app][sys]") {
  LoadAverage one{Milliseconds{60'000}}, five{Milliseconds{300'000}};
  // 10 messages per second, a round every 10 s, for one minute.
  for (int i = 0; i < 6; ++i) {
    one.add(100, Milliseconds{10'000});
    five.add(100, Milliseconds{10'000});
  }
  CHECK(one.per_minute() == Approx(600 * (1 - std::exp(-1.0))));
  CHECK(five.per_minute() == Approx(600 * (1 - std::exp(-0.2))));
  for (int i = 0; i < 600; ++i) one.add(100, Milliseconds{10'000});
  CHECK(one.per_minute() == Approx(600));
  // Silence: after one minute 1/e is left.
  for (int i = 0; i < 6; ++i) one.add(0, Milliseconds{10'000});
  CHECK(one.per_minute() == Approx(600 * std::exp(-1.0)));
}

TEST_CASE("the load does not depend on how long the rounds are", "[app][sys]") {
  LoadAverage often{Milliseconds{60'000}}, seldom{Milliseconds{60'000}};
  for (int i = 0; i < 30; ++i) often.add(7, Milliseconds{1'000});
  seldom.add(210, Milliseconds{30'000});
  CHECK(often.per_minute() == Approx(seldom.per_minute()));
}

TEST_CASE("the load topics follow the counters between two rounds", "[app][sys]") {
  Rounds rounds;
  rounds.round(0);
  rounds.counter(Counter::publish_received) = 100;
  rounds.counter(Counter::bytes_sent) = 6000;
  const auto values = rounds.round(10);
  // 100 in 10 s are 600 per minute; 1 - exp(-10/60) of it after the first 10 s.
  CHECK(values.at("load/publish/received/1min") == "92.11");
  CHECK(values.at("load/publish/received/5min") == "19.67");
  CHECK(values.at("load/publish/received/15min") == "6.63");
  CHECK(values.at("load/bytes/sent/1min") == "5526.66");
  // No more messages: the average decays.
  CHECK(rounds.round(20).at("load/publish/received/1min") == "77.97");
}

TEST_CASE("a second round at the same moment changes nothing", "[app][sys]") {
  Rounds rounds;
  rounds.round(10);
  rounds.counter(Counter::bytes_sent) = 6000;
  CHECK_FALSE(rounds.round(10).contains("load/bytes/sent/1min"));
  CHECK(rounds.round(20).at("load/bytes/sent/1min") == "5526.66");
}
