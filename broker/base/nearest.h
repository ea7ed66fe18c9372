#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lineshaft {

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate a person most likely meant by `word`; none when all are too far away.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace lineshaft
