#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lineshaft {

/// Every counter of the broker: enumerator and the name an operator sees.
/// Counters only grow; gauges are computed by whoever owns the state.
#define LINESHAFT_COUNTERS(X)                                       \
  X(bytes_received, "bytes_received")                               \
  X(bytes_sent, "bytes_sent")                                       \
  X(packets_received, "messages_received")                          \
  X(packets_sent, "messages_sent")                                  \
  X(publish_received, "publish_messages_received")                  \
  X(publish_sent, "publish_messages_sent")                          \
  X(publish_bytes_received, "publish_bytes_received")               \
  X(publish_bytes_sent, "publish_bytes_sent")                       \
  X(connections_opened, "connections_opened")                       \
  X(connections_closed, "connections_closed")                       \
  X(connects_accepted, "connects_accepted")                         \
  X(connects_refused, "connects_refused")                           \
  X(connect_timeouts, "connect_timeouts")                           \
  X(connections_refused_limit, "connections_refused_limit")         \
  X(websocket_upgrades_refused, "websocket_upgrades_refused")       \
  X(websocket_violations, "websocket_violations")                   \
  X(proxy_headers_refused, "proxy_headers_refused")                 \
  X(connections_refused_address, "connections_refused_address")     \
  X(connections_refused_rate, "connections_refused_rate")           \
  X(accepts_paused, "accepts_paused")                               \
  X(accepts_delayed, "accepts_delayed")                             \
  X(tls_handshakes, "tls_handshakes")                               \
  X(tls_resumed, "tls_resumed")                                     \
  X(tls_handshake_failures, "tls_handshake_failures")               \
  X(tls_reloads, "tls_reloads")                                     \
  X(tls_reload_failures, "tls_reload_failures")                     \
  X(takeovers, "takeovers")                                         \
  X(keep_alive_timeouts, "keep_alive_timeouts")                     \
  X(malformed_packets, "malformed_packets")                         \
  X(protocol_errors, "protocol_errors")                             \
  X(publish_refused, "publish_refused")                             \
  X(dropped_qos0_slow_consumer, "dropped_qos0_slow_consumer")       \
  X(dropped_queue_full, "dropped_queue_full")                       \
  X(dropped_expired, "dropped_expired")                             \
  X(dropped_too_large, "dropped_too_large")                         \
  X(dropped_no_store, "dropped_no_store")                           \
  X(slow_consumers_closed, "slow_consumers_closed")                 \
  X(retained_refused_limit, "retained_refused_limit")               \
  X(retained_refused_identity, "retained_refused_identity")         \
  X(clock_set_back, "clock_set_back")                               \
  X(last_values_refused_limit, "last_values_refused_limit")         \
  X(publisher_names_refused_limit, "publisher_names_refused_limit") \
  X(subscriptions_refused_limit, "subscriptions_refused_limit")     \
  X(sessions_refused_limit, "sessions_refused_limit")               \
  X(sessions_refused_identity, "sessions_refused_identity")         \
  X(connections_refused_identity, "connections_refused_identity")   \
  X(sessions_expired, "sessions_expired")                           \
  X(wills_sent, "wills_sent")                                       \
  X(logins_accepted, "logins_accepted")                             \
  X(logins_failed, "logins_failed")                                 \
  X(logins_refused_busy, "logins_refused_busy")                     \
  X(logins_refused_backoff, "logins_refused_backoff")               \
  X(identities_accepted, "identities_accepted")                     \
  X(identities_refused, "identities_refused")                       \
  X(identities_on_grace, "identities_on_grace")                     \
  X(revocation_lists_ended, "revocation_lists_ended")               \
  X(client_certificates_ending, "client_certificates_ending")       \
  X(login_backoffs_forgotten, "login_backoffs_forgotten")           \
  X(reauthentications_failed, "reauthentications_failed")           \
  X(connections_revoked, "connections_revoked")                     \
  X(takeovers_denied, "takeovers_denied")                           \
  X(subscriptions_denied, "subscriptions_denied")                   \
  X(deliveries_denied, "deliveries_denied")                         \
  X(wills_denied, "wills_denied")                                   \
  X(replays_denied, "replays_denied")                               \
  X(dropped_rate, "dropped_rate")                                   \
  X(subscriptions_revoked, "subscriptions_revoked")                 \
  X(policy_changes, "policy_changes")                               \
  X(added_messages_refused, "added_messages_refused")               \
  X(extension_messages_refused, "extension_messages_refused")       \
  X(sparkplug_certificates, "sparkplug_certificates")               \
  X(sparkplug_snapshots, "sparkplug_snapshots")                     \
  X(sparkplug_snapshots_cut, "sparkplug_snapshots_cut")             \
  X(kept_items_refused_limit, "kept_items_refused_limit")           \
  X(denied_role_no_allow, "denied_role_no_allow")                   \
  X(denied_role_deny, "denied_role_deny")                           \
  X(denied_role_spb, "denied_role_spb")                             \
  X(denied_topic_invalid, "denied_topic_invalid")                   \
  X(denied_topic_unowned, "denied_topic_unowned")                   \
  X(denied_no_conduit, "denied_no_conduit")                         \
  X(denied_conduit_via, "denied_conduit_via")                       \
  X(denied_conduit_topic, "denied_conduit_topic")                   \
  X(denied_conduit_role, "denied_conduit_role")                     \
  X(denied_conduit_strength, "denied_conduit_strength")             \
  X(denied_conduit_tls, "denied_conduit_tls")                       \
  X(denied_conduit_spb, "denied_conduit_spb")                       \
  X(denied_conduit_command, "denied_conduit_command")               \
  X(denied_conduit_qos, "denied_conduit_qos")                       \
  X(denied_conduit_retain, "denied_conduit_retain")                 \
  X(denied_conduit_size, "denied_conduit_size")                     \
  X(denied_conduit_time, "denied_conduit_time")                     \
  X(denied_conduit_rate, "denied_conduit_rate")                     \
  X(denied_quarantined, "denied_quarantined")                       \
  X(denied_island, "denied_island")                                 \
  X(policy_monitored, "policy_monitored")                           \
  X(shadow_differences, "shadow_differences")                       \
  X(shadow_differences_left_out, "shadow_differences_left_out")     \
  X(learned_flows_left_out, "learned_flows_left_out")               \
  X(shared_moved, "shared_moved")                                   \
  X(reading_paused_journal, "reading_paused_journal")               \
  X(reading_paused_memory, "reading_paused_memory")                 \
  X(reading_paused_throttle, "reading_paused_throttle")             \
  X(connections_refused_memory, "connections_refused_memory")       \
  X(connects_refused_memory, "connects_refused_memory")             \
  X(dropped_qos0_memory, "dropped_qos0_memory")                     \
  X(memory_overloads, "memory_overloads")                           \
  X(journal_commits, "journal_commits")                             \
  X(journal_records, "journal_records")                             \
  X(journal_bytes, "journal_bytes")                                 \
  X(journal_failures, "journal_failures")                           \
  X(journal_syncs, "journal_syncs")                                 \
  X(store_reopened, "store_reopened")                               \
  X(queue_pages_read, "queue_pages_read")                           \
  X(queue_pages_failed, "queue_pages_failed")                       \
  X(queue_records_unreadable, "queue_records_unreadable")           \
  X(restore_set_aside, "restore_set_aside")                         \
  X(restore_orphans_deleted, "restore_orphans_deleted")             \
  X(log_records_dropped, "log_records_dropped")                     \
  X(audit_records, "audit_records")                                 \
  X(audit_records_folded, "audit_records_folded")                   \
  X(audit_records_lost, "audit_records_lost")                       \
  X(audit_gaps, "audit_gaps")                                       \
  X(audit_failures, "audit_failures")                               \
  X(anomaly_events, "anomaly_events")                               \
  X(anomaly_events_dropped, "anomaly_events_dropped")               \
  X(anomaly_subjects_refused, "anomaly_subjects_refused")           \
  X(config_reloads, "config_reloads")                               \
  X(config_reload_failures, "config_reload_failures")               \
  X(http_headers_refused_limit, "http_headers_refused_limit")       \
  X(http_bodies_refused_limit, "http_bodies_refused_limit")         \
  X(http_request_timeouts, "http_request_timeouts")                 \
  X(http_idle_closed, "http_idle_closed")                           \
  X(http_peers_refused, "http_peers_refused")                       \
  X(http_late_answers, "http_late_answers")                         \
  X(sparkplug_births, "sparkplug_births")                           \
  X(sparkplug_device_births, "sparkplug_device_births")             \
  X(sparkplug_deaths, "sparkplug_deaths")                           \
  X(sparkplug_device_deaths, "sparkplug_device_deaths")             \
  X(sparkplug_deaths_stale, "sparkplug_deaths_stale")               \
  X(sparkplug_nodes_lost, "sparkplug_nodes_lost")                   \
  X(sparkplug_messages_applied, "sparkplug_messages_applied")       \
  X(sparkplug_metrics_applied, "sparkplug_metrics_applied")         \
  X(sparkplug_malformed, "sparkplug_malformed")                     \
  X(sparkplug_rejected, "sparkplug_rejected")                       \
  X(sparkplug_duplicates, "sparkplug_duplicates")                   \
  X(sparkplug_gaps, "sparkplug_gaps")                               \
  X(sparkplug_unknown_aliases, "sparkplug_unknown_aliases")         \
  X(sparkplug_unknown_metrics, "sparkplug_unknown_metrics")         \
  X(sparkplug_values_mismatched, "sparkplug_values_mismatched")     \
  X(sparkplug_values_not_stored, "sparkplug_values_not_stored")     \
  X(sparkplug_rebirths_requested, "sparkplug_rebirths_requested")   \
  X(sparkplug_rebirths_suppressed, "sparkplug_rebirths_suppressed") \
  X(sparkplug_rebirths_unanswered, "sparkplug_rebirths_unanswered") \
  X(sparkplug_conflicts, "sparkplug_conflicts")                     \
  X(sparkplug_states_late, "sparkplug_states_late")                 \
  X(sparkplug_nodes_forgotten, "sparkplug_nodes_forgotten")         \
  X(sparkplug_nodes_refused, "sparkplug_nodes_refused")             \
  X(sparkplug_devices_refused, "sparkplug_devices_refused")         \
  X(sparkplug_metrics_refused, "sparkplug_metrics_refused")         \
  X(sparkplug_values_refused, "sparkplug_values_refused")           \
  X(sparkplug_reorder_refused, "sparkplug_reorder_refused")         \
  X(sparkplug_hosts_refused, "sparkplug_hosts_refused")             \
  X(sparkplug_sessions_refused, "sparkplug_sessions_refused")

enum class Counter : std::size_t {
#define LINESHAFT_ENUMERATOR(name, text) name,
  LINESHAFT_COUNTERS(LINESHAFT_ENUMERATOR)
#undef LINESHAFT_ENUMERATOR
      end_,
};

inline constexpr std::size_t counters_size = static_cast<std::size_t>(Counter::end_);

/// Counters of one thread. Only its thread writes; anybody may read.
using CounterBlock = std::array<std::atomic<std::uint64_t>, counters_size>;

/// The calling thread's block; made and registered at its first use, added to the
/// common sum when the thread ends.
CounterBlock& counter_block();

/// Adds to a counter: a plain load and store, no locked instruction.
inline void count(Counter counter, std::uint64_t amount = 1) {
  thread_local CounterBlock& block = counter_block();
  auto& cell = block[static_cast<std::size_t>(counter)];
  cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

/// The sum over all threads, those that ended included.
std::uint64_t counter_value(Counter counter);

/// The operator's name of a counter, snake case.
std::string_view counter_name(Counter counter);

/// One sentence for the operator: what is counted.
std::string_view counter_help(Counter counter);

}  // namespace lineshaft
