#pragma once

#include <string_view>

namespace lineshaft::auth {

/// Is there a topic that both Topic Filters match?
bool intersects(std::string_view one, std::string_view other);

/// Does `wide` match every topic that `narrow` matches?
bool contains(std::string_view wide, std::string_view narrow);

}  // namespace lineshaft::auth
