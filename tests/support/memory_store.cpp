#include "tests/support/memory_store.h"

#include <algorithm>
#include <variant>

namespace lineshaft::test {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

template <class Map>
void append_records(const Map& map, std::vector<core::Change>& records) {
  for (const auto& [key, record] : map) records.emplace_back(record);
}

}  // namespace

void MemoryStore::persist(core::Persist persist, WallTime wall) {
  summary_.last_wall = std::max(summary_.last_wall, wall);
  waiting_.push_back(std::move(persist));
}

std::uint64_t MemoryStore::commit(std::size_t count) {
  std::uint64_t seq = 0;
  for (; count > 0 && !waiting_.empty(); --count) {
    for (const core::Change& change : waiting_.front().changes) apply(change);
    seq = waiting_.front().seq;
    summary_.last_seq = waiting_.front().last_seq;
    waiting_.pop_front();
  }
  return seq;
}

void MemoryStore::stopped(WallTime wall) {
  commit(waiting_.size());
  summary_.clean = true;
  summary_.stopped_at = wall;
}

void MemoryStore::apply(const core::Change& change) {
  std::visit(
      Overloaded{
          [&](const core::SessionRecord& r) { sessions_[r.client_id] = r; },
          [&](const core::SessionErase& r) {
            const auto found = sessions_.find(r.client_id);
            if (found != sessions_.end() && found->second.sid == r.sid) sessions_.erase(found);
            erase_session(r.sid);
          },
          [&](const core::SubscriptionRecord& r) {
            subscriptions_[{r.sid, r.filter}] = r;
          },
          [&](const core::SubscriptionErase& r) {
            subscriptions_.erase({r.sid, r.filter});
          },
          [&](const core::QueueRecord& r) {
            queue_[{r.sid, r.seq}] = r;
          },
          [&](const core::QueueErase& r) {
            queue_.erase({r.sid, r.seq});
          },
          [&](const core::InflightRecord& r) {
            inflight_[{r.sid, r.direction, r.packet_id}] = r;
          },
          [&](const core::InflightErase& r) {
            inflight_.erase({r.sid, r.direction, r.packet_id});
          },
          [&](const core::RetainedRecord& r) { retained_[std::string(r.message->topic())] = r; },
          [&](const core::RetainedErase& r) { retained_.erase(r.topic); },
          [&](const core::LastValueRecord& r) {
            last_values_[std::string(r.message->topic())] = r;
          },
          [&](const core::LastValueErase& r) { last_values_.erase(r.topic); },
          [&](const core::WillRecord& r) { wills_[r.client_id] = r; },
          [&](const core::WillErase& r) { wills_.erase(r.client_id); },
          [&](const core::NameRecord& r) { names_[r.number] = r; },
          [&](const core::KeptItemRecord& r) {
            items_[{r.family, r.key}] = r;
          },
          [&](const core::KeptItemErase& r) {
            items_.erase({r.family, r.key});
          },
          // Queue records hold their message themselves here; `records` looks whether the real
          // store would still have it.
          [&](const core::PayloadRecord& r) { payloads_.insert(r.message->store_id); },
          [&](const core::PayloadErase& r) { payloads_.erase(r.store_id); },
      },
      change);
}

void MemoryStore::erase_session(core::SessionId sid) {
  const auto of_session = [sid](const auto& item) { return std::get<0>(item.first) == sid; };
  std::erase_if(subscriptions_, of_session);
  std::erase_if(queue_, of_session);
  std::erase_if(inflight_, of_session);
}

core::QueueLoaded MemoryStore::load(const core::LoadQueue& request) const {
  core::QueueLoaded loaded;
  loaded.sid = request.sid;
  loaded.first_seq = request.first_seq;
  loaded.last_seq = request.last_seq;
  for (auto at = queue_.lower_bound({request.sid, request.first_seq});
       at != queue_.end() && at->first <= EntryKey{request.sid, request.last_seq} &&
       loaded.entries.size() < request.entries_max;
       ++at) {
    loaded.entries.push_back(at->second);
  }
  return loaded;
}

std::vector<core::Change> MemoryStore::records() const {
  std::vector<core::Change> records;
  append_records(items_, records);
  append_records(names_, records);
  append_records(retained_, records);
  append_records(last_values_, records);
  append_records(sessions_, records);
  append_records(subscriptions_, records);
  append_records(inflight_, records);
  for (const auto& [key, record] : queue_) {
    // A reference to a message that is gone: the real store would set the entry aside.
    const std::uint64_t store_id = record.message->store_id;
    if (store_id == 0 || payloads_.contains(store_id)) records.emplace_back(record);
  }
  append_records(wills_, records);
  return records;
}

}  // namespace lineshaft::test
