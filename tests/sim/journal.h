#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/input.h"
#include "broker/core/persist.h"
#include "tests/sim/chance.h"
#include "tests/sim/stored_state.h"

namespace lineshaft::sim {

/// A journal in memory: takes every `Persist` in order, writes batches of whole ones when it is
/// told to, answers when it is told to, and forgets like a disk does in a power cut: a batch that
/// was not synced is lost only together with all batches behind it.
class Journal {
 public:
  /// Takes the messages' bytes as they are now; the pointers are kept too, and compared when the
  /// batch is written: nobody may overwrite a message that waits for the disk.
  void push(core::Persist persist, WallTime wall);

  std::size_t waiting() const { return waiting_.size(); }
  bool newest_wants_sync() const { return !waiting_.empty() && waiting_.back().copy.needs_sync; }
  /// Writes the first `count` waiting entries as one batch, synced if one of them asks for it.
  void write(std::size_t count);
  /// Makes everything written durable (the periodic SyncWAL).
  void sync();

  /// Commits that were written but not yet reported, oldest first.
  std::deque<std::uint64_t> answers;
  std::deque<core::LoadQueue> loads;
  /// Reads the page from what is written.
  core::QueueLoaded page(const core::LoadQueue& request) const;

  /// The power goes: what is durable for certain, and by chance some of the batches behind it.
  void crash(Chance& chance);
  /// In order: everything is written and synced.
  void close();

  /// Newest `Persist` that is durable for certain.
  std::uint64_t synced_seq() const { return synced_seq_; }
  std::uint64_t written_seq() const { return written_seq_; }
  /// The newest `Persist` that changed this key, 0 if none since the last start. Keys: "s:client",
  /// "w:client", "b:sid:filter", "i:sid:packet id", "o:sid:packet id", "r:topic", "q:sid:message".
  std::uint64_t touched(const std::string& key) const;

  /// As handed over, as written, as certainly durable.
  const StoredState& latest() const { return latest_; }
  const StoredState& written() const { return written_; }
  const StoredState& synced() const { return synced_; }
  /// For faults: takes something away from what a restart finds. `reload` afterwards.
  StoredState& damage() { return synced_; }
  void reload();

 private:
  struct Entry {
    core::Persist original;
    core::Persist copy;
    WallTime wall{};
  };
  struct Batch {
    std::vector<Entry> entries;
  };
  void touch(const core::Persist& persist);
  std::deque<Entry> waiting_;
  std::deque<Batch> unsynced_;
  StoredState latest_;
  StoredState written_;
  StoredState synced_;
  std::uint64_t written_seq_ = 0;
  std::uint64_t synced_seq_ = 0;
  std::unordered_map<std::string, std::uint64_t> touched_;
};

}  // namespace lineshaft::sim
