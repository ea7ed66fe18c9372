#include "tests/sim/journal.h"

#include <algorithm>
#include <utility>

#include "tests/sim/invariant.h"

namespace lineshaft::sim {

namespace {

std::string key_of(const core::Change& change) {
  struct Visitor {
    static std::string flight(core::SessionId sid, core::Direction direction, unsigned id) {
      return fmt::format("{}:{}:{}", direction == core::Direction::in ? 'i' : 'o', sid, id);
    }
    std::string operator()(const core::SessionRecord& r) { return "s:" + r.client_id; }
    std::string operator()(const core::SessionErase& r) { return "s:" + r.client_id; }
    std::string operator()(const core::SubscriptionRecord& r) {
      return fmt::format("b:{}:{}", r.sid, r.filter);
    }
    std::string operator()(const core::SubscriptionErase& r) {
      return fmt::format("b:{}:{}", r.sid, r.filter);
    }
    std::string operator()(const core::QueueRecord& r) {
      return fmt::format("q:{}:{}", r.sid, number_of(*r.message));
    }
    std::string operator()(const core::InflightRecord& r) {
      return flight(r.sid, r.direction, r.packet_id);
    }
    std::string operator()(const core::InflightErase& r) {
      return flight(r.sid, r.direction, r.packet_id);
    }
    std::string operator()(const core::RetainedRecord& r) {
      return "r:" + std::string(r.message->topic());
    }
    std::string operator()(const core::RetainedErase& r) { return "r:" + r.topic; }
    std::string operator()(const core::WillRecord& r) { return "w:" + r.client_id; }
    std::string operator()(const core::WillErase& r) { return "w:" + r.client_id; }
    std::string operator()(const core::QueueErase&) { return {}; }
    std::string operator()(const core::PayloadRecord&) { return {}; }
    std::string operator()(const core::PayloadErase&) { return {}; }
    std::string operator()(const core::LastValueRecord&) { return {}; }
    std::string operator()(const core::LastValueErase&) { return {}; }
    std::string operator()(const core::NameRecord&) { return {}; }
    std::string operator()(const core::KeptItemRecord&) { return {}; }
    std::string operator()(const core::KeptItemErase&) { return {}; }
  };
  return std::visit(Visitor{}, change);
}

}  // namespace

void Journal::touch(const core::Persist& persist) {
  for (const core::Change& change : persist.changes) {
    std::string key = key_of(change);
    if (!key.empty()) touched_[std::move(key)] = persist.seq;
  }
}

std::uint64_t Journal::touched(const std::string& key) const {
  const auto at = touched_.find(key);
  return at == touched_.end() ? 0 : at->second;
}

void Journal::push(core::Persist persist, WallTime wall) {
  Entry entry;
  entry.wall = wall;
  entry.copy.seq = persist.seq;
  entry.copy.last_seq = persist.last_seq;
  entry.copy.needs_sync = persist.needs_sync;
  entry.copy.changes.reserve(persist.changes.size());
  for (const core::Change& change : persist.changes) entry.copy.changes.push_back(copy_of(change));
  entry.original = std::move(persist);
  latest_.apply(entry.copy);
  touch(entry.copy);
  waiting_.push_back(std::move(entry));
}

void Journal::write(std::size_t count) {
  count = std::min(count, waiting_.size());
  if (count == 0) return;
  Batch batch;
  bool needs_sync = false;
  for (std::size_t i = 0; i < count; ++i) {
    Entry entry = std::move(waiting_.front());
    waiting_.pop_front();
    for (std::size_t c = 0; c < entry.copy.changes.size(); ++c) {
      const KeptMessagePtr* now = message_of(entry.original.changes[c]);
      const KeptMessagePtr* then = message_of(entry.copy.changes[c]);
      if (now == nullptr || !*now) continue;
      const bool same = (*now)->topic() == (*then)->topic() &&
                        (*now)->payload() == (*then)->payload() &&
                        (*now)->properties() == (*then)->properties();
      if (!same) violated(Invariant::restored_same, "a message changed while the journal held it");
    }
    entry.original.changes.clear();
    needs_sync = needs_sync || entry.copy.needs_sync;
    written_.apply(entry.copy);
    written_.last_wall = entry.wall;
    written_seq_ = entry.copy.seq;
    batch.entries.push_back(std::move(entry));
  }
  unsynced_.push_back(std::move(batch));
  if (needs_sync) sync();
  answers.push_back(written_seq_);
}

void Journal::sync() {
  for (const Batch& batch : unsynced_) {
    for (const Entry& entry : batch.entries) {
      synced_.apply(entry.copy);
      synced_.last_wall = entry.wall;
    }
  }
  unsynced_.clear();
  synced_seq_ = written_seq_;
}

core::QueueLoaded Journal::page(const core::LoadQueue& request) const {
  core::QueueLoaded loaded;
  loaded.sid = request.sid;
  loaded.first_seq = request.first_seq;
  loaded.last_seq = request.last_seq;
  for (auto at = written_.queue.lower_bound({request.sid, request.first_seq});
       at != written_.queue.end() && at->first.first == request.sid &&
       at->first.second <= request.last_seq && loaded.entries.size() < request.entries_max;
       ++at) {
    core::QueueRecord entry = at->second;
    const auto id = entry.message->store_id;
    if (id != 0) {
      const auto payload = written_.payloads.find(id);
      if (payload == written_.payloads.end()) {
        violated(Invariant::restored_same, "payload {} is gone at a page read", id);
      }
      entry.message = payload->second;
    }
    entry.message = copy_of(*entry.message);
    loaded.entries.push_back(std::move(entry));
  }
  return loaded;
}

void Journal::crash(Chance& chance) {
  const std::size_t kept = chance.below(unsynced_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) {
    for (const Entry& entry : unsynced_[i].entries) {
      synced_.apply(entry.copy);
      synced_.last_wall = entry.wall;
    }
  }
  reload();
}

void Journal::close() {
  write(waiting_.size());
  sync();
  reload();
}

void Journal::reload() {
  waiting_.clear();
  unsynced_.clear();
  answers.clear();
  loads.clear();
  touched_.clear();
  written_ = synced_;
  latest_ = synced_;
  written_seq_ = synced_.last_seq;
  synced_seq_ = synced_.last_seq;
}

}  // namespace lineshaft::sim
