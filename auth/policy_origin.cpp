// Whether the author of a retained message may still be behind it.
#include "auth/policy_evaluation.h"

namespace lineshaft::auth {

PolicyReason PolicyEvaluation::decide_zone(std::string_view topic) const {
  if (refusal_ == PolicyReason::no_zone_claim || refusal_ == PolicyReason::quarantined) {
    return refusal_;
  }
  Judged judged;
  judge(topic, judged);
  if (judged.owner == no_zone || judged.owner == zone_) return PolicyReason::allowed;
  if (is_island(zone_) || is_island(judged.owner)) return PolicyReason::island;
  const ConduitRange range = body_.conduits_between(zone_, judged.owner);
  if (range.begin == range.end) return PolicyReason::no_conduit;
  for (std::uint32_t i = range.begin; i < range.end; ++i) {
    if (!has_bit(body_.via_publish, i) || !is_active(i)) continue;
    const bool matches = (candidates(judged, i / 64) >> i % 64 & 1) != 0;
    if (matches && !is_excepted_everywhere(body_.conduits[i])) return PolicyReason::allowed;
  }
  return PolicyReason::conduit_topic;
}

PolicyReason PolicySnapshot::check_author(const core::Principal& author,
                                          std::string_view topic) const {
  return PolicyEvaluation(*this, author, {}).decide_zone(topic);
}

}  // namespace lineshaft::auth
