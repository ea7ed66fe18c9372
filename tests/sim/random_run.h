#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/client.h"
#include "tests/sim/faults.h"
#include "tests/sim/invariant.h"

namespace lineshaft::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  std::size_t events = 60;
  Fault fault = Fault::none;
  bool trace = false;
};

struct RunResult {
  /// Events that happened, the calming down at the end not counted.
  std::size_t events = 0;
  std::optional<Invariant> broken;
  std::string what;
  std::deque<std::string> trace;
};

/// One life of a broker with its clients, all decided by the seed: who they are, what happens,
/// when it crashes. At the end everything calms down and the accounts are checked.
RunResult run(const RunOptions& options);

}  // namespace lineshaft::sim
