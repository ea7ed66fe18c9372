#pragma once

#include <nlohmann/json.hpp>
#include <string>

/// Small words for JSON that comes from outside or goes there.
namespace lineshaft::auth {

/// Empty for what is absent or no text.
inline std::string text_in(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// On one line. Bytes that are no UTF-8, as names from outside may have them, are replaced: the
/// library would throw.
inline std::string to_line(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace lineshaft::auth
