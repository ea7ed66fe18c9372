#include "broker/core/topic_name.h"

#include <algorithm>

namespace lineshaft::core {
namespace {

/// What a length field of two bytes can say [MQTT-4.7.3-3].
constexpr std::size_t string_size_bytes_max = 65'535;
constexpr std::string_view share_prefix = "$share/";

bool has_legal_size(std::string_view text) {
  return !text.empty() && text.size() <= string_size_bytes_max;
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

/// Cuts the first level off `rest`; `rest` becomes what stands behind the '/'.
/// Returns false with the last level, and `rest` is empty then.
bool take_level(std::string_view& rest, std::string_view& level) {
  const std::size_t slash = rest.find('/');
  level = rest.substr(0, slash);
  const bool more = slash != std::string_view::npos;
  rest = more ? rest.substr(slash + 1) : std::string_view{};
  return more;
}

}  // namespace

bool is_valid_topic_name(std::string_view name) {
  return has_legal_size(name) && !has_wildcard(name) && !has_nul(name);
}

bool is_valid_topic_filter(std::string_view filter) {
  if (!has_legal_size(filter) || has_nul(filter)) return false;
  for (std::size_t i = 0; i < filter.size(); ++i) {
    const char c = filter[i];
    if (c != '+' && c != '#') continue;
    const bool at_front = i == 0 || filter[i - 1] == '/';
    const bool last = i + 1 == filter.size();
    if (!at_front) return false;                                  // [MQTT-4.7.1-1], [-2]
    if (c == '#' && !last) return false;                          // [MQTT-4.7.1-1]
    if (c == '+' && !last && filter[i + 1] != '/') return false;  // [MQTT-4.7.1-2]
  }
  return true;
}

bool has_wildcard(std::string_view filter) {
  // Two searches: find_first_of asks for each character by itself.
  return filter.find('+') != std::string_view::npos || filter.find('#') != std::string_view::npos;
}

std::size_t level_count(std::string_view name) {
  return 1 + static_cast<std::size_t>(std::count(name.begin(), name.end(), '/'));
}

bool has_control_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return true;
    // U+0080..U+009F is C2 80..C2 9F in UTF-8; C2 is never a continuation byte.
    if (byte != 0xC2 || i + 1 == text.size()) continue;
    const auto next = static_cast<unsigned char>(text[i + 1]);
    if (next >= 0x80 && next <= 0x9F) return true;
  }
  return false;
}

bool topic_matches_filter(std::string_view topic, std::string_view filter) {
  if (starts_with_dollar(topic) && (filter.starts_with('+') || filter.starts_with('#'))) {
    return false;  // [MQTT-4.7.2-1]
  }
  for (;;) {
    std::string_view topic_level;
    std::string_view filter_level;
    const bool more_filter = take_level(filter, filter_level);
    if (filter_level == "#") return true;
    const bool more_topic = take_level(topic, topic_level);
    if (filter_level != "+" && filter_level != topic_level) return false;
    // The topic ends here: the filter must too, or go on with "/#", which includes the parent.
    if (!more_topic) return !more_filter || filter == "#";
    if (!more_filter) return false;
  }
}

ParsedShare parse_share(std::string_view filter) {
  if (!filter.starts_with(share_prefix)) return {};
  const ParsedShare invalid{ShareSyntax::invalid, {}};
  if (filter.size() > string_size_bytes_max) return invalid;
  const std::string_view rest = filter.substr(share_prefix.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return invalid;  // [MQTT-4.8.2-2]
  const SharedFilter shared{rest.substr(0, slash), rest.substr(slash + 1)};
  if (shared.share_name.empty()) return invalid;  // [MQTT-4.8.2-1]
  if (has_wildcard(shared.share_name) || has_nul(shared.share_name)) return invalid;
  if (!is_valid_topic_filter(shared.filter)) return invalid;  // [MQTT-4.8.2-2]
  return ParsedShare{ShareSyntax::shared, shared};
}

}  // namespace lineshaft::core
