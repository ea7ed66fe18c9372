#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/base/limits.h"
#include "broker/base/time.h"
#include "broker/core/config.h"

namespace lineshaft::storage {

/// What to do when the journal is damaged in its middle, where acknowledged records may stand.
enum class OnCorruption : std::uint8_t {
  /// Do not start; say which command recovers.
  refuse,
  /// Keep a copy, open up to the damage, raise an alarm that stays.
  recover,
};

/// The `[storage]` part of the options. All of it needs a restart.
struct StorageOptions {
  /// Data folder; made if it is missing.
  std::string path;
  core::Durability durability = core::Durability::sync;
  /// Block cache, MiB; 0: a quarter of the memory, at most 512.
  std::size_t cache_mb = 0;
  /// Records that nobody waits for are synced at least so often.
  Milliseconds wal_sync = limits::wal_sync;
  /// Bytes waiting for the disk above which the core is told `overloaded`.
  std::size_t journal_queue_bytes_max = limits::journal_queue_bytes_max;
  /// Free space, MiB, below which publishes that need the disk are refused; 0: 1 GiB, at most a
  /// quarter of the file system.
  std::size_t reserve_mb = 0;
  OnCorruption on_corruption = OnCorruption::refuse;

  /// Pause between two attempts to open the store again after an error.
  Milliseconds retry = limits::store_retry;
  /// Measure the disk with a few syncs at start.
  bool probe_disk = true;
};

}  // namespace lineshaft::storage
