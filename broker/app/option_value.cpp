#include <fmt/format.h>

#include "broker/app/config_error.h"
#include "broker/app/options.h"

namespace lineshaft::app {

Value default_value(const OptionSpec& spec) {
  switch (spec.kind) {
    case Kind::boolean:
      return spec.number != 0;
    case Kind::integer:
      return spec.number;
    case Kind::list:
      return std::vector<std::string>{};
    case Kind::text:
    case Kind::choice:
      break;
  }
  return std::string(spec.text);
}

std::string to_toml(const Value& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* word = std::get_if<std::string>(&value)) return in_quotes(*word);
  std::string out = "[";
  for (const std::string& each : std::get<std::vector<std::string>>(value)) {
    if (out.size() > 1) out += ", ";
    out += in_quotes(each);
  }
  return out + "]";
}

}  // namespace lineshaft::app
