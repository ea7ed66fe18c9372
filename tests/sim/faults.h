#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/sim/invariant.h"

namespace lineshaft::sim {

/// One injected bug per invariant, put between the core and its world: each proves that the
/// invariant bites. The product's code knows nothing of them.
enum class Fault : std::uint8_t {
  none,
  lose_queue_record,     // a crash takes a queue entry that was on disk
  forget_dedupe,         // a crash takes an inbound QoS 2 identifier that was on disk
  swap_deliveries,       // two messages of a stream change places on the way out
  lose_retained,         // a crash takes a retained message that was on disk
  answer_before_write,   // the journal reports what it has not written
  answers_out_of_order,  // an answer overtakes the one before it
  lose_will,             // a crash takes a will that was on disk
  clock_ahead,           // the core's timers see a clock that is ahead
  flip_session_present,  // CONNACK says the opposite
  share_twice,           // a shared message goes to a second member too
  lose_replay,           // a retained message of a replay is dropped
  page_with_a_hole,      // a page of a spilled queue misses an entry
  restore_incomplete,    // one subscription is not restored
  no_bound,              // the core is told a larger queue bound
};

struct FaultCase {
  Fault fault;
  std::string_view name;
  /// What has to notice.
  Invariant invariant;
};

/// All faults but `none`.
const std::vector<FaultCase>& fault_cases();

}  // namespace lineshaft::sim
