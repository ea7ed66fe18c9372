// Where data can get through several conduits one after the other.
#include <algorithm>
#include <vector>

#include "auth/policy_body.h"

namespace lineshaft::auth {
namespace {

struct Step {
  std::uint8_t before = no_zone;
  std::uint16_t conduit = no_rule;
};

/// The shortest way from `start` to each zone it leads to.
std::vector<Step> steps_from(const PolicyBody& body, std::uint8_t start) {
  std::vector<Step> steps(body.zones.size());
  std::vector<std::uint8_t> reached = {start};
  for (std::size_t next = 0; next < reached.size(); ++next) {
    for (const CompiledConduit& conduit : body.conduits) {
      if (conduit.spec.from != reached[next]) continue;
      const auto to = static_cast<std::uint8_t>(conduit.spec.to);
      if (to == start || steps[to].before != no_zone) continue;
      steps[to] = {reached[next], conduit.rule};
      reached.push_back(to);
    }
  }
  return steps;
}

}  // namespace

std::vector<Chain> PolicySnapshot::chains() const {
  std::vector<Chain> chains;
  for (std::size_t start = 0; start < body_->zones.size(); ++start) {
    const auto steps = steps_from(*body_, static_cast<std::uint8_t>(start));
    for (std::size_t end = 0; end < steps.size(); ++end) {
      const bool direct = steps[end].before == start;
      if (steps[end].before == no_zone || direct) continue;
      Chain chain;
      for (std::size_t at = end; at != start; at = steps[at].before) {
        chain.zones.push_back(body_->zones[at].name);
        chain.conduits.push_back(steps[at].conduit);
      }
      chain.zones.push_back(body_->zones[start].name);
      std::ranges::reverse(chain.zones);
      std::ranges::reverse(chain.conduits);
      chains.push_back(std::move(chain));
    }
  }
  std::ranges::stable_sort(chains, {}, [](const Chain& chain) { return chain.zones.size(); });
  return chains;
}

}  // namespace lineshaft::auth
