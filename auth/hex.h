#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lineshaft::auth {

/// In lower-case digits.
std::string to_hex(std::string_view bytes);
/// Of lower-case digits only; nullopt for anything else.
std::optional<std::string> from_hex(std::string_view digits);

}  // namespace lineshaft::auth
