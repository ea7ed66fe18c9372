#include "sparkplug/topic.h"

#include <array>

namespace lineshaft::sparkplug {

bool is_valid_id(std::string_view id) {
  constexpr std::string_view forbidden{"+/#\0", 4};
  return !id.empty() && id.find_first_of(forbidden) == std::string_view::npos;
}

std::optional<Topic> parse_topic(std::string_view topic) {
  if (!topic.starts_with(namespace_level)) return std::nullopt;
  std::array<std::string_view, 5> levels;
  std::size_t count = 0;
  for (std::string_view rest = topic;;) {
    if (count == levels.size()) return std::nullopt;
    const std::size_t slash = rest.find('/');
    levels[count] = rest.substr(0, slash);
    if (!is_valid_id(levels[count])) return std::nullopt;
    ++count;
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (levels[0] != namespace_level) return std::nullopt;
  if (count == 3) {
    if (levels[1] != "STATE") return std::nullopt;
    return Topic{MessageType::state, {}, levels[2], {}};
  }
  if (count < 4) return std::nullopt;
  const auto type = sparkplug_type(levels[2]);
  if (!type || *type == MessageType::state) return std::nullopt;
  if (is_device_message(*type) != (count == 5)) return std::nullopt;
  return Topic{*type, levels[1], levels[3], levels[4]};
}

std::string topic_name(const Topic& topic) {
  std::string name{namespace_level};
  const auto add = [&name](std::string_view level) { name.append("/").append(level); };
  if (topic.type == MessageType::state) {
    add("STATE");
    add(topic.node);
    return name;
  }
  add(topic.group);
  add(to_string(topic.type));
  add(topic.node);
  if (is_device_message(topic.type)) add(topic.device);
  return name;
}

}  // namespace lineshaft::sparkplug
