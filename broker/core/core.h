#pragma once

#include <cstddef>
#include <cstdint>

#include "broker/base/time.h"
#include "broker/core/config.h"
#include "broker/core/effects.h"
#include "broker/core/input.h"
#include "broker/core/persist.h"

namespace lineshaft::core {

/// The pure machine: `apply(now, input) -> effects`. No socket, file, thread, lock or clock.
class Core {
 public:
  /// `shards`: entries in every `Effects`. `seed`: chance for assigned Client Identifiers.
  Core(CoreConfig config, std::size_t shards, std::uint64_t seed);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  /// Takes one stored record (a *Record of `Change`) before the first `apply`, in the order
  /// names, retained, last values, sessions, subscriptions, queue by (sid, seq), inflight, wills.
  /// False: it makes no sense (the caller sets it aside); nothing was taken.
  bool restore(Now now, Change record);
  /// All records are in: expiry of sessions and wills starts to run.
  void restored(Now now, const RestoreSummary& summary, Effects& effects);

  /// One decision step. Effects are appended.
  void apply(Now now, Input input, Effects& effects);

  Statistics statistics() const;
};

}  // namespace lineshaft::core
