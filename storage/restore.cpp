#include "storage/restore.h"

#include <algorithm>
#include <memory>
#include <unordered_set>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "storage/bytes.h"
#include "storage/keys.h"
#include "storage/payload_reader.h"
#include "storage/records.h"
#include "storage/rocks.h"
#include "storage/stopwatch.h"

namespace lineshaft::storage {
namespace {

/// Shared messages remembered while queues are restored.
constexpr std::size_t remembered_bytes_max = 256 * 1024 * 1024;
/// Records between two looks whether the start is to stop: milliseconds.
constexpr std::uint64_t records_per_look = 1024;

/// One restore: walks the column families and keeps what later ones need to know.
class Restorer {
 public:
  Restorer(Database& database, Leftovers& leftovers, const RestoreSink& sink,
           const std::function<bool()>& stop_asked, std::atomic<std::uint64_t>* restored)
      : database_(database),
        leftovers_(leftovers),
        sink_(sink),
        stop_asked_(stop_asked),
        restored_(restored),
        payloads_(database, remembered_bytes_max) {}

  RestoreReport run();

 private:
  template <class Visit>
  void walk(Family family, std::string_view first, Visit&& visit);
  template <class T>
  bool give(Family family, std::string_view key, Decoded<T> decoded);
  void restore_items();
  void restore_names();
  void restore_retained();
  void restore_last_values();
  void restore_sessions();
  void restore_subscriptions();
  void restore_queues();
  void restore_inflight();
  void restore_wills();
  void find_orphan_payloads();
  bool ended(std::string_view key);
  bool look_for_stop();
  std::unique_ptr<rocksdb::Iterator> iterate(Family family);

  Database& database_;
  Leftovers& leftovers_;
  const RestoreSink& sink_;
  const std::function<bool()>& stop_asked_;
  std::atomic<std::uint64_t>* restored_;
  std::uint64_t walked_ = 0;
  PayloadReader payloads_;
  RestoreReport report_;
  std::unordered_set<core::SessionId> ended_;
  std::unordered_set<std::uint64_t> referenced_;
};

std::unique_ptr<rocksdb::Iterator> Restorer::iterate(Family family) {
  return std::unique_ptr<rocksdb::Iterator>(
      database_.db().NewIterator(scan_options(), database_.family(family)));
}

/// True from the moment the start is to stop.
bool Restorer::look_for_stop() {
  if (walked_++ % records_per_look == 0 && stop_asked_ && stop_asked_()) report_.stopped = true;
  return report_.stopped;
}

/// `visit(key, value)` for every record from `first` on, until the end, the first read error or a
/// stop.
template <class Visit>
void Restorer::walk(Family family, std::string_view first, Visit&& visit) {
  if (!report_.error.empty()) return;
  const auto iterator = iterate(family);
  for (iterator->Seek(to_slice(first)); iterator->Valid(); iterator->Next()) {
    if (look_for_stop()) return;
    visit(to_view(iterator->key()), to_view(iterator->value()));
    if (restored_ != nullptr) restored_->fetch_add(1, std::memory_order_relaxed);
  }
  if (!iterator->status().ok()) report_.error = iterator->status().ToString();
}

/// Hands a decoded record over; false: it was set aside.
template <class T>
bool Restorer::give(Family family, std::string_view key, Decoded<T> decoded) {
  if (decoded.has_error()) {
    leftovers_.set_aside(family, key, to_string(decoded.error()));
    return false;
  }
  if (sink_(core::Change(std::move(*decoded)))) return true;
  leftovers_.set_aside(family, key, "contradicts other records");
  return false;
}

void Restorer::restore_items() {
  walk(Family::policy, {}, [this](std::string_view key, std::string_view value) {
    give(Family::policy, key, decode_item(key, value));
  });
}

void Restorer::restore_names() {
  const std::string_view first(&name_by_number, 1);
  walk(Family::names, first, [this](std::string_view key, std::string_view value) {
    report_.names += give(Family::names, key, decode_name(key, value));
  });
}

void Restorer::restore_retained() {
  walk(Family::retained, {}, [this](std::string_view key, std::string_view value) {
    report_.retained += give(Family::retained, key, decode_retained(key, value));
  });
}

/// Both families are sorted by topic: one step along with the last values finds the retained value
/// of the same topic. Many retained topics between two last values are skipped with a seek.
void Restorer::restore_last_values() {
  constexpr int steps_max = 16;
  const auto retained = iterate(Family::retained);
  bool positioned = false;
  const auto retained_seq = [&](std::string_view topic) -> std::uint64_t {
    int steps = 0;
    while (positioned && retained->Valid() && steps < steps_max &&
           to_view(retained->key()) < topic) {
      retained->Next();
      ++steps;
    }
    if (!positioned || steps == steps_max) retained->Seek(to_slice(topic));
    positioned = true;
    if (!retained->Valid() || to_view(retained->key()) != topic) return 0;
    const auto record = decode_value(to_view(retained->value()));
    return record.has_error() ? 0 : record->seq;
  };
  walk(Family::lkv, {}, [&](std::string_view key, std::string_view value) {
    auto decoded = decode_last_value(key, value);
    if (decoded.has_value() && decoded->message->seq() < retained_seq(key)) {
      // The core will not know of it: left there, it would outlive a deletion of the topic.
      leftovers_.erase(Family::lkv, key);
      return;
    }
    report_.last_values += give(Family::lkv, key, std::move(decoded));
  });
}

void Restorer::restore_sessions() {
  walk(Family::session, {}, [this](std::string_view key, std::string_view value) {
    auto decoded = decode_session(key, value);
    if (decoded.has_value() && decoded->expiry_interval_s == 0) {
      // It ended with its connection, at the latest when the broker did. Its will waits.
      ended_.insert(decoded->sid);
      leftovers_.erase_session(key, decoded->sid);
      ++report_.sessions_ended;
      return;
    }
    report_.sessions += give(Family::session, key, std::move(decoded));
  });
}

bool Restorer::ended(std::string_view key) {
  return !ended_.empty() && ended_.contains(ByteReader(key).u64());
}

void Restorer::restore_subscriptions() {
  walk(Family::sub, {}, [this](std::string_view key, std::string_view value) {
    if (ended(key)) return;
    report_.subscriptions += give(Family::sub, key, decode_subscription(key, value));
  });
}

void Restorer::restore_queues() {
  walk(Family::queue, {}, [this](std::string_view key, std::string_view value) {
    if (ended(key)) return;
    auto entry = decode_queue(key, value);
    if (entry.has_error()) {
      leftovers_.set_aside(Family::queue, key, to_string(entry.error()));
      return;
    }
    const std::uint64_t store_id = entry->store_id;
    if (store_id != 0) {
      switch (payloads_.read(store_id, entry->record.message)) {
        case PayloadReader::Outcome::found:
          break;
        case PayloadReader::Outcome::missing:
          leftovers_.set_aside(Family::queue, key, "its message is missing");
          return;
        case PayloadReader::Outcome::unreadable:
          report_.error = "a message of the queue cannot be read";
          return;
      }
    }
    if (!give(Family::queue, key, Decoded<core::QueueRecord>(std::move(entry->record)))) {
      return;
    }
    ++report_.queued;
    if (store_id != 0) referenced_.insert(store_id);
  });
}

void Restorer::restore_inflight() {
  walk(Family::inflight, {}, [this](std::string_view key, std::string_view value) {
    if (ended(key)) return;
    report_.inflight += give(Family::inflight, key, decode_inflight(key, value));
  });
}

void Restorer::restore_wills() {
  walk(Family::will, {}, [this](std::string_view key, std::string_view value) {
    report_.wills += give(Family::will, key, decode_will(key, value));
  });
}

void Restorer::find_orphan_payloads() {
  walk(Family::payload, {}, [&](std::string_view key, std::string_view) {
    const auto store_id = parse_payload_key(key);
    if (!store_id) {
      leftovers_.set_aside(Family::payload, key, to_string(RecordFault::bad_key));
      return;
    }
    if (referenced_.contains(*store_id)) return;
    leftovers_.erase(Family::payload, key);
    ++report_.orphan_payloads;
  });
  count(Counter::restore_orphans_deleted, report_.orphan_payloads);
}

RestoreReport Restorer::run() {
  const Stopwatch stopwatch;
  report_.summary = database_.last_run();
  if (look_for_stop()) return std::move(report_);
  restore_items();
  restore_names();
  restore_retained();
  restore_last_values();
  restore_sessions();
  restore_subscriptions();
  restore_inflight();
  restore_queues();
  restore_wills();
  // They can only come from what was left out here, now or in a crash of the last start.
  if (!report_.summary.clean || !ended_.empty() || leftovers_.set_aside_size() > 0) {
    find_orphan_payloads();
  }
  report_.set_aside = leftovers_.set_aside_size();
  report_.set_aside_file = leftovers_.set_aside_file();
  report_.duration_us = stopwatch.elapsed_us();
  return std::move(report_);
}

}  // namespace

RestoreReport restore(Database& database, Leftovers& leftovers, WallTime wall,
                      const RestoreSink& sink, const std::function<bool()>& stop_asked,
                      std::atomic<std::uint64_t>* restored) {
  RestoreReport report = Restorer(database, leftovers, sink, stop_asked, restored).run();
  if (report.stopped) return report;
  if (!report.error.empty()) {
    LINESHAFT_LOG(storage, critical, "restore_failed", {"error", report.error});
  }
  if (wall < report.summary.last_wall) {
    LINESHAFT_LOG(storage, warn, "clock_behind_store",
                  {"behind_ms", (report.summary.last_wall - wall).count()},
                  {"why", "expiry waits until the clock has caught up"});
  }
  LINESHAFT_LOG(storage, info, "store_restored", {"clean", report.summary.clean},
                {"retained", report.retained}, {"last_values", report.last_values},
                {"sessions", report.sessions}, {"queued", report.queued}, {"wills", report.wills},
                {"set_aside", report.set_aside}, {"duration_ms", report.duration_us / 1000});
  return report;
}

}  // namespace lineshaft::storage
