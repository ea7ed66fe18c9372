#include "tests/sim/invariant.h"

namespace lineshaft::sim {

std::string_view name_of(Invariant invariant) {
  switch (invariant) {
    case Invariant::acknowledged_not_lost:
      return "I1 acknowledged_not_lost";
    case Invariant::qos2_exactly_once:
      return "I2 qos2_exactly_once";
    case Invariant::order_kept:
      return "I3 order_kept";
    case Invariant::retained_newest:
      return "I4 retained_newest";
    case Invariant::acknowledged_after_commit:
      return "I5 acknowledged_after_commit";
    case Invariant::answers_in_order:
      return "I6 answers_in_order";
    case Invariant::wills_on_time:
      return "I7 wills_on_time";
    case Invariant::session_kept:
      return "I8 session_kept";
    case Invariant::shared_once:
      return "I9 shared_once";
    case Invariant::replay_complete:
      return "I10 replay_complete";
    case Invariant::spill_complete:
      return "I11 spill_complete";
    case Invariant::restored_same:
      return "I12 restored_same";
    case Invariant::bounds_kept:
      return "I13 bounds_kept";
    case Invariant::protocol_kept:
      return "P protocol_kept";
  }
  return "?";
}

}  // namespace lineshaft::sim
