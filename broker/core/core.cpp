#include "broker/core/core.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::core {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

Core::Core(CoreConfig config, std::size_t shards, std::uint64_t seed,
           std::shared_ptr<Interceptor> interceptor)
    : config_(std::move(config)),
      interceptor_(std::move(interceptor)),
      context_(make_context()),
      random_(seed),
      connections_(shards),
      subscriptions_(seed),
      topics_(subscriptions_, seed) {
  if (interceptor_) interceptor_->on_install(*context_);
}

void Core::begin(Now now, Effects& effects) {
  // A clock behind the last stored time (no battery) stands still until it has passed it.
  now_ = {now.steady, std::max(now.wall, wall_floor_)};
  effects_ = &effects;
}

void Core::apply(Now now, Input input, Effects& effects) {
  begin(now, effects);
  std::visit(Overloaded{
                 [this](PacketsArrived& in) { on_packets(std::move(in)); },
                 [this](ConnectionOpened& in) { open_connection(std::move(in)); },
                 [this](const ConnectionLost& in) {
                   if (auto* c = connections_.find(in.connection)) on_lost(*c, in.because);
                 },
                 [this](const ReadingPaused& in) {
                   auto* c = connections_.find(in.connection);
                   if (c != nullptr) set_paused(*c, &ConnectionState::paused_by_net, in.paused);
                 },
                 [this](const OutboxDrained& in) {
                   auto* c = connections_.find(in.connection);
                   if (c == nullptr || !c->accepted) return;
                   Session& session = sessions_.at(c->session);
                   session.replay_waits = false;
                   continue_replays(session);
                 },
                 [this](const TimeAdvanced&) { on_time(); },
                 [this](const StoreCommitted& in) { on_committed(in.seq); },
                 [this](const StoreStateChanged& in) { on_store_state(in); },
                 [this](QueueLoaded& in) { on_queue_loaded(std::move(in)); },
                 [this](const Request& in) { on_request(in); },
                 [this](Reconfigured& in) { reconfigure(std::move(in.config)); },
                 [this](PolicyChanged& in) { change_policy(std::move(in)); },
                 [this](const Reauthenticated& in) {
                   auto* c = connections_.find(in.connection);
                   if (c != nullptr && c->reauthenticates) on_reauthenticated(*c, *in.admission);
                 },
                 [this](const OverloadChanged& in) { on_overload(in.level); },
                 [this](const FencePassed& in) { on_fence_passed(in.number); },
             },
             input);
  if (interceptor_) serve_interceptor();
  if (extensions_.is_due()) serve_extensions();
  close_overflowed();
  effects_ = nullptr;
}

void Core::open_connection(ConnectionOpened input) {
  ConnectionState& connection = connections_.open(std::move(input));
  connection.last_packet = now_.steady;
  if (!connection.peer) return;
  const auto found = config_.listeners.find(connection.peer->listener);
  if (found != config_.listeners.end()) connection.limits = &found->second;
}

/// What sessions, decoders and the store were set up with stays as it was.
void Core::reconfigure(CoreConfig config) {
  // Connections and sessions point at these limits: only their content changes.
  for (const auto& [name, limits] : config.listeners) {
    const auto [known, is_new] = config_.listeners.try_emplace(name, limits);
    if (is_new) continue;
    const ClientLimits before = std::exchange(known->second, limits);
    known->second.packet_size_bytes_max = before.packet_size_bytes_max;
    known->second.topic_alias_in_max = before.topic_alias_in_max;
  }
  config.listeners = std::move(config_.listeners);
  config.has_store = config_.has_store;
  config.durability = config_.durability;
  config.packet_size_bytes_max = config_.packet_size_bytes_max;
  config.topic_alias_in_max = config_.topic_alias_in_max;
  config.queue_window = config_.queue_window;
  config.queue_page = config_.queue_page;
  config_ = std::move(config);
}

void Core::on_packets(PacketsArrived input) {
  ConnectionState* connection = connections_.find(input.connection);
  if (connection == nullptr || draining_) return;
  connection->last_packet = now_.steady;
  count(Counter::packets_received, input.packets.size());
  take_packets(input.connection, input.packets);
}

/// In their order: what stands behind a SUBSCRIBE that takes several turns waits with it.
void Core::take_packets(const ConnectionId& id, std::vector<mqtt::Packet>& packets) {
  for (auto packet = packets.begin(); packet != packets.end(); ++packet) {
    // A packet may have closed the connection: nothing of it is processed any more [MQTT-3.1.4-6].
    ConnectionState* const connection = connections_.find(id);
    if (connection == nullptr) return;
    if (connection->subscribing) {
      auto& behind = connection->subscribing->behind;
      std::move(packet, packets.end(), std::back_inserter(behind));
      return;
    }
    on_packet(*connection, *packet);
    // Asked here: a call for each packet would cost as much as the verdict.
    if (!policy_.added.empty()) publish_added();
    if (extensions_.is_due()) serve_extensions();
  }
}

void Core::on_packet(ConnectionState& connection, mqtt::Packet& packet) {
  if (auto* publish = std::get_if<mqtt::PublishPacket>(&packet)) {
    on_publish(connection, *publish);
    return;
  }
  std::visit(
      Overloaded{
          [&](const mqtt::AckPacket& in) { on_ack(connection, in); },
          [&](const mqtt::PingreqPacket&) {
            // [MQTT-3.12.4-1] at once, also while acknowledgements wait for the disk.
            if (connection.connack_sent) {
              emit(connection, mqtt::PingrespPacket{}, false);
            } else {
              acknowledge(connection, mqtt::PingrespPacket{}, 0);
            }
          },
          [&](std::unique_ptr<mqtt::ConnectPacket>& in) {
            if (connection.accepted) {
              violate(connection, {ReasonCode::protocol_error, "MQTT-3.1.0-2"});
            } else {
              on_connect(connection, *in);
            }
          },
          [&](std::unique_ptr<mqtt::SubscribePacket>& in) {
            on_subscribe(connection, std::move(in));
          },
          [&](std::unique_ptr<mqtt::UnsubscribePacket>& in) { on_unsubscribe(connection, *in); },
          [&](std::unique_ptr<mqtt::DisconnectPacket>& in) { on_disconnect(connection, *in); },
          [&](std::unique_ptr<mqtt::AuthPacket>& in) { on_auth(connection, *in); },
          [&](const mqtt::Violation& in) {
            if (connection.accepted) {
              violate(connection, in.error);
            } else {
              refuse_malformed_connect(connection, in);
            }
          },
          // The decoder lets no server packet through.
          [&](const auto&) {
            violate(connection, {ReasonCode::protocol_error, "MQTT 2.1.2"});
          },
      },
      packet);
}

void Core::set_paused(ConnectionState& connection, bool ConnectionState::*reason, bool paused) {
  connection.*reason = paused;
  // While we do not read, the client's packets lie in the socket: its clock starts anew.
  if (!paused) connection.last_packet = now_.steady;
}

void Core::pause_reading(ConnectionState& connection, bool ConnectionState::*reason, bool paused) {
  const auto by_us = [&] {
    return connection.paused_by_journal || connection.paused_by_memory ||
           connection.paused_by_watcher || connection.paused_by_subscribe;
  };
  const bool before = by_us();
  set_paused(connection, reason, paused);
  if (by_us() != before) emit_effect(connection, SetReading{connection.ref(), paused});
}

void Core::arm_keep_alive(ConnectionState& connection) {
  if (connection.silence_max == Milliseconds{0}) return;
  connection.keep_alive_due = connection.last_packet + connection.silence_max;
  timers_.add({connection.keep_alive_due, TimerKind::keep_alive, connection.id.slot,
               connection.id.generation, connection.id.shard});
}

void Core::on_keep_alive(ConnectionState& connection) {
  const bool paused = connection.paused_by_net || connection.paused_by_journal ||
                      connection.paused_by_memory || connection.paused_by_watcher ||
                      connection.paused_by_subscribe;
  if (paused) connection.last_packet = now_.steady;
  if (connection.last_packet + connection.silence_max > now_.steady) {
    arm_keep_alive(connection);
    return;
  }
  count(Counter::keep_alive_timeouts);
  LINESHAFT_LOG(core, info, "keep_alive_timeout",
                {"client_id", sessions_.at(connection.session).client_id});
  close_with(connection, ReasonCode::keep_alive_timeout);  // [MQTT-3.1.2-22]
}

void Core::on_time() {
  look_at_clock();
  move_on();  // before the timers: one slice per turn
  std::size_t budget = limits::slice;
  while (budget > 0) {
    const auto key = timers_.pop_due(now_.steady);
    if (!key) break;
    on_timer(*key);
    --budget;
  }
  if (budget == 0) effects_->again = true;
  if (overload_ != OverloadLevel::none && now_.steady >= next_overload_round_) {
    slow_heavy_senders();
  }
  repeat_loads();
  if (watcher_) ask_watcher();
  if (!draining_) wake_extensions();
  if (draining_) {
    flush_values(limits::slice);
    if (!dirty_.empty()) effects_->again = true;
    finish_drain();
    return;
  }
  continue_subscribes();
  if (interceptor_) {
    on_policy_edge();
    sweep_policy();
  }
  // A store in trouble keeps what must be kept; values stay marked until it is well again.
  const bool may_flush = store_state_.accepts_writes;
  if (may_flush && (flushing_ || now_.steady >= next_flush_)) {
    if (!flushing_) next_flush_ = now_.steady + config_.lkv_flush;
    flush_values(limits::slice);
    flushing_ = !dirty_.empty();
    if (flushing_) effects_->again = true;
  }
}

void Core::repeat_loads() {
  for (const WaitingSession& waiting : std::exchange(reload_, {})) {
    Session* const session = sessions_.get(waiting.session, waiting.generation);
    if (session == nullptr) continue;
    session->queue.loading = false;
    refill(*session);
  }
}

void Core::on_timer(const TimerKey& key) {
  if (key.kind == TimerKind::keep_alive) {
    auto* connection = connections_.find({key.shard, key.index, key.generation});
    if (connection != nullptr) on_keep_alive(*connection);
    return;
  }
  if (key.kind == TimerKind::retained_expiry) {
    TopicEntry& entry = topics_.at(key.index);
    if (entry.used && entry.generation == key.generation) on_retained_expiry(key.index);
    return;
  }
  Session* session = sessions_.get(key.index, key.generation);
  if (session == nullptr) return;
  if (key.kind == TimerKind::rate) {
    session->rate_timer.reset();
    pump(*session);
    continue_replays(*session);
    return;
  }
  if (key.kind == TimerKind::will_delay) {
    session->will_timer.reset();
    publish_will(*session);
    if (session->ended) expire_session(*session);
    return;
  }
  session->expiry_timer.reset();
  if (!session->ended) {
    count(Counter::sessions_expired);
    LINESHAFT_LOG(core, info, "session_expired", {"client_id", session->client_id});
  }
  expire_session(*session);
}

void Core::on_request(const Request& request) {
  std::visit(Overloaded{
                 [&](const StatisticsRequest&) {
                   effects_->replies.push_back({request.id, statistics()});
                 },
                 [&](const PublishRequest& what) {
                   for (const auto& message : what.messages) {
                     Publication publication;
                     publication.message = message;
                     publish_now(std::move(publication));
                   }
                 },
                 [&](const DrainRequest&) { on_drain(request.id); },
                 [&](const InterceptorRequest& what) { on_interceptor_request(request.id, what); },
                 [&](const ExtensionRequest& what) { on_extension_request(request.id, what); },
             },
             request.what);
}

void Core::on_drain(std::uint64_t request_id) {
  draining_ = true;
  drain_request_ = request_id;
  answer_fences();
  for (const auto& one : extensions_.list) one.extension->on_stop();
  flush_values(limits::slice);
  if (!dirty_.empty()) effects_->again = true;
  std::vector<ConnectionState*> open;
  connections_.for_each([&](ConnectionState& connection) { open.push_back(&connection); });
  for (ConnectionState* connection : open) {
    connection->drains = true;
    if (connection->held.empty()) flush_held(*connection);
  }
  finish_drain();
}

void Core::finish_drain() {
  if (!draining_ || held_packets_ > 0 || !dirty_.empty() || !drain_request_) return;
  effects_->replies.push_back({*drain_request_, DrainDone{}});
  drain_request_.reset();
}

Statistics Core::statistics() const {
  Statistics result = statistics_;
  result.connections = connected_;
  result.sessions = sessions_.size();
  result.sessions_offline = sessions_.size() - connected_;
  result.shared_groups = shared_.size();
  result.retained = topics_.retained();
  result.last_values = topics_.valued();
  result.topic_entries = topics_.size();
  result.held_acknowledgements = held_packets_;
  result.unflushed_values = dirty_.size();
  result.policy_epoch = policy_epoch_;
  return result;
}

}  // namespace lineshaft::core
