#include "tests/sim/model.h"

#include <algorithm>

#include "broker/core/topic_name.h"

namespace lineshaft::sim {

std::string inner_filter(const std::string& filter) {
  if (!is_shared(filter)) return filter;
  return filter.substr(filter.find('/', 7) + 1);
}

bool is_shared(const std::string& filter) { return filter.rfind("$share/", 0) == 0; }

std::string sub_key(core::SessionId sid, const std::string& filter) {
  return fmt::format("b:{}:{}", sid, filter);
}
std::string in_key(core::SessionId sid, std::uint16_t id) {
  return fmt::format("i:{}:{}", sid, id);
}
std::string out_key(core::SessionId sid, std::uint16_t id) {
  return fmt::format("o:{}:{}", sid, id);
}
std::string queue_key(core::SessionId sid, int message) {
  return fmt::format("q:{}:{}", sid, message);
}

int History::newest_acknowledged() const {
  for (int i = newest(); i > 0; --i) {
    if (entries[static_cast<std::size_t>(i)].acknowledged) return i;
  }
  return 0;
}

int History::place_of(int message) const {
  for (int i = newest(); i > 0; --i) {
    if (entries[static_cast<std::size_t>(i)].message == message) return i;
  }
  return -1;
}

int History::first_place_of(int message) const {
  for (int i = 1; i <= newest(); ++i) {
    if (entries[static_cast<std::size_t>(i)].message == message) return i;
  }
  return -1;
}

Model::Model(const core::CoreConfig& config, Registry& registry, Journal& journal)
    : registry_(registry), journal_(journal) {
  configure(config);
}

void Model::configure(const core::CoreConfig& config) {
  config_ = config;
  inflight_most_ = std::max<std::size_t>(inflight_most_, config.inflight_out_max);
}

void Model::opened(int connection, int client) {
  Connection& c = connections_[connection];
  c.client = client;
}

bool Model::connected(int connection) const {
  const auto at = connections_.find(connection);
  return at != connections_.end() && !at->second.gone;
}

Life* Model::life_of(int connection) {
  const int index = connections_.at(connection).life;
  return index < 0 ? nullptr : &lives_[static_cast<std::size_t>(index)];
}

const Life* Model::life_of_client(int client) const {
  for (const auto& [id, index] : current_) {
    const Life& life = lives_[static_cast<std::size_t>(index)];
    if (life.client == client && !life.ended) return &life;
  }
  return nullptr;
}

bool Model::expired(const Sent& sent, WallTime wall) const {
  if (sent.expiry_s == no_expiry_s) return false;
  return wall >= sent.taken_at + Milliseconds{1000} * static_cast<std::int64_t>(sent.expiry_s - 1);
}

void Model::arrived(int index, const mqtt::Packet& packet, Now now) {
  wall_ = now.wall;
  if (!connected(index)) return;
  ++turn_packets_;
  struct Visitor {
    Model& model;
    int index;
    Now now;
    void operator()(const mqtt::PublishPacket& p) { model.on_publish(index, p, now); }
    void operator()(const mqtt::AckPacket& p) { model.on_ack(index, p); }
    void operator()(const mqtt::PingreqPacket&) { ++model.connections_[index].pings; }
    void operator()(const std::unique_ptr<mqtt::ConnectPacket>& p) {
      model.on_connect(index, *p, now);
    }
    void operator()(const std::unique_ptr<mqtt::SubscribePacket>& p) {
      model.on_subscribe(index, *p, now);
    }
    void operator()(const std::unique_ptr<mqtt::UnsubscribePacket>& p) {
      model.on_unsubscribe(index, *p);
    }
    void operator()(const std::unique_ptr<mqtt::DisconnectPacket>& p) {
      model.on_disconnect(index, *p, now);
    }
    void operator()(const mqtt::Violation&) { broken(); }
    // Packets only a server sends, and AUTH: nothing a client may do.
    void operator()(const mqtt::PingrespPacket&) { broken(); }
    void operator()(const std::unique_ptr<mqtt::ConnackPacket>&) { broken(); }
    void operator()(const std::unique_ptr<mqtt::SubackPacket>&) { broken(); }
    void operator()(const std::unique_ptr<mqtt::AuthPacket>&) { broken(); }
    void broken() {
      model.connections_[index].close_expected = true;
      model.drop_connection(index, now, false);
    }
  };
  std::visit(Visitor{*this, index, now}, packet);
}

void Model::lost(int index, Now now) {
  wall_ = now.wall;
  if (connected(index)) drop_connection(index, now, false);
}

void Model::advanced(Now now) {
  wall_ = now.wall;
  turn_advanced_ = true;
  for (const auto& [id, index] : current_) expire(lives_[static_cast<std::size_t>(index)], now);
}

void Model::closed(int index, Now now) {
  Connection& c = connections_.at(index);
  if (c.closed) violated(Invariant::protocol_kept, "connection {} closed twice", index);
  c.closed = true;
  if (c.gone) return;
  if (draining_) {
    // Sessions and wills stay as they are: the clients come back to the next run.
    c.gone = true;
    if (Life* life = life_of(index)) life->connection = -1;
    return;
  }
  if (config_.overflow != core::Overflow::disconnect) {
    violated(Invariant::protocol_kept, "connection {} closed without a reason", index);
  }
  drop_connection(index, now, false);
}

void Model::persisted(const core::Persist& persist, Now now) {
  std::set<core::SessionId> grown;
  for (const core::Change& change : persist.changes) {
    if (const auto* entry = std::get_if<core::QueueRecord>(&change)) grown.insert(entry->sid);
  }
  const std::size_t most = config_.queued_max + inflight_most_;
  for (const core::SessionId sid : grown) {
    std::size_t size = 0;
    const auto& queue = journal_.latest().queue;
    for (auto at = queue.lower_bound({sid, 0}); at != queue.end() && at->first.first == sid; ++at) {
      ++size;
    }
    if (size > most) {
      violated(Invariant::bounds_kept, "session {} queues {} messages, {} allowed", sid, size,
               config_.queued_max);
    }
    if (size <= config_.queue_window) continue;
    for (Life& life : lives_) {
      if (life.sid == sid) life.spilled = true;
    }
  }
  wills_persisted(persist, now);
}

void Model::turn_over(Now now) {
  for (const auto& [id, index] : current_) {
    Life& life = lives_[static_cast<std::size_t>(index)];
    if (life.sid != 0) continue;
    const auto at = journal_.latest().sessions.find(id);
    if (at != journal_.latest().sessions.end()) life.sid = at->second.sid;
  }
  for (const auto& answer : turn_answers_) resolve(*answer);
  turn_answers_.clear();
  for (const int number : turn_qos2_) {
    if (message(number).dedupe_seq > journal_.synced_seq()) {
      violated(Invariant::acknowledged_after_commit,
               "QoS 2 m{} was delivered before its identifier was stored", number);
    }
  }
  turn_qos2_.clear();
  wills_turn_over(now);
  turn_advanced_ = false;
  turn_packets_ = 0;
  for (auto at = connections_.begin(); at != connections_.end();) {
    if (at->second.close_expected && !at->second.closed) {
      violated(Invariant::protocol_kept, "connection {} was to be closed", at->first);
    }
    at = at->second.gone ? connections_.erase(at) : std::next(at);
  }
}

}  // namespace lineshaft::sim
