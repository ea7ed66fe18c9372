#include "broker/base/sparkplug_topic.h"

#include <algorithm>
#include <array>

namespace lineshaft {
namespace {

constexpr std::string_view sparkplug_root = "spBv1.0/";
constexpr std::string_view legacy_state = "STATE/";

constexpr std::array<std::string_view, 10> type_names = {
    "none", "NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA", "NCMD", "DCMD", "STATE"};

std::string_view first_level(std::string_view rest) { return rest.substr(0, rest.find('/')); }

}  // namespace

std::string_view to_string(SparkplugType type) {
  return type_names[static_cast<std::size_t>(type)];
}

std::optional<SparkplugType> sparkplug_type(std::string_view name) {
  const auto found = std::find(type_names.begin() + 1, type_names.end(), name);
  if (found == type_names.end()) return std::nullopt;
  return static_cast<SparkplugType>(found - type_names.begin());
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

}  // namespace lineshaft
