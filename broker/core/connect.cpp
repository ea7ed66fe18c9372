// CONNECT: who is it, which session, what is promised (MQTT 5.0 section 3.1.4).
#include <algorithm>
#include <tuple>
#include <utility>

#include "broker/base/audit.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/peer_address.h"
#include "broker/core/topic_name.h"
#include "broker/mqtt/encoder.h"

namespace lineshaft::core {
namespace {

/// A session is its owner's. Nobody owns what open access or a client without a name has made.
bool is_anothers(const Session& session, const Principal& principal) {
  const bool owned = session.owner && !session.owner->is_anonymous();
  return owned && !is_same(*session.owner, principal);
}

/// The policy answers the same for both.
bool has_same_claims(const Principal& one, const Principal& other) {
  const auto claims = [](const Principal& p) {
    return std::tie(p.name, p.strength, p.zone, p.roles, p.tls, p.listener, p.issuer_spki);
  };
  return family_of(one.proof) == family_of(other.proof) && claims(one) == claims(other);
}

}  // namespace

void Core::on_connect(ConnectionState& connection, mqtt::ConnectPacket& packet) {
  connection.version = packet.version;
  connection.packet_size_bytes_max = packet.maximum_packet_size;
  connection.problem_information = packet.request_problem_information;
  emit_effect(connection, Configure{connection.ref(), packet.version, packet.maximum_packet_size,
                                    packet.request_problem_information,
                                    std::min(packet.topic_alias_maximum,
                                             limits_of(connection).topic_alias_out_max)});
  const bool assigned = packet.client_id.empty();
  ReasonCode refused = check_connect(connection, packet);
  if (!is_failure(refused)) {
    if (assigned) packet.client_id = assign_client_id();  // [MQTT-3.1.3-6], [MQTT-3.1.3-7]
    refused = check_rights(connection, packet);
    if (!is_failure(refused)) refused = check_quotas(connection, packet);
  }
  if (is_failure(refused)) {
    refuse_connect(connection, {refused, "MQTT-3.1.4-2"}, true);
    return;
  }

  // [MQTT-3.1.3-2] the identifier names the session. [MQTT-3.1.4-4] take over, resume or begin.
  Session* session = sessions_.find(packet.client_id);
  if (session != nullptr && session->connected) {
    // What it has sent to us before counts, a DISCONNECT too: the session may be over behind it.
    end_subscribe(session->connection);
    session = sessions_.find(packet.client_id);
  }
  bool session_present = false;
  // `check_rights` lets pass whose owner is gone: the session ends, nobody else reads it.
  if (session != nullptr && connection.admission) {
    packet.clean_start |= is_anothers(*session, *connection.admission->principal);
  }
  if (session != nullptr) session_present = take_over(*session, packet);
  if (!session_present) {
    // [MQTT-3.1.2-4], [MQTT-3.1.2-6]
    session = &sessions_.create(std::move(packet.client_id));
    session->sid = next_seq();
    session->related_epoch = policy_epoch_;
    // "No session" is as much a promise as a session: it waits until the old one is erased.
    session->state_seq = session_erase_seq_;
  }
  attach(connection, *session, packet, granted_expiry_s(connection, packet));
  count(Counter::connects_accepted);
  LINESHAFT_LOG(core, info, "client_connected", {"client_id", session->client_id},
                {"peer", connection.peer ? connection.peer->address : std::string()},
                {"version", static_cast<int>(packet.version)}, {"session_present", session_present},
                {"expiry_s", session->expiry_interval_s});
  send_connack(connection, packet, *session, session_present, assigned);
}

ReasonCode Core::check_connect(const ConnectionState& connection,
                               const mqtt::ConnectPacket& packet) {
  if (draining_) return ReasonCode::server_unavailable;
  if (connection.admission) {
    if (is_failure(connection.admission->reason)) return connection.admission->reason;
  } else if (packet.authentication_method) {
    // Where nobody is asked who he is there is no method: [MQTT-4.12.0-1], [MQTT-4.12.0-4].
    return ReasonCode::bad_authentication_method;
  }
  if (packet.will && starts_with_dollar(packet.will->message->topic())) {
    return ReasonCode::topic_name_invalid;
  }
  if (too_full_for(packet)) return ReasonCode::quota_exceeded;
  if (sessions_.size() >= config_.sessions_max && sessions_.find(packet.client_id) == nullptr) {
    count(Counter::sessions_refused_limit);
    return ReasonCode::quota_exceeded;
  }
  const bool needs_store = granted_expiry_s(connection, packet) > 0 || packet.will;
  if (needs_store && config_.has_store && !store_state_.accepts_writes) {
    // Short of space, who has a session may come back and empty its queue: that needs next to none.
    const Session* const known = sessions_.find(packet.client_id);
    const bool comes_back = known != nullptr && known->stored && !known->ended &&
                            !packet.clean_start && !is_expired(*known) &&
                            store_state_.refusal == ReasonCode::quota_exceeded;
    if (!comes_back) return ReasonCode::server_unavailable;
  }
  return ReasonCode::success;
}

/// May this principal connect, use this session and leave this will?
ReasonCode Core::check_rights(const ConnectionState& connection,
                              const mqtt::ConnectPacket& packet) {
  if (!connection.admission) {
    return interceptor_ ? ReasonCode::not_authorized : ReasonCode::success;
  }
  const PrincipalPtr& principal = connection.admission->principal;
  const Subject subject{*principal, packet.client_id};
  // A session of this identifier may have another connection.
  const auto deny = [&](std::string_view type, std::string_view op, std::string_view topic,
                        ReasonCode reason, const Cause& cause) {
    AuditRecord record = denial(type, op, subject, topic, reason, cause);
    record.address =
        connection.peer ? address_without_port(connection.peer->address) : std::string_view();
    audit(record);
  };
  ConnectVerdict verdict;
  if (interceptor_) verdict = interceptor_->on_connect(subject);
  if (is_failure(verdict.reason)) {
    deny("connect_denied", "connect", {}, verdict.reason, verdict.cause);
    return verdict.reason;
  }
  Session* const known = sessions_.find(packet.client_id);
  // A session with all that waits in it is its owner's; who takes it over would read its messages
  // and disconnect its client.
  const bool taken =
      known != nullptr && !known->ended && !is_expired(*known) && is_anothers(*known, *principal);
  // An owner that is no user any more does not keep the identifier from others.
  const bool gone = taken && interceptor_ && interceptor_->is_gone(*known->owner);
  if (taken && !gone && is_failure(verdict.taken)) {
    count(Counter::takeovers_denied);
    LINESHAFT_LOG(core, warn, "takeover_denied", {"client_id", packet.client_id},
                  {"owner", known->owner->name}, {"user", principal->name},
                  {"peer", connection.peer ? connection.peer->address : std::string()});
    deny("takeover_denied", "connect", {}, verdict.taken, {});
    return verdict.taken;
  }
  if (!interceptor_ || !packet.will) return ReasonCode::success;
  const Message& will = *packet.will->message;
  const PublishVerdict may_leave =
      interceptor_->on_will(subject, will, Interceptor::WillMoment::stored);
  if (is_failure(may_leave.reason)) {
    deny("will_refused", "will", will.topic(), may_leave.reason, may_leave.cause);
  }
  return may_leave.reason;
}

/// The session's owner is here, perhaps with other claims than before: nothing that was found out
/// about him counts any more.
void Core::take_owner(Session& session, const PrincipalPtr& owner) {
  const bool same = session.owner && has_same_claims(*session.owner, *owner);
  const bool same_zone = zone_of(session) == owner->zone;
  quotas_.pass_session(session.owner.get(), owner.get());
  session.owner = owner;
  if (!same_zone) change_groups(session);
  if (same) return;
  session.policy_epoch = 0;
  session.publisher = 0;
  session.relating.reset();
  relate_later(session);
}

/// What an identity may have in all. Who comes back to its session, or takes over its own
/// connection, has nothing more than before.
ReasonCode Core::check_quotas(const ConnectionState& connection,
                              const mqtt::ConnectPacket& packet) {
  if (!connection.admission || connection.admission->principal->is_anonymous()) {
    return ReasonCode::success;
  }
  const Principal& principal = *connection.admission->principal;
  const Session* const known = sessions_.find(packet.client_id);
  const bool own = known != nullptr && known->owner && is_same(*known->owner, principal);
  const Quotas::Use use = quotas_.of(principal);
  const ClientLimits& limits = limits_of(connection);
  const std::size_t others_connected = use.connections - (own && known->connected ? 1 : 0);
  const bool too_many_clients = limits.connections_per_identity_max != 0 &&
                                others_connected >= limits.connections_per_identity_max;
  const bool too_many_sessions = limits.sessions_per_identity_max != 0 && !own &&
                                 use.sessions >= limits.sessions_per_identity_max;
  if (!too_many_clients && !too_many_sessions) return ReasonCode::success;
  count(too_many_clients ? Counter::connections_refused_identity
                         : Counter::sessions_refused_identity);
  LINESHAFT_LOG(
      core, warn, "identity_limit_reached", {"user", principal.name},
      {"client_id", packet.client_id},
      {"limit", too_many_clients ? "connections_per_identity_max" : "sessions_per_identity_max"});
  return ReasonCode::quota_exceeded;
}

/// What cannot be read as a CONNECT. Only a v5 client is told what is wrong with it; 3.x has codes
/// for its level and its identifier, for everything else it is just closed [MQTT-3.1.4-1].
void Core::refuse_malformed_connect(ConnectionState& connection, const mqtt::Violation& violation) {
  connection.version = violation.version;
  emit_effect(connection, Configure{connection.ref(), violation.version});
  // [MQTT-3.1.0-1] what does not begin with CONNECT gets no answer at all.
  const bool is_connect = violation.error.clause != "MQTT-3.1.0-1";
  const bool has_code =
      violation.version == mqtt::Version::v5 ||
      violation.error.reason == ReasonCode::unsupported_protocol_version ||  // [MQTT-3.1.2-2]
      violation.error.reason == ReasonCode::client_identifier_not_valid;     // [MQTT-3.1.3-8]
  refuse_connect(connection, violation.error, is_connect && has_code);
}

void Core::refuse_connect(ConnectionState& connection, const Error& error, bool told) {
  count(Counter::connects_refused);
  LINESHAFT_LOG(core, warn, "connect_refused",
                {"peer", connection.peer ? connection.peer->address : std::string()},
                {"reason", to_string(error.reason)}, {"clause", error.clause});
  if (told) {
    auto packet = std::make_unique<mqtt::ConnackPacket>();
    packet->reason = error.reason;  // [MQTT-3.2.2-6] Session Present stays 0
    emit_effect(connection, Acknowledge{connection.ref(), OutPacket{std::move(packet)}});
  }
  drop_connection(connection, error.reason);  // [MQTT-3.2.2-7], [MQTT-4.13.2-1]
}

std::string Core::assign_client_id() {
  for (;;) {
    std::string id = fmt::format("auto-{:016x}", random_());
    if (sessions_.find(id) == nullptr) return id;  // [MQTT-3.2.2-16]
  }
}

std::uint32_t Core::granted_expiry_s(const ConnectionState& connection,
                                     const mqtt::ConnectPacket& packet) const {
  return std::min(packet.session_expiry_interval_s, limits_of(connection).session_expiry_s_max);
}

/// Deals with what is left of an earlier connection; true when the session goes on.
bool Core::take_over(Session& session, const mqtt::ConnectPacket& packet) {
  if (session.connected) {
    count(Counter::takeovers);
    ConnectionState& old = connection_of(session);
    LINESHAFT_LOG(core, info, "client_taken_over", {"client_id", session.client_id},
                  {"peer", old.peer ? old.peer->address : std::string()});
    if (old.connack_sent && old.version == mqtt::Version::v5) {
      auto bye = std::make_unique<mqtt::DisconnectPacket>();
      bye->reason = ReasonCode::session_taken_over;  // [MQTT-3.1.4-3]
      emit_effect(old, Acknowledge{old.ref(), OutPacket{std::move(bye)}});
    }
    drop_connection(old, ReasonCode::session_taken_over);
    detach(session);
    // The old connection is closed and a delay of 0 has passed [MQTT-3.1.2-8].
    if (session.will && session.will->delay_interval_s == 0) publish_will(session);
    // A session with expiry 0 has ended with its connection [MQTT-4.1.0-2].
    if (session.expiry_interval_s == 0) session.ended = true;
  }
  const bool over = session.ended || packet.clean_start || is_expired(session);
  if (!over) return true;  // [MQTT-3.1.2-5]
  // Clean Start 1 or an expired session: it ends here, its will goes out before the CONNACK.
  end_session(session);
  return false;
}

void Core::attach(ConnectionState& connection, Session& session, mqtt::ConnectPacket& packet,
                  std::uint32_t expiry_s) {
  if (session.expiry_timer) timers_.cancel(*session.expiry_timer);
  session.expiry_timer.reset();
  // [MQTT-3.1.3-9] back within the delay: the old will is not sent.
  clear_will(session);
  session.version = packet.version;
  session.expiry_interval_s = expiry_s;  // [MQTT-3.1.2-23]
  session.connected = true;
  session.connection = connection.id;
  session.overflow_logged = session.too_large_logged = false;
  session.subscriptions_full_logged = session.slowed_logged = false;
  session.retained_full_logged = false;
  ++connected_;
  statistics_.connections_most = std::max(statistics_.connections_most, connected_);
  for (auto& incoming : session.incoming) incoming.counted = false;

  if (connection.admission) {
    connection.principal = connection.admission->principal;
    take_owner(session, connection.principal);
    connection.authentication_method = packet.authentication_method.value_or("");
  }
  quotas_.connected(session.owner.get());
  const ClientLimits& limits = limits_of(connection);
  session.limits = &limits;
  connection.accepted = true;
  connection.session = session.index;
  connection.window = std::min(packet.receive_maximum, limits.inflight_out_max);
  connection.receive_maximum = limits.receive_maximum;
  // [MQTT-3.2.2-21], [MQTT-3.2.2-22] what CONNACK names is what is enforced.
  const std::uint16_t keep_alive_s =
      limits.keep_alive_s_max != 0 &&
              (packet.keep_alive_s == 0 || packet.keep_alive_s > limits.keep_alive_s_max)
          ? limits.keep_alive_s_max
          : packet.keep_alive_s;
  connection.silence_max = Milliseconds{1500} * keep_alive_s;  // [MQTT-3.1.2-22]
  arm_keep_alive(connection);

  if (expiry_s > 0 && config_.has_store) session.stored = true;
  if (session.stored) record_session(session, true);
  if (packet.will) set_will(session, std::move(*packet.will), expiry_s);
  if (watcher_) watch(connection, session);
  if (!extensions_.empty()) show_connected(session);
}

void Core::send_connack(ConnectionState& connection, const mqtt::ConnectPacket& packet,
                        Session& session, bool session_present, bool assigned) {
  // [MQTT-3.1.4-5], [MQTT-3.2.0-2]. There is no Response Information [MQTT-3.1.2-28].
  auto connack = std::make_unique<mqtt::ConnackPacket>();
  connack->session_present = session_present;  // [MQTT-3.2.2-2], [MQTT-3.2.2-3]
  if (session.expiry_interval_s != packet.session_expiry_interval_s) {
    connack->session_expiry_interval_s = session.expiry_interval_s;
  }
  connack->receive_maximum = connection.receive_maximum;
  connack->maximum_packet_size = limits_of(connection).packet_size_bytes_max;
  connack->topic_alias_maximum = limits_of(connection).topic_alias_in_max;
  if (!connection.authentication_method.empty()) {
    // [MQTT-4.12.0-5] the method and its last word; without one neither [MQTT-4.12.0-6].
    connack->authentication_method = connection.authentication_method;
    connack->authentication_data = std::move(connection.admission->data);
  }
  connection.admission.reset();
  if (assigned) connack->assigned_client_identifier = session.client_id;
  const auto enforced_s = static_cast<std::uint16_t>(connection.silence_max.count() / 1500);
  if (enforced_s != packet.keep_alive_s) connack->server_keep_alive_s = enforced_s;
  const std::uint32_t size_max = connection.packet_size_bytes_max;
  std::string bytes;
  if (size_max != 0 && !mqtt::encode(*connack, {packet.version, size_max, false}, bytes)) {
    // Without CONNACK nothing may follow: a client that cannot take it cannot be served.
    LINESHAFT_LOG(core, warn, "connack_too_large", {"client_id", session.client_id},
                  {"packet_size_max", size_max});
    close_with(connection, ReasonCode::packet_too_large);
    return;
  }
  acknowledge(connection, std::move(connack), session.state_seq);
}

void Core::after_connack(ConnectionState& connection) {
  connection.connack_sent = true;
  Session& session = sessions_.at(connection.session);
  for (auto& [filter, subscription] : session.subscriptions) {
    // A replay that the last connection did not finish starts again. One that this client asked for
    // before its CONNACK left waits for its SUBACK.
    const bool starts = subscription.replay_pending && !subscription.replaying;
    if (starts) start_replay(session, filter, subscription, 0);
  }
  send_waiting_qos0(session, connection);
  pump(session);
  release_replays(session, 0);
}

}  // namespace lineshaft::core
