#include "auth/filter_relation.h"

#include <optional>

namespace lineshaft::auth {
namespace {

/// The levels of a filter, one after the other; an empty level is a level.
class Levels {
 public:
  explicit Levels(std::string_view filter) : rest_(filter) {}

  /// nullopt behind the last one.
  std::optional<std::string_view> next() {
    if (over_) return std::nullopt;
    const std::size_t slash = rest_.find('/');
    const std::string_view level = rest_.substr(0, slash);
    over_ = slash == std::string_view::npos;
    if (!over_) rest_.remove_prefix(slash + 1);
    return level;
  }

 private:
  std::string_view rest_;
  bool over_ = false;
};

bool is_wildcard(std::string_view level) { return level == "+" || level == "#"; }

/// Wildcards at the first level match no '$' [MQTT-4.7.2-1].
bool first_levels_meet(std::string_view one, std::string_view other) {
  const auto shuts_out = [](std::string_view wild, std::string_view literal) {
    return is_wildcard(wild.substr(0, 1)) && literal.starts_with('$');
  };
  return !shuts_out(one, other) && !shuts_out(other, one);
}

}  // namespace

bool intersects(std::string_view one, std::string_view other) {
  if (!first_levels_meet(one, other)) return false;
  Levels ones(one);
  Levels others(other);
  for (;;) {
    const auto a = ones.next();
    const auto b = others.next();
    // "a/#" matches "a" too.
    if (!a || !b) return a.value_or("#") == "#" && b.value_or("#") == "#";
    if (*a == "#" || *b == "#") return true;
    if (*a != *b && *a != "+" && *b != "+") return false;
  }
}

bool contains(std::string_view wide, std::string_view narrow) {
  if (!first_levels_meet(wide, narrow)) return false;
  Levels wides(wide);
  Levels narrows(narrow);
  for (;;) {
    const auto a = wides.next();
    const auto b = narrows.next();
    if (!a) return !b;
    if (*a == "#") return true;
    if (!b || *b == "#") return false;
    if (*a != "+" && *a != *b) return false;
  }
}

}  // namespace lineshaft::auth
