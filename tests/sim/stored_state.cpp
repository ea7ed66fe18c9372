#include "tests/sim/stored_state.h"

#include <iterator>

#include "tests/sim/invariant.h"

namespace lineshaft::sim {

using core::Change;

KeptMessagePtr* message_of(Change& change) {
  return std::visit(
      [](auto& record) -> KeptMessagePtr* {
        if constexpr (requires { record.message; }) {
          return &record.message;
        } else {
          return nullptr;
        }
      },
      change);
}

KeptMessagePtr copy_of(const KeptMessage& message) {
  KeptMessagePtr copy = KeptMessage::make(
      fields_of(message), KeepInfo{message.received(), message.seq(), message.publisher()});
  copy->store_id = message.store_id;
  return copy;
}

Change copy_of(const Change& change) {
  Change copy = change;
  KeptMessagePtr* const message = message_of(copy);
  if (message != nullptr && *message) *message = copy_of(**message);
  return copy;
}

namespace {

template <class Map>
void erase_of(Map& map, core::SessionId sid) {
  for (auto at = map.begin(); at != map.end();) {
    at = std::get<0>(at->first) == sid ? map.erase(at) : std::next(at);
  }
}

}  // namespace

void StoredState::erase_session(core::SessionId sid) {
  erase_of(subscriptions, sid);
  erase_of(queue, sid);
  erase_of(inflight, sid);
  sids_.erase(sid);
}

void StoredState::apply(const Change& change) {
  struct Visitor {
    StoredState& to;
    void operator()(const core::SessionRecord& r) {
      to.sessions[r.client_id] = r;
      to.sids_[r.sid] = r.client_id;
    }
    void operator()(const core::SessionErase& r) {
      const auto at = to.sessions.find(r.client_id);
      if (at != to.sessions.end() && at->second.sid == r.sid) to.sessions.erase(at);
      to.erase_session(r.sid);
    }
    void operator()(const core::SubscriptionRecord& r) { to.subscriptions[{r.sid, r.filter}] = r; }
    void operator()(const core::SubscriptionErase& r) { to.subscriptions.erase({r.sid, r.filter}); }
    void operator()(const core::QueueRecord& r) { to.queue[{r.sid, r.seq}] = r; }
    void operator()(const core::QueueErase& r) { to.queue.erase({r.sid, r.seq}); }
    void operator()(const core::InflightRecord& r) {
      to.inflight[{r.sid, r.direction, r.packet_id}] = r;
    }
    void operator()(const core::InflightErase& r) {
      to.inflight.erase({r.sid, r.direction, r.packet_id});
    }
    void operator()(const core::PayloadRecord& r) { to.payloads[r.message->store_id] = r.message; }
    void operator()(const core::PayloadErase& r) { to.payloads.erase(r.store_id); }
    void operator()(const core::RetainedRecord& r) {
      to.retained[std::string(r.message->topic())] = r;
    }
    void operator()(const core::RetainedErase& r) { to.retained.erase(r.topic); }
    void operator()(const core::LastValueRecord& r) {
      to.last_values[std::string(r.message->topic())] = r;
    }
    void operator()(const core::LastValueErase& r) { to.last_values.erase(r.topic); }
    void operator()(const core::WillRecord& r) { to.wills[r.client_id] = r; }
    void operator()(const core::WillErase& r) { to.wills.erase(r.client_id); }
    void operator()(const core::NameRecord& r) { to.names[r.number] = r; }
    void operator()(const core::KeptItemRecord&) {}
    void operator()(const core::KeptItemErase&) {}
  };
  std::visit(Visitor{*this}, change);
}

void StoredState::apply(const core::Persist& persist) {
  if (persist.seq <= last_seq || persist.last_seq < persist.seq) {
    violated(Invariant::restored_same, "Persist {} (last {}) does not follow {}", persist.seq,
             persist.last_seq, last_seq);
  }
  for (const Change& change : persist.changes) apply(change);
  last_seq = persist.last_seq;
  check(persist);
}

void StoredState::check(const core::Persist& persist) const {
  constexpr auto same = Invariant::restored_same;
  for (const Change& change : persist.changes) {
    if (const auto* sub = std::get_if<core::SubscriptionRecord>(&change)) {
      if (subscriptions.count({sub->sid, sub->filter}) != 0 && !has_session(sub->sid)) {
        violated(same, "a subscription of unknown session {}", sub->sid);
      }
    } else if (const auto* entry = std::get_if<core::QueueRecord>(&change)) {
      const auto at = queue.find({entry->sid, entry->seq});
      if (at == queue.end()) continue;
      if (!has_session(entry->sid)) violated(same, "a queue of unknown session {}", entry->sid);
      const auto id = at->second.message->store_id;
      if (id != 0 && payloads.count(id) == 0) violated(same, "payload {} is not stored", id);
    } else if (const auto* flight = std::get_if<core::InflightRecord>(&change)) {
      const auto at = inflight.find({flight->sid, flight->direction, flight->packet_id});
      if (at == inflight.end()) continue;
      if (!has_session(flight->sid)) violated(same, "inflight of unknown session {}", flight->sid);
      if (at->second.state == core::InflightState::sent &&
          queue.count({flight->sid, at->second.seq}) == 0) {
        violated(same, "session {} id {}: its message {} is not stored", flight->sid,
                 flight->packet_id, at->second.seq);
      }
    } else if (const auto* gone = std::get_if<core::PayloadErase>(&change)) {
      for (const auto& [key, record] : queue) {
        if (record.message->store_id == gone->store_id && payloads.count(gone->store_id) == 0) {
          violated(same, "payload {} erased while session {} needs it", gone->store_id, key.first);
        }
      }
    }
  }
}

std::vector<Change> StoredState::records() const {
  std::vector<Change> list;
  std::map<std::uint64_t, KeptMessagePtr> shared;
  for (const auto& [number, name] : names) list.push_back(name);
  for (const auto& [topic, record] : retained) list.push_back(copy_of(Change{record}));
  for (const auto& [topic, record] : last_values) list.push_back(copy_of(Change{record}));
  for (const auto& [id, record] : sessions) list.push_back(record);
  for (const auto& [key, record] : subscriptions) list.push_back(record);
  for (const auto& [key, record] : inflight) list.push_back(record);
  for (const auto& [key, record] : queue) {
    core::QueueRecord entry = record;
    const auto id = record.message->store_id;
    if (id == 0) {
      entry.message = copy_of(*record.message);
    } else {
      const auto payload = payloads.find(id);
      if (payload == payloads.end()) violated(Invariant::restored_same, "payload {} is gone", id);
      auto& twin = shared[id];
      if (!twin) twin = copy_of(*payload->second);
      entry.message = twin;
    }
    list.push_back(std::move(entry));
  }
  for (const auto& [id, record] : wills) list.push_back(copy_of(Change{record}));
  return list;
}

const core::QueueRecord* StoredState::queued(core::SessionId sid, int message) const {
  for (auto at = queue.lower_bound({sid, 0}); at != queue.end() && at->first.first == sid; ++at) {
    if (number_of(*at->second.message) == message) return &at->second;
  }
  return nullptr;
}

int number_of(const Message& message) {
  const Octets bytes = message.properties();
  if (bytes.size() < 7 || bytes[0] != 0x26) return -1;
  int number = 0;
  for (const char digit : bytes.substr(6)) number = number * 10 + (digit - '0');
  return number;
}

std::string properties_for(int number) {
  const std::string digits = std::to_string(number);
  std::string bytes{0x26, 0, 1, 'n', 0, static_cast<char>(digits.size())};
  return bytes + digits;
}

}  // namespace lineshaft::sim
