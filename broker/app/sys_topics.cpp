#include "broker/app/sys_topics.h"

#include <fmt/format.h>

#include <cmath>

namespace lineshaft::app {
namespace {

constexpr std::string_view root = "$SYS/broker/";

std::uint64_t at(const CounterValues& counters, Counter counter) {
  return counters[static_cast<std::size_t>(counter)];
}

/// Messages a subscriber was entitled to and did not get; those that expired it was not.
std::uint64_t dropped(const CounterValues& counters) {
  return at(counters, Counter::dropped_qos0_slow_consumer) +
         at(counters, Counter::dropped_queue_full) + at(counters, Counter::dropped_too_large) +
         at(counters, Counter::dropped_no_store) + at(counters, Counter::dropped_qos0_memory);
}

struct LoadSource {
  std::string_view topic;
  std::uint64_t (*value)(const CounterValues& counters);
};

template <Counter counter>
std::uint64_t value_of(const CounterValues& counters) {
  return at(counters, counter);
}

constexpr std::array<LoadSource, 9> load_sources = {{
    {"load/messages/received", value_of<Counter::packets_received>},
    {"load/messages/sent", value_of<Counter::packets_sent>},
    {"load/publish/received", value_of<Counter::publish_received>},
    {"load/publish/sent", value_of<Counter::publish_sent>},
    {"load/publish/dropped", dropped},
    {"load/bytes/received", value_of<Counter::bytes_received>},
    {"load/bytes/sent", value_of<Counter::bytes_sent>},
    {"load/sockets", value_of<Counter::connections_opened>},
    {"load/connections", value_of<Counter::connects_accepted>},
}};

constexpr std::array<std::string_view, 3> windows = {"1min", "5min", "15min"};

}  // namespace

CounterValues read_counters() {
  CounterValues values;
  for (std::size_t i = 0; i < counters_size; ++i) values[i] = counter_value(Counter{i});
  return values;
}

void LoadAverage::add(std::uint64_t events, Milliseconds elapsed) {
  const auto elapsed_ms = static_cast<double>(elapsed.count());
  const double interval = static_cast<double>(events) * 60'000.0 / elapsed_ms;
  const double kept = std::exp(-elapsed_ms / static_cast<double>(window_.count()));
  per_minute_ = interval + kept * (per_minute_ - interval);
}

SysTopics::SysTopics(std::string version, Now started)
    : version_(std::move(version)), started_(started.steady), last_round_(started.steady) {
  for (const LoadSource& source : load_sources) {
    loads_.emplace_back();
    loads_.back().topic = source.topic;
  }
}

std::vector<KeptMessagePtr> SysTopics::round(const SysFacts& facts) {
  wall_ = facts.now.wall;
  set("version", version_);
  const auto uptime = facts.now.steady - started_;
  set("uptime",
      fmt::format("{} seconds", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()));
  set_statistics(facts.statistics, facts.counters);
  set_counters(facts.counters);
  set_loads(facts);
  for (const auto& [topic, value] : facts.more) {
    set(topic.starts_with("policy/") ? topic : "lineshaft/" + topic, value);
  }
  if (!facts.audit_head.empty()) set("audit/head", facts.audit_head);
  return std::exchange(changed_, {});
}

void SysTopics::set_statistics(const core::Statistics& s, const CounterValues& counters) {
  set("clients/total", s.connections + s.sessions_offline);
  set("clients/maximum", s.connections_most);
  for (const auto* topic : {"clients/connected", "clients/active"}) set(topic, s.connections);
  for (const auto* topic : {"clients/disconnected", "clients/inactive"}) {
    set(topic, s.sessions_offline);
  }
  set("clients/expired", at(counters, Counter::sessions_expired));
  set("subscriptions/count", s.subscriptions);
  set("shared_subscriptions/count", s.shared_groups);
  set("retained messages/count", s.retained);
  for (const auto* topic : {"messages/stored", "store/messages/count"}) {
    set(topic, s.queued + s.retained);
  }
  set("store/messages/bytes", s.queued_bytes);
  set("lineshaft/sessions", s.sessions);
  set("lineshaft/last_values", s.last_values);
  set("lineshaft/topic_entries", s.topic_entries);
  set("lineshaft/queued", s.queued);
  set("lineshaft/queued_bytes", s.queued_bytes);
  set("lineshaft/queue_drops", s.queue_drops);
  set("lineshaft/wills", s.wills);
  set("lineshaft/held_acknowledgements", s.held_acknowledgements);
  set("lineshaft/unflushed_values", s.unflushed_values);
  set("lineshaft/policy_epoch", s.policy_epoch);
  set("lineshaft/subscriptions_suspended", s.subscriptions_suspended);
}

void SysTopics::set_counters(const CounterValues& counters) {
  set("messages/received", at(counters, Counter::packets_received));
  set("messages/sent", at(counters, Counter::packets_sent));
  set("publish/messages/received", at(counters, Counter::publish_received));
  set("publish/messages/sent", at(counters, Counter::publish_sent));
  set("publish/messages/dropped", dropped(counters));
  set("publish/bytes/received", at(counters, Counter::publish_bytes_received));
  set("publish/bytes/sent", at(counters, Counter::publish_bytes_sent));
  set("bytes/received", at(counters, Counter::bytes_received));
  set("bytes/sent", at(counters, Counter::bytes_sent));
  for (std::size_t i = 0; i < counters_size; ++i) {
    set(fmt::format("lineshaft/{}", counter_name(Counter{i})), counters[i]);
  }
}

void SysTopics::set_loads(const SysFacts& facts) {
  const Milliseconds elapsed = facts.now.steady - last_round_;
  for (std::size_t i = 0; i < loads_.size(); ++i) {
    const auto value = load_sources[i].value;
    const std::uint64_t events = value(facts.counters) - value(last_counters_);
    for (std::size_t j = 0; j < windows.size(); ++j) {
      LoadAverage& average = loads_[i].averages[j];
      if (elapsed.count() > 0) average.add(events, elapsed);
      set(fmt::format("{}/{}", loads_[i].topic, windows[j]),
          fmt::format("{:.2f}", average.per_minute()));
    }
  }
  if (elapsed.count() > 0) {
    last_round_ = facts.now.steady;
    last_counters_ = facts.counters;
  }
}

void SysTopics::set(std::string_view topic, std::uint64_t value) {
  set(topic, fmt::format("{}", value));
}

void SysTopics::set(std::string_view topic, std::string value) {
  const auto [known, is_new] = values_.try_emplace(std::string(topic));
  if (!is_new && known->second == value) return;
  const std::string name = fmt::format("{}{}", root, topic);
  MessageFields fields;
  fields.topic = name;
  fields.payload = value;
  fields.retain = true;
  changed_.push_back(KeptMessage::make(fields, {wall_, 0, 0}));
  known->second = std::move(value);
}

}  // namespace lineshaft::app
