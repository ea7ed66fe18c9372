#pragma once

#include "broker/core/input.h"
#include "broker/core/persist.h"

namespace lineshaft::core {

/// Where decisions become durable; implemented by `storage`. Called inside turns: never waits,
/// never fails. Answers come back as inputs.
class Store {
 public:
  virtual ~Store() = default;
  /// Answered by a `StoreCommitted` that covers `persist.seq`.
  virtual void persist(Persist persist) = 0;
  /// Answered by one `QueueLoaded`.
  virtual void load(const LoadQueue& request) = 0;
};

/// Where threads that are no shards put their inputs: any thread may call it, it never blocks.
/// Implemented by `net::Turn`.
class InputSink {
 public:
  virtual ~InputSink() = default;
  virtual void submit(Input input) = 0;
};

}  // namespace lineshaft::core
