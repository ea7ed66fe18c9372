#pragma once

#include <cstddef>
#include <cstdint>

#include "broker/base/time.h"

/// Every limit and default of the broker: one line each, with unit, reason and what happens at it.
/// Those with an option in the configuration are its defaults.
namespace lineshaft::limits {

/// Time from accept to a complete CONNECT, absolute; then the socket is closed.
inline constexpr Milliseconds connect_deadline{5000};
/// Largest packet a client may send; a larger one gets 0x95 from its fixed header on.
inline constexpr std::uint32_t packet_size_bytes_max = 2 * 1024 * 1024;
/// Largest packet before CONNACK (CONNECT itself); more is 0x95.
inline constexpr std::uint32_t connect_size_bytes_max = 64 * 1024;
/// Levels of a Topic Name or Topic Filter; more is 0x90 or 0x8F.
inline constexpr std::size_t topic_levels_max = 32;
/// Bytes of a Topic Name or Topic Filter; more is 0x90 or 0x8F.
inline constexpr std::size_t topic_size_bytes_max = 1024;
/// Bytes of a Client Identifier; more is 0x85.
inline constexpr std::size_t client_id_size_bytes_max = 256;
/// User Properties of one packet; more is 0x97 on CONNECT and PUBLISH.
inline constexpr std::size_t user_properties_max = 64;
/// Unacknowledged QoS 1 and 2 messages from one client (our Receive Maximum); more is 0x93.
inline constexpr std::uint16_t receive_maximum = 256;
/// QoS 2 messages of a session that wait for their PUBREL (3.x clients know no Receive Maximum);
/// more is 0x97 and the end of the connection.
inline constexpr std::size_t incoming_qos2_max = 4096;
/// Unacknowledged QoS 1 and 2 messages towards one client; further ones wait in its queue.
inline constexpr std::uint16_t inflight_out_max = 64;
/// Inbound topic aliases per connection (our Topic Alias Maximum); above it is 0x94.
inline constexpr std::uint16_t topic_alias_in_max = 64;
/// Outbound topic aliases per connection; further topics are sent by name.
inline constexpr std::uint16_t topic_alias_out_max = 64;
/// Subscriptions of one session; a further one gets 0x97.
inline constexpr std::size_t subscriptions_per_session_max = 10'000;
/// Sessions, connected or not; a further CONNECT gets 0x97.
inline constexpr std::size_t sessions_max = 1'000'000;
/// Sessions of one identity (a user, a certificate's name), connected or not, 0 no limit; a further
/// CONNECT gets 0x97.
inline constexpr std::size_t sessions_per_identity_max = 100'000;
/// Topics whose retained message is of one identity, 0 no limit; a further one gets 0x97.
inline constexpr std::size_t retained_per_identity_max = 200'000;
/// Connected clients of one identity, 0 no limit. Off: many devices may share a user.
inline constexpr std::size_t connections_per_identity_max = 0;
/// Connections of one listener; a further one is closed at accept.
inline constexpr std::size_t connections_max = 100'000;
/// Clients one listener accepts per second, 0 no limit: above it they wait in the system's queue,
/// so that a reconnect storm does not stand in front of those who are connected.
inline constexpr std::uint32_t connects_per_s_max = 1'000;
/// The same for one address; a further one is closed at accept. Off: a NAT or an ingress is one
/// address for many clients.
inline constexpr std::uint32_t connects_per_s_per_address_max = 0;
/// Connections of one address at one listener, 0 no limit; a further one is closed at accept.
inline constexpr std::size_t connections_per_address_max = 0;
/// Addresses a listener counts at a time; above it those without connections are forgotten.
inline constexpr std::size_t addresses_counted_max = 65'536;
/// Longest session expiry; longer requests are shortened and told so.
inline constexpr std::uint32_t session_expiry_s_max = 30 * 24 * 3600;
/// Expiry of a 3.x session with neither QoS > 0 subscription nor queue (dashboards leave them).
inline constexpr std::uint32_t idle_session_expiry_s = 24 * 3600;
/// Longest keep alive; a client that asks for more (or for none) gets it as Server Keep Alive.
/// 0 leaves the client's choice.
inline constexpr std::uint16_t keep_alive_s_max = 0;
/// Messages waiting in one session; then its overflow policy acts.
inline constexpr std::size_t queued_max = 100'000;
/// Bytes waiting in one session; then its overflow policy acts.
inline constexpr std::size_t queued_bytes_max = 256 * 1024 * 1024;
/// Queue entries of a session kept in RAM; further ones are read back from the store.
inline constexpr std::size_t queue_window = 1'000;
/// Entries one page read asks for.
inline constexpr std::size_t queue_page = 500;
/// Topics with a retained or last value; a new retained one then gets 0x97, a new plain one is
/// routed without a last value.
inline constexpr std::size_t ram_topics_max = 2'000'000;
/// Topic entries without any value kept for fast look-up; then the clock hand evicts.
inline constexpr std::size_t topic_entries_idle_max = 100'000;
/// Interned publisher names; then further publishers are recorded as unknown.
inline constexpr std::size_t publisher_names_max = 1'000'000;
/// Nodes, values or recipients one turn visits of a longer work; it goes on in the next turn.
inline constexpr std::size_t slice = 1'000;
/// Bytes one replay slice puts on a connection before it waits for the socket to drain.
inline constexpr std::size_t replay_slice_bytes = 256 * 1024;
/// Bytes of an HTTP request for a WebSocket; a longer one is refused with 431.
inline constexpr std::size_t websocket_request_bytes_max = 8 * 1024;
/// Payload of one WebSocket frame to a client; more is split, so that a pong need not wait for it.
inline constexpr std::size_t websocket_frame_bytes_max = 256 * 1024;
/// Bytes of a PROXY header of version 2 with its attachments; a longer one ends the connection.
inline constexpr std::size_t proxy_header_bytes_max = 4096;
/// Unapplied batches per connection before it stops reading (TCP then slows the sender).
inline constexpr std::size_t connection_batches_pending_max = 4;
/// Bytes read in one loop turn before the core runs: above it output piles up beyond L2.
inline constexpr std::size_t loop_read_bytes_max = 64 * 1024;
/// What one look at a TLS connection takes from its socket without a byte of data coming of it:
/// records that only cost work wait for the next turn.
inline constexpr std::size_t tls_bytes_per_look_max = 16 * 1024;
/// What a TLS client may send without a byte of data, its handshake included; more ends it.
inline constexpr std::size_t tls_bytes_without_data_max = 128 * 1024;
/// A TLS client's first message; a larger one ends the handshake before there is memory for it.
inline constexpr std::size_t tls_client_hello_size_bytes_max = 16 * 1024;
/// Certificates a peer may send in a TLS handshake; more ends it.
inline constexpr std::size_t tls_certificates_size_bytes_max = 64 * 1024;
/// A file with certificates or revocation lists; a larger one is not read.
inline constexpr std::size_t tls_file_size_bytes_max = 16 * 1024 * 1024;
/// A session ticket is resumed for so long.
inline constexpr Milliseconds tls_ticket_lifetime{2 * 3600 * 1000};
/// Keys that encrypt session tickets are drawn anew after so long: who steals one later cannot read
/// what was said before.
inline constexpr Milliseconds tls_ticket_keys_lifetime{24 * 3600 * 1000};
/// How often the files of TLS are looked at; a change is taken at the second look that sees it.
inline constexpr Milliseconds tls_files_poll{2000};
/// Unsent bytes of a connection above which QoS 0 messages are dropped for it, counted.
inline constexpr std::size_t outbox_bytes_max = 1024 * 1024;
/// Unsent bytes below which a replay goes on.
inline constexpr std::size_t outbox_drained_bytes = 128 * 1024;
/// A socket that takes no byte for so long while data waits is closed.
inline constexpr Milliseconds stalled_socket{60'000};
/// Time a closing connection is given to read the last packet.
inline constexpr Milliseconds linger{2'000};
/// Bytes in one second that make a sender heavy: when memory is short, the heaviest are read less
/// often.
inline constexpr std::size_t heavy_sender_bytes = 64 * 1024;
/// Share of the memory the process may use (control group or machine) that is its budget.
inline constexpr std::uint64_t memory_budget_percent = 75;
/// Bytes on their way to one shard; above it nobody reads and QoS 0 for that shard is dropped,
/// counted.
inline constexpr std::size_t mailbox_bytes_max = 16 * 1024 * 1024;
/// Longest time the broker takes to say goodbye and to send what is unsent when it stops.
inline constexpr Milliseconds drain{10'000};
/// Bytes waiting for the journal before connections with a held acknowledgement pause; soft.
inline constexpr std::size_t journal_queue_bytes_max = 64 * 1024 * 1024;
/// Answers of one connection that wait for the store; then it is not read until all have left.
inline constexpr std::size_t held_packets_max = 16'384;
/// Bytes and entries of one journal batch; a single `Persist` is never split.
inline constexpr std::size_t journal_batch_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t journal_batch_entries_max = 4096;
/// Larger messages are stored once and referred to when several queues hold them.
inline constexpr std::size_t inline_bytes_max = 512;
/// Interval in which changed last values are handed to the journal.
inline constexpr Milliseconds lkv_flush{200};
/// Unsynced records are synced at least so often.
inline constexpr Milliseconds wal_sync{1000};
/// Bytes of unsynced records kept in RAM for a second try; more forces a sync.
inline constexpr std::size_t journal_unsynced_bytes_max = 16 * 1024 * 1024;
/// Pause between two attempts to open a failed store again.
inline constexpr Milliseconds store_retry{5000};
/// Attempts in a row that end in an input/output error; then the broker exits with 75.
inline constexpr int store_failures_max = 3;
/// After a start, wills of sessions that have not come back wait so long.
inline constexpr std::uint32_t will_grace_s = 30;
/// Granularity of every timer: nothing fires early, and at most so much late.
inline constexpr Milliseconds timer_tick{100};
/// Largest file with a secret (key, password, users); a larger one is refused at start and reload.
inline constexpr std::size_t secret_file_size_bytes_max = 16 * 1024 * 1024;
/// Open connections of one admin listener; a further one is closed at once.
inline constexpr std::size_t http_connections_max = 32;
/// Bytes of an HTTP request's line and header; more is 431.
inline constexpr std::uint32_t http_header_bytes_max = 8 * 1024;
/// Bytes of an HTTP request's body; more is 413.
inline constexpr std::uint32_t http_body_bytes_max = 64 * 1024;
/// A whole HTTP request must arrive within it, from accept or the answer before on; the same for
/// the client to take an answer. Then the connection is closed.
inline constexpr Milliseconds http_request_deadline{5'000};
/// What a page waits for the core; then it is sent without, and /healthz says 503.
inline constexpr Milliseconds http_patience{2'000};
/// What a reload may take, with all files it reads; then it is 503.
inline constexpr Milliseconds http_reload_patience{20'000};
/// Pages that wait for the core at once; a further one is sent without it.
inline constexpr std::size_t http_core_askers_max = 128;
/// Users of the users file; a further line is a fault of the file.
inline constexpr std::size_t users_max = 100'000;
/// Bytes of a user's name; longer ones are a fault of the file.
inline constexpr std::size_t user_name_size_bytes_max = 256;
/// Rules of the rules file; a further one is a fault of the file.
inline constexpr std::size_t user_rules_max = 100'000;
/// Faults of one file that are reported.
inline constexpr std::size_t file_faults_max = 20;
/// Bytes of a users or rules file.
inline constexpr std::size_t users_file_size_bytes_max = 32 * 1024 * 1024;
/// Threads that hash passwords, each with at most 64 MiB.
inline constexpr std::size_t hash_threads = 2;
/// Passwords waiting for them; then the address with most of them loses one, or a further login
/// gets 0x89.
inline constexpr std::size_t hash_queue_max = 64;
/// Those among them of names whose right password has not come from their address yet: whoever
/// guesses from many addresses leaves room for the others.
inline constexpr std::size_t hash_queue_strangers_max = 48;
/// Logins under way at once of a name whose right password has come from its address; a further one
/// gets 0x9F.
inline constexpr std::uint32_t login_fleet_pending_max = 32;
/// Wrong passwords of one name from one address before its logins are spaced out (0x9F).
inline constexpr std::uint32_t login_failures_free = 3;
/// Wrong passwords from one address, whatever the names, before unknown ones are spaced out.
inline constexpr std::uint32_t login_failures_free_address = 20;
/// First and longest distance between two logins that are spaced out; it doubles with each failure.
inline constexpr Milliseconds login_backoff_min{1'000};
inline constexpr Milliseconds login_backoff_max{32'000};
/// Longest distance for an address: others may sit behind it.
inline constexpr Milliseconds login_backoff_address_max{4'000};
/// Failures are forgotten so long after the last one.
inline constexpr Milliseconds login_backoff_memory{600'000};
/// Names with address, and addresses, whose logins are remembered; the oldest is forgotten.
inline constexpr std::size_t login_backoffs_max = 10'000;
/// Audit records waiting for their writer, and their bytes; further ones are lost, counted and told
/// by an `audit.gap`.
inline constexpr std::size_t audit_queue = 65'536;
inline constexpr std::size_t audit_queue_bytes_max = 32 * 1024 * 1024;
/// Different audit records of one second whose repetitions become one; further ones stand alone.
inline constexpr std::size_t audit_folds_max = 1024;
/// Bytes of one text of an audit record; a longer one is cut.
inline constexpr std::size_t audit_text_size_bytes_max = 1024;
/// Audit records and time from one signed checkpoint to the next.
inline constexpr std::size_t audit_checkpoint_records = 256;
inline constexpr Milliseconds audit_checkpoint_interval{10'000};
/// Bytes and age of a file of the audit log; then another begins.
inline constexpr std::uint64_t audit_file_size_bytes_max = 16 * 1024 * 1024;
inline constexpr Milliseconds audit_file_age_max{24 * 3600 * 1000};
/// Files of the audit log; the oldest is deleted, which is a record.
inline constexpr std::size_t audit_files_max = 64;
/// A file of the audit log; a larger one is not read: the broker does not write such.
inline constexpr std::size_t audit_file_read_bytes_max = 1088ul * 1024 * 1024;
/// Pause between two attempts to write the audit log when the disk does not take it.
inline constexpr Milliseconds audit_retry{1'000};
/// Faults of an audit log that are reported.
inline constexpr std::size_t audit_faults_max = 100;
/// Bytes of a policy document; a larger one is refused and the old policy stays.
inline constexpr std::size_t policy_document_size_bytes_max = 8 * 1024 * 1024;
/// Zones of a policy: one byte numbers them. One more is an error of the document.
inline constexpr std::size_t policy_zones_max = 255;
/// Roles of a policy; one more is an error of the document.
inline constexpr std::size_t policy_roles_max = 1024;
/// Conduits of a policy; one more is an error of the document.
inline constexpr std::size_t policy_conduits_max = 4096;
/// Everything in a policy that can decide: zones, roles, conduits and their filters, two bytes
/// number them. One more is an error of the document.
inline constexpr std::size_t policy_rules_max = 60'000;
/// Errors and lints of one document that are reported; then one says how many were left out.
inline constexpr std::size_t policy_diagnostics_max = 100;
/// The window in which anomaly rules count.
inline constexpr Milliseconds anomaly_window{10'000};
/// Windows of a principal or conduit until something is expected of it, and those its average
/// reaches back.
inline constexpr std::uint32_t anomaly_warm_up_windows = 60;
inline constexpr std::uint32_t anomaly_memory_windows = 360;
/// Time from the start on in which no principal is a stranger.
inline constexpr Milliseconds anomaly_learning{3600 * 1000};
/// Anomaly rules; a further one is a fault of the configuration.
inline constexpr std::size_t anomaly_rules_max = 32;
/// Principals and conduits that are watched; a further one is not, counted, until another one has
/// done nothing for as long as the average reaches back.
inline constexpr std::size_t anomaly_subjects_max = 65'536;
/// Those that are judged in one turn.
inline constexpr std::size_t anomaly_slice = 1'000;
/// Places for topics that somebody has used (8 bytes each); then the older of two is forgotten and
/// would be new again.
inline constexpr std::size_t anomaly_topics_max = 128 * 1024;
/// Events between two looks at them; further ones are dropped, counted.
inline constexpr std::size_t anomaly_events_max = 256;
/// Certificates remembered for the time after the end of the revocation lists; from here on the
/// oldest are forgotten, and then refused like unknown ones.
inline constexpr std::size_t fresh_certificates_max = 65'536;
/// Certificates of connected clients whose ends are watched; above it all are looked up anew.
inline constexpr std::size_t certificate_ends_max = 65'536;
/// What a reload waits for all shards to meet a new policy; then it says that they have not.
inline constexpr Milliseconds policy_patience{10'000};
/// Rates that are counted at once, by conduit and principal; above it new ones wait.
inline constexpr std::size_t rate_buckets_max = 100'000;
/// Bytes of a Sparkplug STATE that are looked at for whether its host is offline.
inline constexpr std::size_t state_payload_bytes_max = 4096;
/// Longest time a role is lent in an emergency.
inline constexpr Milliseconds break_glass_max{4 * 3600 * 1000};
/// Islands and quarantines that hold although the store has no room for them; more are refused.
inline constexpr std::ptrdiff_t unkept_overrides_max = 1'000;
/// Certificates that were seen are written down at most so often.
inline constexpr Milliseconds known_certificates_pause{60'000};
/// The wall clock was set back by this much, in one step or several: that is said, and roles that
/// were lent for a time end.
inline constexpr Milliseconds clock_set_back{60'000};
/// Differences between the policy in force and its shadow that are listed; others are counted.
inline constexpr std::size_t shadow_differences_max = 1000;
/// Flows without a conduit that are learned, and levels of their topics; others are counted.
inline constexpr std::size_t learned_flows_max = 2000;
inline constexpr std::size_t learned_levels_max = 8;
/// Messages interceptors may add to one packet; a further one is refused, counted.
inline constexpr std::size_t added_messages_max = 256;
/// Messages extensions may make behind one packet; a further one is refused, counted.
inline constexpr std::size_t extension_messages_max = 65'536;
/// What interceptors may keep in the store, items and bytes of one; more is refused, counted.
inline constexpr std::size_t kept_items_max = 10'000;
inline constexpr std::size_t kept_item_bytes_max = 64 * 1024;
/// Work of one turn when the policy has changed: connections or subscriptions that are easy to look
/// at. One with a wide filter under a large policy counts for as many as it takes. As much again
/// may go into new subscriptions; a SUBSCRIBE that needs more goes on in the next turn.
inline constexpr std::size_t relate_slice = 256;
/// Answers about Topic Filters that are remembered by policy class; then all are forgotten.
inline constexpr std::size_t filter_verdicts_max = 16'384;
/// Steps through a policy that look for what a filter may receive; further on the answer is that
/// each topic has to be asked for.
inline constexpr std::uint32_t relate_steps_max = 65'536;
/// Steps that cost as much as one easy look.
inline constexpr std::uint32_t relate_steps_easy = 64;
/// Log records waiting for the writer thread; then further ones are dropped and counted.
inline constexpr std::size_t log_queue = 8192;
/// Metrics of one Sparkplug payload; one with more is forwarded but not understood.
inline constexpr std::size_t sparkplug_metrics_max = 100'000;
/// Messages and groups in each other below a Sparkplug metric (a template's member is two); a
/// payload with more is forwarded but not understood.
inline constexpr std::size_t sparkplug_nesting_max = 32;
/// Edge nodes whose state is tracked; a further one is plain MQTT, counted.
inline constexpr std::size_t sparkplug_nodes_max = 10'000;
/// Those of them that were never born (data without an NBIRTH): the oldest is forgotten.
inline constexpr std::size_t sparkplug_unborn_nodes_max = 1'000;
/// Devices in all, and of one edge node; a further one is plain MQTT, counted.
inline constexpr std::size_t sparkplug_devices_max = 100'000;
inline constexpr std::size_t sparkplug_devices_per_node_max = 10'000;
/// Metrics with a last value in all; what a birth names beyond it has none, counted.
inline constexpr std::size_t sparkplug_metrics_total_max = 2'000'000;
/// Bytes of last values that are no numbers; a value for which there is no room is null, counted.
inline constexpr std::size_t sparkplug_value_bytes_max = 256 * 1024 * 1024;
/// Messages and bytes of one edge node, and bytes of all, that wait for a missing one; more and it
/// counts as lost.
inline constexpr std::size_t sparkplug_reorder_messages_max = 64;
inline constexpr std::size_t sparkplug_reorder_bytes_max = 1024 * 1024;
inline constexpr std::size_t sparkplug_reorder_bytes_total_max = 64 * 1024 * 1024;
/// How long a missing message of a bridge is waited for.
inline constexpr Milliseconds sparkplug_reorder_timeout{2'000};
/// Host applications whose STATE is tracked; a further one is plain MQTT, counted.
inline constexpr std::size_t sparkplug_hosts_max = 1'000;
/// Connections with an NDEATH will or with births; of a further one a loss is not noticed, counted.
inline constexpr std::size_t sparkplug_sessions_max = 20'000;
/// Least and longest distance of two rebirth requests to one edge node.
inline constexpr Milliseconds sparkplug_rebirth_interval{5'000};
inline constexpr Milliseconds sparkplug_rebirth_interval_max{300'000};
/// Rebirth requests per second to all edge nodes.
inline constexpr std::uint32_t sparkplug_rebirths_per_s = 50;
/// Rebirth requests an edge node leaves unanswered until that is an event.
inline constexpr std::uint32_t sparkplug_rebirths_unanswered_max = 8;
/// Difference of an edge node's clock and ours that is a finding.
inline constexpr Milliseconds sparkplug_clock_skew{60'000};
/// Bytes of one record of last values in the store; a larger value is not stored, counted.
inline constexpr std::size_t sparkplug_kept_bytes_max = 60 * 1024;
/// Least distance of two events about the same limit.
inline constexpr Milliseconds sparkplug_limit_report{10'000};
/// How long a changed value may wait for its way to the store, and the records of one tick.
inline constexpr Milliseconds sparkplug_write_behind{1'000};
inline constexpr std::size_t sparkplug_write_slice = 256;
/// Bytes of births one SUBSCRIBE that asks for a snapshot gets; behind it edge nodes are left out,
/// counted.
inline constexpr std::size_t sparkplug_snapshot_bytes_max = 8 * 1024 * 1024;
/// Least distance of two $SYS messages about an edge node, and edge nodes of one tick.
inline constexpr Milliseconds sparkplug_sys_interval{1'000};
inline constexpr std::size_t sparkplug_sys_slice = 64;
/// Sparkplug metrics that meet on one topic and are reported by name before somebody has looked;
/// further ones are only without a topic.
inline constexpr std::size_t sparkplug_collisions_reported_max = 64;

}  // namespace lineshaft::limits
