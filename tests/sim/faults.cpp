#include "tests/sim/faults.h"

namespace lineshaft::sim {

const std::vector<FaultCase>& fault_cases() {
  static const std::vector<FaultCase> cases = {
      {Fault::lose_queue_record, "lose_queue_record", Invariant::acknowledged_not_lost},
      {Fault::forget_dedupe, "forget_dedupe", Invariant::qos2_exactly_once},
      {Fault::swap_deliveries, "swap_deliveries", Invariant::order_kept},
      {Fault::lose_retained, "lose_retained", Invariant::retained_newest},
      {Fault::answer_before_write, "answer_before_write", Invariant::acknowledged_after_commit},
      {Fault::answers_out_of_order, "answers_out_of_order", Invariant::answers_in_order},
      {Fault::lose_will, "lose_will", Invariant::wills_on_time},
      {Fault::clock_ahead, "clock_ahead", Invariant::wills_on_time},
      {Fault::flip_session_present, "flip_session_present", Invariant::session_kept},
      {Fault::share_twice, "share_twice", Invariant::shared_once},
      {Fault::lose_replay, "lose_replay", Invariant::replay_complete},
      {Fault::page_with_a_hole, "page_with_a_hole", Invariant::spill_complete},
      {Fault::restore_incomplete, "restore_incomplete", Invariant::restored_same},
      {Fault::no_bound, "no_bound", Invariant::bounds_kept},
  };
  return cases;
}

}  // namespace lineshaft::sim
