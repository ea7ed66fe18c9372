#include "sparkplug/projection.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "broker/base/limits.h"
#include "broker/core/topic_name.h"
#include "broker/mqtt/utf8.h"

namespace lineshaft::sparkplug {
namespace {

constexpr std::size_t regex_memory_bytes_max = std::size_t{1} << 20;

/// Text with "*" for any characters, against `text`; "*" goes back to its last place only.
bool matches_pattern(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t in = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (in < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_text = in;
    } else if (at < pattern.size() && pattern[at] == text[in]) {
      ++at;
      ++in;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in = ++star_text;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

bool fits(const std::optional<std::string>& pattern, std::string_view text) {
  return !pattern || matches_pattern(*pattern, text);
}

bool is_one(const std::optional<std::string>& pattern) {
  return pattern && pattern->find('*') == std::string::npos;
}

/// What a topic may not hold; `in_one_level`: nor a "/".
void append_name(std::string& out, std::string_view name, bool in_one_level) {
  for (const char c : name) {
    if (c == '+') {
      out += "%2B";
    } else if (c == '#') {
      out += "%23";
    } else if (c == '/' && in_one_level) {
      out += "%2F";
    } else {
      out += c;
    }
  }
}

bool is_table_source(std::string_view source) { return std::ranges::count(source, '/') >= 3; }

/// Whether every topic that begins like this belongs to somebody else.
bool is_reserved(std::string_view topic) {
  return topic.starts_with('$') || topic.starts_with("spBv1.0/") || topic.starts_with("STATE/");
}

std::string_view last_level(std::string_view topic) {
  const std::size_t slash = topic.rfind('/');
  return slash == std::string_view::npos ? topic : topic.substr(slash + 1);
}

constexpr std::string_view reserved_text =
    "topics below $, spBv1.0 and STATE, and those that end in /_set, are not free";

}  // namespace

bool is_projectable(std::string_view topic) {
  return core::is_valid_topic_name(topic) && topic.size() <= limits::topic_size_bytes_max &&
         core::level_count(topic) <= limits::topic_levels_max &&
         mqtt::printable_text_fault(topic).empty() && !is_reserved(topic) && topic != "spBv1.0" &&
         last_level(topic) != set_level;
}

std::optional<std::string_view> written_topic(std::string_view topic) {
  if (topic.size() <= set_level.size() + 1 || last_level(topic) != set_level) return std::nullopt;
  return topic.substr(0, topic.size() - set_level.size() - 1);
}

Projection::Projection(ProjectionConfig config, std::vector<ProjectionProblem>& problems)
    : history_prefix_(std::move(config.history_prefix)) {
  if (!history_prefix_.empty() && !is_projectable(history_prefix_)) {
    problems.push_back({"history_prefix", "is no topic a value may have"});
  }
  add_table(config.table, problems);
  for (std::size_t index = 0; index < config.rules.size(); ++index) {
    add_rule(config.rules[index], fmt::format("rules[{}]", index), problems);
  }
}

void Projection::add_table(const std::map<std::string, std::string>& table,
                           std::vector<ProjectionProblem>& problems) {
  std::map<std::string_view, std::string_view> sources;
  for (const auto& [source, topic] : table) {
    const std::string where = "table." + source;
    if (!is_table_source(source)) {
      problems.push_back({where,
                          "is not GROUP/NODE/DEVICE/METRIC (an edge node's own metric has "
                          "an empty DEVICE)"});
    }
    if (!is_projectable(topic)) problems.push_back({where, std::string(reserved_text)});
    const auto [other, is_new] = sources.emplace(topic, source);
    if (!is_new) {
      problems.push_back(
          {where, fmt::format("has the topic \"{}\", as {} has", topic, other->second)});
    }
    table_.emplace(source, topic);
  }
}

/// Takes what stands between braces; what is wrong with it, or nothing.
std::string Projection::read_part(std::string_view name, Rule& rule, std::vector<Part>& level) {
  constexpr std::array<std::string_view, 5> names = {"group", "node", "device", "metric",
                                                     "metric_level"};
  Part part;
  const auto known = std::ranges::find(names, name);
  if (known != names.end()) {
    part.kind = static_cast<Part::Kind>(known - names.begin() + 1);
  } else {
    if (!rule.regex) {
      return fmt::format("knows no {{{}}}; there are group, node, device, metric, metric_level",
                         name);
    }
    const auto& groups = rule.regex->NamedCapturingGroups();
    const auto group = groups.find(std::string(name));
    if (group == groups.end()) return fmt::format("the regex has no group (?P<{}>...)", name);
    part.kind = Part::Kind::capture;
    part.capture = static_cast<std::size_t>(group->second) - 1;
  }
  level.push_back(std::move(part));
  return {};
}

/// What is wrong with the path, or nothing.
std::string Projection::read_path(std::string_view path, Rule& rule) {
  if (path.find_first_of("+#") != std::string_view::npos) return "has a wildcard";
  rule.levels.emplace_back();
  std::string text;
  const auto end_text = [&] {
    if (!text.empty()) rule.levels.back().push_back({Part::Kind::text, std::move(text), 0});
    text.clear();
  };
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (path[at] == '/') {
      end_text();
      rule.levels.emplace_back();
    } else if (path[at] == '{') {
      end_text();
      const std::size_t close = path.find('}', at);
      if (close == std::string_view::npos) return "has a { without }";
      std::string fault = read_part(path.substr(at + 1, close - at - 1), rule, rule.levels.back());
      if (!fault.empty()) return fault;
      at = close;
    } else {
      text += path[at];
    }
  }
  end_text();
  const bool has_empty = std::ranges::any_of(rule.levels, &std::vector<Part>::empty);
  return has_empty ? "has an empty level" : "";
}

/// A part that tells metrics apart, and is neither fixed by the rule nor in its path.
std::string Projection::missing_part(const Rule& rule) {
  const auto has = [&rule](Part::Kind kind) {
    return std::ranges::any_of(rule.levels, [kind](const std::vector<Part>& level) {
      return std::ranges::any_of(level, [kind](const Part& part) { return part.kind == kind; });
    });
  };
  const bool has_metric = has(Part::Kind::metric) || has(Part::Kind::metric_level);
  if (rule.regex) {
    // What its groups tell apart is seen at births.
    return has_metric || has(Part::Kind::capture) ? "" : "metric";
  }
  if (!is_one(rule.group) && !has(Part::Kind::group)) return "group";
  if (!is_one(rule.node) && !has(Part::Kind::node)) return "node";
  if (!is_one(rule.device) && !has(Part::Kind::device)) return "device";
  if (!is_one(rule.metric) && !has_metric) return "metric";
  return {};
}

void Projection::add_rule(const ProjectionRule& rule, const std::string& where,
                          std::vector<ProjectionProblem>& problems) {
  Rule made{rule.group, rule.node, rule.device, rule.metric, {}, {}};
  if (!rule.regex.empty()) {
    if (rule.group || rule.node || rule.device || rule.metric) {
      problems.push_back({where + ".regex", "stands instead of group, node, device and metric"});
      return;
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(regex_memory_bytes_max);
    const auto regex = std::make_shared<const re2::RE2>(rule.regex, options);
    if (!regex->ok()) {
      problems.push_back({where + ".regex", regex->error()});
      return;
    }
    made.regex = regex;
  }
  const std::string fault = read_path(rule.path, made);
  if (!fault.empty()) {
    problems.push_back({where + ".path", fault});
    return;
  }
  const std::string filter = filter_of(made);
  if (!core::is_valid_topic_filter(filter) || is_reserved(filter) ||
      last_level(filter) == set_level) {
    problems.push_back({where + ".path", std::string(reserved_text)});
    return;
  }
  if (const std::string missing = missing_part(made); !missing.empty()) {
    problems.push_back({where + ".path", fmt::format("puts several metrics on one topic: it needs "
                                                     "{{{}}}, or the rule one {}",
                                                     missing, missing)});
    return;
  }
  rules_.push_back(std::move(made));
}

bool Projection::matches(const Rule& rule, const MetricSource& source,
                         std::vector<std::string>& captures) {
  if (!rule.regex) {
    return fits(rule.group, source.group) && fits(rule.node, source.node) &&
           fits(rule.device, source.device) && fits(rule.metric, source.metric);
  }
  const auto count = static_cast<std::size_t>(rule.regex->NumberOfCapturingGroups());
  captures.assign(count, {});
  std::vector<re2::RE2::Arg> arguments;
  arguments.reserve(count);
  for (std::string& capture : captures) arguments.emplace_back(&capture);
  std::vector<const re2::RE2::Arg*> pointers;
  for (const re2::RE2::Arg& argument : arguments) pointers.push_back(&argument);
  const std::string text =
      fmt::format("{}/{}/{}/{}", source.group, source.node, source.device, source.metric);
  return re2::RE2::FullMatchN(text, *rule.regex, pointers.data(), static_cast<int>(count));
}

std::string Projection::expand(const Rule& rule, const MetricSource& source,
                               const std::vector<std::string>& captures) {
  std::string topic;
  std::string text;
  bool is_first = true;
  for (const std::vector<Part>& level : rule.levels) {
    text.clear();
    for (const Part& part : level) {
      const bool in_one_level =
          part.kind == Part::Kind::metric_level || part.kind == Part::Kind::capture;
      const std::string_view name = [&]() -> std::string_view {
        switch (part.kind) {
          case Part::Kind::text:
            return part.text;
          case Part::Kind::group:
            return source.group;
          case Part::Kind::node:
            return source.node;
          case Part::Kind::device:
            return source.device;
          case Part::Kind::capture:
            return captures[part.capture];
          default:
            return source.metric;
        }
      }();
      append_name(text, name, in_one_level);
    }
    if (text.empty()) continue;
    if (!std::exchange(is_first, false)) topic += '/';
    topic += text;
  }
  return topic;
}

std::optional<std::string> Projection::topic_of(const MetricSource& source) const {
  if (!table_.empty()) {
    const auto line = table_.find(
        fmt::format("{}/{}/{}/{}", source.group, source.node, source.device, source.metric));
    if (line != table_.end()) return line->second;
  }
  std::vector<std::string> captures;
  const auto rule =
      std::ranges::find_if(rules_, [&](const Rule& one) { return matches(one, source, captures); });
  if (rule == rules_.end()) return std::nullopt;
  std::string topic = expand(*rule, source, captures);
  if (!is_projectable(topic)) return std::nullopt;
  return topic;
}

std::optional<std::string> Projection::history_topic(std::string_view topic) const {
  if (history_prefix_.empty()) return std::nullopt;
  return fmt::format("{}/{}", history_prefix_, topic);
}

/// A level with a placeholder can be anything, and one that may be left out shifts those behind it.
std::string Projection::filter_of(const Rule& rule) {
  std::string filter;
  for (const std::vector<Part>& level : rule.levels) {
    const auto is_text = [](const Part& part) { return part.kind == Part::Kind::text; };
    if (!filter.empty()) filter += '/';
    if (!std::ranges::all_of(level, is_text)) {
      const bool has_one_level = std::ranges::all_of(level, [](const Part& part) {
        return part.kind == Part::Kind::text || part.kind == Part::Kind::group ||
               part.kind == Part::Kind::node;
      });
      if (!has_one_level) return filter + '#';
      filter += '+';
      continue;
    }
    for (const Part& part : level) filter += part.text;
  }
  return filter;
}

std::vector<std::string> Projection::target_filters() const {
  std::vector<std::string> filters;
  for (const auto& [source, topic] : table_) filters.push_back(topic);
  for (const Rule& rule : rules_) filters.push_back(filter_of(rule));
  return filters;
}

const MetricPlace* ProjectedTopics::claim(std::string_view topic, const MetricPlace& metric) {
  const auto [owner, is_new] = owners_.try_emplace(std::string(topic), metric);
  return is_new || owner->second == metric ? nullptr : &owner->second;
}

void ProjectedTopics::release(std::string_view topic, const MetricPlace& metric) {
  const auto owner = owners_.find(topic);
  if (owner != owners_.end() && owner->second == metric) owners_.erase(owner);
}

const MetricPlace* ProjectedTopics::find(std::string_view topic) const {
  const auto owner = owners_.find(topic);
  return owner == owners_.end() ? nullptr : &owner->second;
}

}  // namespace lineshaft::sparkplug
