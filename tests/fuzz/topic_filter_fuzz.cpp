// Topic names and filters as strangers send them. Input: one text per line. Line 1 is a filter,
// each further line a topic; a topic line that begins with '-' releases the topic, one that begins
// with '!' is a second filter. Whatever comes, the tries agree with `topic_matches_filter`, and
// nothing stays behind when all is taken away.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/subscription_trie.h"
#include "broker/core/topic_name.h"
#include "broker/core/topic_trie.h"

using namespace lineshaft::core;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::string_view> lines_of(std::string_view input) {
  std::vector<std::string_view> lines;
  for (;;) {
    const std::size_t end = input.find('\n');
    lines.push_back(input.substr(0, end));
    if (end == std::string_view::npos || lines.size() == 200) return lines;
    input.remove_prefix(end + 1);
  }
}

/// A walk in slices of one node while the lines change the trie.
void check_walk(std::string_view filter, const std::vector<std::string_view>& lines) {
  TopicTrie trie(1);
  std::vector<std::string> names;
  std::map<std::string, std::uint32_t> visits;
  {
    FilterWalk walk(trie, filter);
    const auto visit = [&](std::uint32_t value) {
      require(topic_matches_filter(names[value], filter));
      require(++visits[names[value]] == 1);
    };
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const bool releases = lines[i].starts_with('-');
      const std::string_view topic = lines[i].substr(releases ? 1 : 0);
      if (!is_valid_topic_name(topic)) continue;
      const auto node = trie.find(topic);
      if (!releases) {
        names.emplace_back(topic);
        const NodeId made = trie.insert(topic);
        require(trie.name(made) == topic);
        trie.set_value(made, static_cast<std::uint32_t>(names.size() - 1));
      } else if (node && trie.value(*node) != TopicTrie::npos) {
        trie.release(*node);
      }
      walk.advance(1, visit);
    }
  }
  std::set<std::string> expected;
  for (const std::string& name : std::set<std::string>(names.begin(), names.end())) {
    const auto node = trie.find(name);
    if (!node || trie.value(*node) == TopicTrie::npos) continue;
    if (topic_matches_filter(name, filter)) expected.insert(name);
  }
  std::set<std::string> visited;
  FilterWalk again(trie, filter);
  while (!again.advance(
      1, [&](std::uint32_t value) { require(visited.insert(names[value]).second); })) {
  }
  require(visited == expected);
  for (const std::string& name : names) {
    const auto node = trie.find(name);
    if (node && trie.value(*node) != TopicTrie::npos) trie.release(*node);
  }
  require(trie.node_count() == 0 && trie.levels().size() == 2);
}

void check_match(const std::vector<std::string_view>& lines) {
  SubscriptionTrie trie(1);
  std::set<std::string_view> filters;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view filter = lines[i].substr(lines[i].starts_with('!') ? 1 : 0);
    if ((i == 0 || filter.size() != lines[i].size()) && is_valid_topic_filter(filter)) {
      Subscriber subscriber;
      subscriber.session = static_cast<std::uint32_t>(filters.size());
      if (filters.insert(filter).second) require(trie.set(filter, subscriber));
    }
  }
  require(trie.size() == filters.size());
  Matches matches;
  for (const std::string_view topic : lines) {
    if (!is_valid_topic_name(topic)) continue;
    std::size_t expected = 0;
    for (const std::string_view filter : filters) expected += topic_matches_filter(topic, filter);
    trie.match(topic, matches);
    require(matches.subscribers.size() == expected);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  const std::string_view input(reinterpret_cast<const char*>(data), size_bytes);
  const std::vector<std::string_view> lines = lines_of(input);
  for (const std::string_view line : lines) {
    const ParsedShare parsed = parse_share(line);
    if (parsed.syntax == ShareSyntax::shared) require(is_valid_topic_filter(parsed.shared.filter));
    (void)has_control_characters(line);
  }
  if (is_valid_topic_filter(lines[0])) check_walk(lines[0], lines);
  check_match(lines);
  return 0;
}
