#include "auth/policy_sparkplug.h"

#include <fmt/format.h>

#include "auth/filter_relation.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

bool is_literal_type(SparkplugType type, std::string_view filter) {
  if (type == SparkplugType::state) {
    return contains("spBv1.0/STATE/+", filter) || contains("STATE/+", filter);
  }
  return contains(fmt::format("spBv1.0/+/{}/#", to_string(type)), filter);
}

bool is_possible_type(SparkplugType type, std::string_view filter) {
  if (type == SparkplugType::state) {
    return intersects("spBv1.0/STATE/#", filter) || intersects("STATE/+", filter);
  }
  return intersects(fmt::format("spBv1.0/+/{}/#", to_string(type)), filter);
}

}  // namespace

SparkplugTypes possible_types(std::string_view filter) {
  if (!core::has_wildcard(filter)) return bit_of(classify_topic(filter));
  if (!intersects("spBv1.0/#", filter) && !intersects("STATE/+", filter)) {
    return bit_of(SparkplugType::none);
  }
  SparkplugTypes types = bit_of(SparkplugType::none);
  for (const SparkplugType type : sparkplug_types) {
    if (!is_possible_type(type, filter)) continue;
    // Which may be "spBv1.0/STATE/NCMD" too, and that is a host's.
    if (type != SparkplugType::state && is_literal_type(type, filter)) {
      types = bit_of(type);
      if (intersects("spBv1.0/STATE/+", filter)) types |= bit_of(SparkplugType::state);
      return types;
    }
    types |= bit_of(type);
  }
  const bool only_state = is_literal_type(SparkplugType::state, filter);
  if (only_state) types = bit_of(SparkplugType::state);
  return types;
}

}  // namespace lineshaft::auth
