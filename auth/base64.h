#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lineshaft::auth {

enum class Padding : bool { without, with };

/// The standard alphabet (RFC 4648 section 4).
std::string to_base64(std::string_view bytes, Padding padding);

/// With or without padding; nullopt for everything that is not base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace lineshaft::auth
