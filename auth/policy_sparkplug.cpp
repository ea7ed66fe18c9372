#include "auth/policy_sparkplug.h"

#include <fmt/format.h>

#include <algorithm>

#include "auth/filter_relation.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

constexpr std::string_view sparkplug_root = "spBv1.0/";
constexpr std::string_view legacy_state = "STATE/";

std::string_view first_level(std::string_view rest) { return rest.substr(0, rest.find('/')); }

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

std::string_view to_string(SparkplugType type) {
  switch (type) {
    case SparkplugType::none:
      return "none";
    case SparkplugType::nbirth:
      return "NBIRTH";
    case SparkplugType::ndeath:
      return "NDEATH";
    case SparkplugType::ndata:
      return "NDATA";
    case SparkplugType::dbirth:
      return "DBIRTH";
    case SparkplugType::ddeath:
      return "DDEATH";
    case SparkplugType::ddata:
      return "DDATA";
    case SparkplugType::ncmd:
      return "NCMD";
    case SparkplugType::dcmd:
      return "DCMD";
    case SparkplugType::state:
      return "STATE";
  }
  return "none";
}

std::optional<SparkplugType> sparkplug_type(std::string_view name) {
  const auto found =
      std::ranges::find(sparkplug_types, name, [](SparkplugType type) { return to_string(type); });
  if (found == sparkplug_types.end()) return std::nullopt;
  return *found;
}

SparkplugType classify_topic(std::string_view topic) {
  if (topic.starts_with(legacy_state)) {
    const std::string_view host = topic.substr(legacy_state.size());
    return host.find('/') == std::string_view::npos ? SparkplugType::state : SparkplugType::none;
  }
  if (!topic.starts_with(sparkplug_root)) return SparkplugType::none;
  const std::string_view rest = topic.substr(sparkplug_root.size());
  const std::string_view group = first_level(rest);
  const bool has_third = group.size() < rest.size();
  const std::string_view third =
      has_third ? first_level(rest.substr(group.size() + 1)) : std::string_view{};
  const bool is_host =
      group == "STATE" && has_third && group.size() + 1 + third.size() == rest.size();
  if (is_host) return SparkplugType::state;
  const auto type = sparkplug_type(third);
  if (type && *type != SparkplugType::state) return *type;
  return group == "STATE" ? SparkplugType::state : SparkplugType::none;
}

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
