// Random runs under a policy that changes at random: nothing is published, dequeued, sent again or
// replayed outside the policy in force at that moment.
#include <fmt/format.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/topic_name.h"
#include "tests/support/answering_interceptor.h"
#include "tests/support/believing.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace lineshaft::test {
namespace {

constexpr std::size_t users = 4;
constexpr std::size_t topics = 5;
constexpr std::array filters = {"t/#", "t/0", "t/+", "#", "$share/g/t/#", "$share/g/t/1"};

/// Who may do what, for everybody and everything.
struct Rights {
  bool publish[users][topics];
  core::DeliverVerdict deliver[users][topics];
  bool has_classes = true;

  static Rights random(std::mt19937_64& chance) {
    Rights rights;
    rights.has_classes = chance() % 4 != 0;
    for (std::size_t u = 0; u < users; ++u) {
      for (std::size_t t = 0; t < topics; ++t) {
        rights.publish[u][t] = chance() % 3 != 0;
        core::DeliverVerdict& verdict = rights.deliver[u][t];
        verdict.allowed = chance() % 3 != 0;
        if (chance() % 4 == 0) verdict.qos_max = static_cast<QoS>(chance() % 3);
        verdict.strips_retain = chance() % 5 == 0;
      }
    }
    return rights;
  }
};

std::size_t user_of(const core::Principal& principal) {
  return static_cast<std::size_t>(principal.name.at(0) - '0');
}
std::size_t topic_number(std::string_view topic) {
  return static_cast<std::size_t>(topic.at(2) - '0');
}

class Judge final : public core::Interceptor {
 public:
  explicit Judge(const Rights& rights) : rights_(rights) {}

  core::PolicyClass classify(const core::Subject& subject) override {
    return rights_.has_classes ? static_cast<core::PolicyClass>(user_of(subject.principal))
                               : core::no_policy_class;
  }
  core::ConnectVerdict on_connect(const core::Subject&) override { return {}; }
  core::PublishVerdict on_publish(const core::Subject& subject, const Message& message) override {
    const bool may = rights_.publish[user_of(subject.principal)][topic_number(message.topic())];
    return {may ? ReasonCode::success : ReasonCode::not_authorized};
  }
  core::DeliverVerdict on_deliver(const core::Subject& subject, const Message& message) override {
    return rights_.deliver[user_of(subject.principal)][topic_number(message.topic())];
  }
  core::SubscribeVerdict on_subscribe(const core::Subject& subject,
                                      std::string_view filter) override {
    bool any = false;
    bool all = true;
    for (std::size_t t = 0; t < topics; ++t) {
      if (!core::topic_matches_filter(fmt::format("t/{}", t), filter)) continue;
      const core::DeliverVerdict& verdict = rights_.deliver[user_of(subject.principal)][t];
      any |= verdict.allowed;
      all &= verdict.allowed && verdict.is_plain();
    }
    return {any ? ReasonCode::success : ReasonCode::not_authorized, all};
  }
  bool on_replay(const core::Principal* author, const Message& message) override {
    return author != nullptr && rights_.publish[user_of(*author)][topic_number(message.topic())];
  }

 private:
  const Rights rights_;
};

/// A PUBLISH of MQTT 5.0 as it was received.
struct Received {
  bool dup = false;
  bool retain = false;
  unsigned qos = 0;
  std::string topic;
  std::string packet_id;
  std::string payload;
};

Received parse(const std::string& packet) {
  Received one;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(packet.at(at)); };
  one.dup = (byte(0) & 8) != 0;
  one.retain = (byte(0) & 1) != 0;
  one.qos = (byte(0) >> 1) & 3U;
  std::size_t at = 2;  // every packet here is short
  const std::size_t size = byte(at) * 256U + byte(at + 1);
  one.topic = packet.substr(at + 2, size);
  at += 2 + size;
  if (one.qos > 0) {
    one.packet_id = fmt::format("{:02X}{:02X}", byte(at), byte(at + 1));
    at += 2;
  }
  at += 1U + byte(at);
  one.payload = packet.substr(at);
  return one;
}

/// One run.
class Run {
 public:
  explicit Run(std::uint64_t seed) : chance_(seed) {
    rights_ = Rights::random(chance_);
    broker_.guard(&believing_, std::make_shared<Judge>(rights_));
    for (std::size_t u = 0; u < users; ++u) connect(u);
  }

  void step() {
    const std::size_t u = chance_() % users;
    switch (chance_() % 12) {
      case 0:
        rights_ = Rights::random(chance_);
        broker_.change_policy(std::make_shared<Judge>(rights_));
        break;
      case 1:
        if (clients_[u]) clients_[u]->vanish();
        clients_[u].reset();
        break;
      case 2:
        connect(u);
        break;
      case 3:
        if (chance_() % 8 != 0) break;
        broker_.crash();
        for (auto& client : clients_) client.reset();
        break;
      case 4:
      case 5:
        subscribe(u);
        break;
      case 6:
        acknowledge(u);
        break;
      case 7:
        broker_.after(Milliseconds{static_cast<std::int64_t>(chance_() % 2000)});
        break;
      default:
        publish(u);
    }
    look();
  }

  std::size_t delivered() const { return delivered_; }
  std::size_t replayed() const { return replayed_; }

 private:
  void connect(std::size_t u) {
    clients_[u] = broker_.connect(
        fmt::format("10 [<MQTT> 05 80 0000 [11 00000E10 21 0003] <c{}> <{}>]", u, u));
    clients_[u]->expect_connack();
    unacknowledged_[u].clear();
  }
  void subscribe(std::size_t u) {
    if (!clients_[u]) return;
    clients_[u]->send(
        fmt::format("82 [0001 [] <{}> 0{}]", filters[chance_() % filters.size()], chance_() % 3));
  }
  void publish(std::size_t u) {
    if (!clients_[u]) return;
    const std::size_t t = chance_() % topics;
    const unsigned qos = static_cast<unsigned>(chance_() % 2);
    const unsigned retain = chance_() % 3 == 0 ? 1 : 0;
    const std::string id = fmt::format("m{}", ++last_message_);
    messages_[id] = {u, t, rights_.publish[u][t], qos};
    clients_[u]->send(fmt::format("{:02X} [<t/{}> {} [] '{}']", 0x30 | qos << 1 | retain, t,
                                  qos == 0 ? "" : "0009", id));
    if (qos > 0) expected_.emplace_back(u, rights_.publish[u][t]);
  }
  void acknowledge(std::size_t u) {
    if (!clients_[u]) return;
    for (const auto& [id, qos] : unacknowledged_[u]) {
      clients_[u]->send(fmt::format("{} [{}]", qos == 1 ? "40" : "50", id));
      if (qos == 2) clients_[u]->send(fmt::format("70 [{}]", id));
    }
    unacknowledged_[u].clear();
  }

  void look() {
    for (std::size_t u = 0; u < users; ++u) {
      if (!clients_[u]) continue;
      for (std::string packet = clients_[u]->take(); !packet.empty();
           packet = clients_[u]->take()) {
        const unsigned type = static_cast<unsigned char>(packet[0]) >> 4;
        if (type == 3) check_publish(u, parse(packet));
        if (type == 4) check_puback(u, packet);
      }
    }
    expected_.clear();
  }
  void check_puback(std::size_t u, const std::string& packet) {
    const bool refused = packet.size() > 4 && static_cast<unsigned char>(packet[4]) >= 0x80;
    REQUIRE(!expected_.empty());
    CHECK(expected_.front() == std::pair(u, !refused));
    expected_.erase(expected_.begin());
  }
  void check_publish(std::size_t u, const Received& one) {
    INFO("to user " << u << ": " << one.topic << " " << one.payload);
    const auto message = messages_.find(one.payload);
    REQUIRE(message != messages_.end());
    const auto& [author, t, was_allowed, sent_qos] = message->second;
    CHECK(was_allowed);
    const core::DeliverVerdict& verdict = rights_.deliver[u][t];
    CHECK(verdict.allowed);
    // What was started goes on as it was.
    if (!one.dup) CHECK(one.qos <= static_cast<unsigned>(verdict.qos_max));
    if (!one.dup && verdict.strips_retain) CHECK_FALSE(one.retain);
    ++delivered_;
    // Without Retain As Published only a replay has the flag.
    if (one.retain && !one.dup) {
      ++replayed_;
      // One of QoS 0 was read from the topic just now; others may have waited in a queue, where the
      // right to receive them is what counts.
      if (sent_qos == 0) CHECK(rights_.publish[author][t]);
    }
    if (one.qos > 0) unacknowledged_[u].emplace_back(one.packet_id, one.qos);
  }
  struct Published {
    std::size_t author;
    std::size_t topic;
    bool was_allowed;
    unsigned qos;
  };

  std::mt19937_64 chance_;
  Believing believing_;
  ScriptedBroker broker_;
  Rights rights_{};
  std::array<std::optional<ScriptedClient>, users> clients_;
  std::array<std::vector<std::pair<std::string, unsigned>>, users> unacknowledged_;
  std::map<std::string, Published> messages_;
  std::vector<std::pair<std::size_t, bool>> expected_;
  std::uint64_t last_message_ = 0;
  std::size_t delivered_ = 0;
  std::size_t replayed_ = 0;
};

}  // namespace

TEST_CASE("nothing gets anywhere outside the policy in force", "[sim][policy]") {
  std::size_t delivered = 0;
  std::size_t replayed = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Run run(seed);
    for (int i = 0; i < 400; ++i) run.step();
    delivered += run.delivered();
    replayed += run.replayed();
  }
  // It has seen something.
  CHECK(delivered > 3000);
  CHECK(replayed > 100);
}

}  // namespace lineshaft::test
