#include <algorithm>

#include "broker/base/metrics.h"

namespace lineshaft {
namespace {

struct Help {
  Counter counter;
  std::string_view text;
};

/// A row for each counter, in any order; what is counted, in one sentence.
constexpr Help helps[] = {
    {Counter::bytes_received, "Bytes read from sockets."},
    {Counter::bytes_sent, "Bytes written to sockets."},
    {Counter::packets_received, "MQTT packets of every type received."},
    {Counter::packets_sent, "MQTT packets of every type sent."},
    {Counter::publish_received, "PUBLISH packets received."},
    {Counter::publish_sent, "PUBLISH packets sent."},
    {Counter::publish_bytes_received, "Payload bytes of PUBLISH packets received."},
    {Counter::publish_bytes_sent, "Payload bytes of PUBLISH packets sent."},
    {Counter::connections_opened, "Connections accepted by listeners."},
    {Counter::connections_closed, "Connections that ended."},
    {Counter::connects_accepted, "CONNECT packets answered with success."},
    {Counter::connects_refused, "CONNECT packets refused."},
    {Counter::connect_timeouts, "Connections closed because no CONNECT came in time."},
    {Counter::connections_refused_limit,
     "Connections closed at once because their listener was full."},
    {Counter::websocket_upgrades_refused, "HTTP requests that were no upgrade to MQTT, refused."},
    {Counter::websocket_violations, "Connections ended by a frame that breaks WebSocket's rules."},
    {Counter::proxy_headers_refused,
     "Connections ended because their PROXY header was wrong, missing or not theirs to send."},
    {Counter::connections_refused_address,
     "Connections closed at once because their address had too many."},
    {Counter::connections_refused_rate,
     "Connections closed at once because their address came too often."},
    {Counter::reading_paused_throttle,
     "Pauses of reading because an anomaly rule throttles the client."},
    {Counter::connections_refused_memory,
     "Connections closed at once because there was no memory for more."},
    {Counter::connects_refused_memory,
     "CONNECT packets of new clients refused because memory was short."},
    {Counter::accepts_delayed, "Times clients waited because their listener's rate was reached."},
    {Counter::reading_paused_memory,
     "Times a heavy sender was not read for seconds because memory was short."},
    {Counter::dropped_qos0_memory, "QoS 0 messages dropped because memory was short."},
    {Counter::memory_overloads, "Times the memory reached a higher level of its budget."},
    {Counter::accepts_paused,
     "Times accepting paused because the system had no more sockets or memory."},
    {Counter::tls_handshakes, "TLS handshakes that succeeded."},
    {Counter::tls_resumed, "TLS handshakes that resumed an earlier session."},
    {Counter::tls_handshake_failures, "TLS handshakes that failed."},
    {Counter::tls_reloads, "Times the TLS files of a listener were read anew and taken over."},
    {Counter::tls_reload_failures, "Times new TLS files of a listener could not be used."},
    {Counter::takeovers, "Sessions taken over by a new connection of the same Client Identifier."},
    {Counter::keep_alive_timeouts,
     "Connections closed because the client was silent for too long."},
    {Counter::malformed_packets, "Connections ended by a malformed packet."},
    {Counter::protocol_errors, "Connections ended by a protocol error."},
    {Counter::publish_refused, "PUBLISH packets refused."},
    {Counter::dropped_qos0_slow_consumer,
     "QoS 0 messages dropped for clients that read too slowly."},
    {Counter::dropped_queue_full, "Messages dropped because a session's queue was full."},
    {Counter::dropped_expired, "Messages that expired before they could be sent."},
    {Counter::dropped_too_large, "Messages larger than their receiver accepts."},
    {Counter::dropped_no_store, "Messages not queued because the store takes no writes."},
    {Counter::slow_consumers_closed, "Connections closed because they took no byte for too long."},
    {Counter::retained_refused_limit,
     "Retained messages refused because there are too many topics."},
    {Counter::last_values_refused_limit, "Last values not kept because there are too many topics."},
    {Counter::publisher_names_refused_limit,
     "Publishers recorded as unknown because there are too many."},
    {Counter::subscriptions_refused_limit,
     "Subscriptions refused because their session has too many."},
    {Counter::sessions_refused_limit,
     "CONNECT packets refused because there are too many sessions."},
    {Counter::sessions_expired, "Sessions that expired."},
    {Counter::wills_sent, "Wills published."},
    {Counter::logins_accepted, "Logins with the right password or proof."},
    {Counter::logins_failed, "Logins with a wrong password or proof, or of an unknown user."},
    {Counter::logins_refused_busy, "Logins refused because too many passwords wait to be checked."},
    {Counter::logins_refused_backoff,
     "Logins refused because their name or address failed too often shortly before."},
    {Counter::identities_accepted, "Clients whose certificate, key or user has a place in a zone."},
    {Counter::identities_refused,
     "Clients refused because nothing they have proven gives them a place in a zone."},
    {Counter::identities_on_grace,
     "Clients let in after the end of the revocation lists because they were known before."},
    {Counter::revocation_lists_ended,
     "Times the revocation lists that a CA of the policy needs have ended without new ones."},
    {Counter::client_certificates_ending,
     "Warnings that the certificate of a connected client ends in 30, 7 or 1 days."},
    {Counter::login_backoffs_forgotten,
     "Names and addresses whose failed logins were forgotten because there are too many."},
    {Counter::reauthentications_failed,
     "Connections closed because the client could not prove again who it is."},
    {Counter::connections_revoked,
     "Connections closed because a reload took away the right to connect."},
    {Counter::takeovers_denied, "CONNECT packets refused because the session is another user's."},
    {Counter::subscriptions_denied, "Subscriptions refused by the rules."},
    {Counter::deliveries_denied, "Messages kept from a subscriber by the rules."},
    {Counter::wills_denied, "Wills dropped by the rules when they were to go out."},
    {Counter::shared_moved, "Messages of a shared subscription moved to another member."},
    {Counter::reading_paused_journal,
     "Times reading of a connection paused because the journal was behind."},
    {Counter::journal_commits, "Batches written to the journal."},
    {Counter::journal_records, "Records written to the journal."},
    {Counter::journal_bytes, "Bytes written to the journal."},
    {Counter::journal_failures, "Writes or syncs of the journal that failed."},
    {Counter::journal_syncs, "Syncs of the journal to the disk."},
    {Counter::store_reopened, "Times the store was opened again after a failure."},
    {Counter::queue_pages_read, "Pages of session queues read back from the store."},
    {Counter::queue_pages_failed, "Pages of session queues that could not be read."},
    {Counter::queue_records_unreadable, "Records of session queues that could not be understood."},
    {Counter::restore_set_aside,
     "Records set aside at the start because they could not be restored."},
    {Counter::restore_orphans_deleted, "Records without an owner deleted at the start."},
    {Counter::log_records_dropped, "Log records dropped because the log's reader was too slow."},
    {Counter::audit_records, "Records written to the audit log."},
    {Counter::audit_records_folded,
     "Events that became part of another audit record, as its number."},
    {Counter::audit_records_lost, "Audit records lost because more came than could be written."},
    {Counter::audit_gaps, "Records of the audit log that tell of a gap in it."},
    {Counter::audit_failures, "Writes of the audit log that failed."},
    {Counter::anomaly_events, "Anomalies that were noticed."},
    {Counter::anomaly_events_dropped,
     "Anomalies that were noticed and not told: too many at once."},
    {Counter::anomaly_subjects_refused,
     "Principals and conduits that are not watched: there are too many."},
    {Counter::config_reloads, "Reloads of the configuration that were taken over."},
    {Counter::config_reload_failures, "Reloads refused because the configuration was wrong."},
    {Counter::http_headers_refused_limit,
     "HTTP requests refused because their header was too large."},
    {Counter::http_bodies_refused_limit, "HTTP requests refused because their body was too large."},
    {Counter::http_request_timeouts,
     "HTTP connections closed in the middle of a request or an answer."},
    {Counter::http_idle_closed, "HTTP connections closed because no request came."},
    {Counter::http_peers_refused, "HTTP requests over the Unix socket of users who may not ask."},
    {Counter::http_late_answers, "HTTP requests the broker could not answer in time."},
};

constexpr const Help* find(Counter counter) {
  return std::find_if(std::begin(helps), std::end(helps),
                      [counter](const Help& help) { return help.counter == counter; });
}

constexpr bool complete() {
  for (std::size_t i = 0; i < counters_size; ++i) {
    if (find(Counter{i}) == std::end(helps)) return false;
  }
  return true;
}
static_assert(complete(), "a counter of metrics.h has no sentence here: add its row");

}  // namespace

std::string_view counter_help(Counter counter) { return find(counter)->text; }

}  // namespace lineshaft
