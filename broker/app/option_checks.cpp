#include "broker/app/option_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/app/bind_address.h"
#include "broker/app/config_error.h"
#include "broker/core/topic_name.h"

namespace lineshaft::app {

std::string check_bind(const Value& value) {
  return parse_bind_address(std::get<std::string>(value)).problem;
}

std::string check_name(const Value& value) {
  const std::string& name = std::get<std::string>(value);
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (name.size() <= 64 && std::all_of(name.begin(), name.end(), fits)) return {};
  return "use at most 64 letters, digits, \"-\", \"_\" and \".\"";
}

std::string check_filters(const Value& value) {
  for (const std::string& filter : std::get<std::vector<std::string>>(value)) {
    if (core::is_valid_topic_filter(filter)) continue;
    return fmt::format("{} is not a Topic Filter", in_quotes(filter));
  }
  return {};
}

}  // namespace lineshaft::app
