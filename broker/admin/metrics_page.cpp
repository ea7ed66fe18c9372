#include "broker/admin/metrics_page.h"

#include <fmt/format.h>

#include "broker/admin/readiness.h"
#include "broker/base/metrics.h"

namespace lineshaft::admin {
namespace {

constexpr double second_us = 1e6;
constexpr double second_ms = 1e3;

double seconds(Milliseconds duration) { return static_cast<double>(duration.count()) / second_ms; }

void write_process(const BrokerFacts& facts, MetricWriter& out) {
  out.begin_gauge("lineshaft_build_info", "Always 1; the version is a label.");
  out.sample(std::uint64_t{1}, {{"version", facts.version}});
  out.gauge("lineshaft_uptime_seconds", "Time since the broker was started.",
            seconds(facts.uptime));
  out.gauge("process_start_time_seconds", "When the broker was started, since 1970 UTC.",
            seconds(facts.started.time_since_epoch()));
  out.counter("process_cpu_seconds_total", "Processor time of all threads, user and system.",
              facts.cpu_seconds);
  out.gauge("process_resident_memory_bytes", "Memory of the process that is not swapped out.",
            facts.memory_resident_bytes);
}

void write_listeners(const BrokerFacts& facts, MetricWriter& out) {
  if (facts.listeners.empty()) return;
  out.begin_gauge("lineshaft_connections", "Open connections of a listener.");
  for (const ListenerFacts& each : facts.listeners) {
    out.sample(std::uint64_t{each.connections},
               {{"listener", each.name}, {"transport", each.transport}});
  }
}

void write_store(const storage::StoreStatus& store, MetricWriter& out) {
  out.gauge("lineshaft_store_accepts_writes",
            "1 while messages that must be stored are taken, else 0.",
            std::uint64_t{store.accepts_writes});
  out.begin_gauge("lineshaft_store_state", "1 for the state the store is in, 0 for the others.");
  const std::string_view now = store_state(store);
  for (const std::string_view state : {"ready", "low_space", "no_space", "io", "corrupt"}) {
    out.sample(std::uint64_t{state == now}, {{"state", state}});
  }
  out.gauge("lineshaft_store_overloaded", "1 while the journal's queue is above its mark, else 0.",
            std::uint64_t{store.overloaded});
  out.gauge("lineshaft_store_queue_bytes", "Bytes that wait for the disk.", store.queue_bytes);
  out.gauge("lineshaft_store_queue_entries", "Decisions that wait for the disk.",
            store.queue_entries);
  out.gauge("lineshaft_store_free_bytes", "Free space where the data folder is.", store.free_bytes);
  out.gauge("lineshaft_store_reserve_bytes",
            "Free space below which messages that must be stored are refused.",
            store.reserve_bytes);
  out.gauge("lineshaft_store_sync_p50_seconds", "Half of the syncs to the disk were faster.",
            static_cast<double>(store.sync_p50_us) / second_us);
  out.gauge("lineshaft_store_sync_p99_seconds", "99 of 100 syncs to the disk were faster.",
            static_cast<double>(store.sync_p99_us) / second_us);
  out.gauge("lineshaft_store_alarms", "Files in the data folder that tell of losses.",
            std::uint64_t{store.alarms.size()});
}

void write_core(const core::Statistics& s, MetricWriter& out) {
  out.begin_gauge("lineshaft_sessions", "Sessions, with a connection (online) or without.");
  out.sample(std::uint64_t{s.connections}, {{"state", "online"}});
  out.sample(std::uint64_t{s.sessions_offline}, {{"state", "offline"}});
  out.gauge("lineshaft_sessions_online_peak", "Most sessions with a connection at once.",
            s.connections_most);
  out.gauge("lineshaft_subscriptions", "Subscriptions of all sessions.", s.subscriptions);
  out.gauge("lineshaft_shared_subscription_groups", "Shared subscription groups.", s.shared_groups);
  out.gauge("lineshaft_retained_messages", "Retained messages.", s.retained);
  out.gauge("lineshaft_last_values", "Topics with a last value that is not retained.",
            s.last_values);
  out.gauge("lineshaft_topics", "Topics known, with and without a value.", s.topic_entries);
  out.gauge("lineshaft_queued_messages", "Messages queued or in flight in all sessions.", s.queued);
  out.gauge("lineshaft_queued_bytes", "Bytes of messages queued or in flight.", s.queued_bytes);
  out.gauge("lineshaft_wills", "Wills that wait for their delay.", s.wills);
  out.gauge("lineshaft_held_acknowledgements", "Acknowledgements that wait for the disk.",
            s.held_acknowledgements);
  out.gauge("lineshaft_policy_epoch", "Policies since the start, changes by the time included.",
            std::uint64_t{s.policy_epoch});
  out.gauge("lineshaft_policy_reload_seconds",
            "From the last policy to the moment all shards had met it.",
            static_cast<double>(s.policy_fence_ms) / 1000);
  out.gauge("lineshaft_policy_sweep_seconds",
            "From the last policy to the end of the look at everybody who was there.",
            static_cast<double>(s.policy_sweep_ms) / 1000);
  out.gauge("lineshaft_subscriptions_suspended",
            "Subscriptions of which the policy allows nothing now.", s.subscriptions_suspended);
  out.gauge("lineshaft_unflushed_values", "Topics whose value waits for the next flush.",
            s.unflushed_values);
}

}  // namespace

void write_broker_metrics(const BrokerFacts& facts, const core::Statistics* statistics,
                          MetricWriter& out) {
  write_process(facts, out);
  const bool ready = reasons_against(facts, statistics != nullptr).empty();
  out.gauge("lineshaft_ready", "1 when /readyz says so, else 0.", std::uint64_t{ready});
  write_listeners(facts, out);
  if (facts.store) write_store(*facts.store, out);
  if (statistics != nullptr) write_core(*statistics, out);
  for (std::size_t i = 0; i < counters_size; ++i) {
    const Counter each{i};
    out.counter(fmt::format("lineshaft_{}_total", counter_name(each)), counter_help(each),
                counter_value(each));
  }
}

}  // namespace lineshaft::admin
