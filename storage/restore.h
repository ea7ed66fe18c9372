#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "broker/core/persist.h"
#include "storage/database.h"
#include "storage/leftovers.h"

namespace lineshaft::storage {

/// Takes one record, as `core::Core::restore` does; false: it makes no sense.
using RestoreSink = std::function<bool(core::Change)>;

struct RestoreReport {
  core::RestoreSummary summary;
  std::size_t names = 0;
  std::size_t retained = 0;
  std::size_t last_values = 0;
  std::size_t sessions = 0;
  std::size_t subscriptions = 0;
  std::size_t queued = 0;
  std::size_t inflight = 0;
  std::size_t wills = 0;
  /// Sessions that ended with their connection.
  std::size_t sessions_ended = 0;
  /// Shared messages that no queue refers to.
  std::size_t orphan_payloads = 0;
  /// Records that could not be restored, and the file they go to.
  std::size_t set_aside = 0;
  std::string set_aside_file;
  std::uint64_t duration_us = 0;
  /// The disk failed while reading: what was restored is not all. Empty: it did not.
  std::string error;
  /// `stop_asked` said so: what was restored is not all.
  bool stopped = false;
};

/// Feeds everything stored to `sink`, in the order `Core::restore` documents: names, retained, last
/// values (of a topic only the newer of its retained and its last value, by seq), sessions,
/// subscriptions, inflight, queue, wills.
///
/// Only reads. What does not belong into the store any more is put into `leftovers`, among it
/// records that cannot be restored: each raises an alarm with its key, and the start goes on.
///
/// `wall`: the time of this start. `stop_asked`, if given, is asked every few thousand records.
/// `restored` counts along for a progress display, if given.
RestoreReport restore(Database& database, Leftovers& leftovers, WallTime wall,
                      const RestoreSink& sink, const std::function<bool()>& stop_asked = {},
                      std::atomic<std::uint64_t>* restored = nullptr);

}  // namespace lineshaft::storage
