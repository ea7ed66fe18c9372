#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace re2 {
class RE2;
}

namespace lineshaft::sparkplug {

/// Where a metric comes from; `device` is empty for an edge node's own.
struct MetricSource {
  std::string_view group;
  std::string_view node;
  std::string_view device;
  std::string_view metric;
};

/// One way from metrics to topics, as configured.
struct ProjectionRule {
  /// What it is for: text with "*" for any characters; absent: anything. `device` "": only the edge
  /// node's own metrics.
  std::optional<std::string> group, node, device, metric;
  /// Or instead of the four: matches all of GROUP/NODE/DEVICE/METRIC (RE2: linear in time, whatever
  /// a client calls its metrics). An edge node's own metric has an empty DEVICE.
  std::string regex;
  /// The topic: "acme/lyon/{node}/{device}/{metric}". {group} {node} {device} {metric}, and with a
  /// regex its named groups, (?P<line>...) is {line}. "/" in a metric's name begins a level;
  /// {metric_level} keeps it in one, as %2F. "+" and "#" become %2B and %23. A level of which
  /// nothing is left is left out.
  std::string path;
};

struct ProjectionConfig {
  /// "GROUP/NODE/DEVICE/METRIC" to a topic; looked at before the rules. An edge node's own metric:
  /// "GROUP/NODE//METRIC".
  std::map<std::string, std::string> table;
  /// The first that matches counts.
  std::vector<ProjectionRule> rules;
  /// Before the topic of a historical value; empty: they are not projected.
  std::string history_prefix = "_history";
};

/// What is wrong with a configuration.
struct ProjectionProblem {
  /// "table.G/E/D/m" or "rules[2].path".
  std::string where;
  std::string what;
};

/// The mapping rules: which topic a metric has. Asked at births, not for every value.
///
/// Immutable once made. Owned by the Sparkplug extension.
class Projection {
 public:
  /// Maps nothing.
  Projection() = default;

  /// Appends what is wrong to `problems`; only without problems is it fit for use. Refused are
  /// topics that belong to somebody else ($..., spBv1.0/..., STATE/...), two table lines to one
  /// topic, and rules that would put several metrics on one topic.
  Projection(ProjectionConfig config, std::vector<ProjectionProblem>& problems);

  bool empty() const { return table_.empty() && rules_.empty(); }

  /// The metric's topic; nullopt when no rule is for it or the topic would not be a valid one of
  /// the plant (the source's names decide that, so it is no fault of the configuration).
  std::optional<std::string> topic_of(const MetricSource& source) const;

  /// The topic of a historical value of the metric with this topic; nullopt: not projected.
  std::optional<std::string> history_topic(std::string_view topic) const;

  /// For each rule and table line a Topic Filter that matches every topic it can make, to be
  /// compared with zones.
  std::vector<std::string> target_filters() const;

 private:
  struct Part {
    enum class Kind : std::uint8_t { text, group, node, device, metric, metric_level, capture };
    Kind kind = Kind::text;
    std::string text;
    std::size_t capture = 0;
  };
  struct Rule {
    std::optional<std::string> group, node, device, metric;
    std::shared_ptr<const re2::RE2> regex;
    /// One vector of parts per level.
    std::vector<std::vector<Part>> levels;
  };

  void add_rule(const ProjectionRule& rule, const std::string& where,
                std::vector<ProjectionProblem>& problems);
  void add_table(const std::map<std::string, std::string>& table,
                 std::vector<ProjectionProblem>& problems);
  static std::string read_part(std::string_view name, Rule& rule, std::vector<Part>& level);
  static std::string read_path(std::string_view path, Rule& rule);
  static std::string missing_part(const Rule& rule);
  static bool matches(const Rule& rule, const MetricSource& source,
                      std::vector<std::string>& captures);
  static std::string expand(const Rule& rule, const MetricSource& source,
                            const std::vector<std::string>& captures);
  static std::string filter_of(const Rule& rule);

  std::unordered_map<std::string, std::string> table_;
  std::vector<Rule> rules_;
  std::string history_prefix_;
};

/// Whether a metric may have this topic: a valid Topic Name, none of the broker's or of
/// Sparkplug's, and not one for writing ("…/_set").
bool is_projectable(std::string_view topic);

/// The last level of a topic that takes values to write.
inline constexpr std::string_view set_level = "_set";

/// The metric's topic when `topic` is its "…/_set"; nullopt for any other.
std::optional<std::string_view> written_topic(std::string_view topic);

/// A metric by the numbers of `EdgeNodes`.
struct MetricPlace {
  std::uint32_t node = 0;
  std::uint32_t device = 0;
  std::uint32_t metric = 0;
  bool operator==(const MetricPlace&) const = default;
};

/// Which metric has which topic. One topic belongs to one metric: the first that claimed it, until
/// it lets go.
class ProjectedTopics {
 public:
  /// Nullptr: it is this metric's now (or was already); else whose it is.
  const MetricPlace* claim(std::string_view topic, const MetricPlace& metric);
  /// Does nothing when it is another's.
  void release(std::string_view topic, const MetricPlace& metric);
  const MetricPlace* find(std::string_view topic) const;
  std::size_t size() const { return owners_.size(); }

 private:
  std::map<std::string, MetricPlace, std::less<>> owners_;
};

}  // namespace lineshaft::sparkplug
