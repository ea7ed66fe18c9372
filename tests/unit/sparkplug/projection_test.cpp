#include "sparkplug/projection.h"

#include <string>

#include "tests/support/catch.h"

namespace lineshaft::sparkplug {
namespace {

Projection made(ProjectionConfig config) {
  std::vector<ProjectionProblem> problems;
  Projection projection(std::move(config), problems);
  for (const ProjectionProblem& problem : problems) UNSCOPED_INFO(problem.where + problem.what);
  REQUIRE(problems.empty());
  return projection;
}

Projection made(ProjectionRule rule) {
  ProjectionConfig config;
  config.rules.push_back(std::move(rule));
  return made(std::move(config));
}

ProjectionRule to(std::string path) {
  ProjectionRule rule;
  rule.path = std::move(path);
  return rule;
}

ProjectionRule by_regex(std::string regex, std::string path) {
  ProjectionRule rule;
  rule.regex = std::move(regex);
  rule.path = std::move(path);
  return rule;
}

/// Where the first problem is, "" when there is none.
std::string first_problem(ProjectionRule rule) {
  ProjectionConfig config;
  config.rules.push_back(std::move(rule));
  std::vector<ProjectionProblem> problems;
  const Projection projection(std::move(config), problems);
  return problems.empty() ? "" : problems.front().where + " " + problems.front().what;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

const MetricSource device_metric{"G", "E", "D", "Motor/Speed"};
const MetricSource node_metric{"G", "E", "", "Uptime"};

}  // namespace

TEST_CASE("a template puts names where their braces stand", "[sparkplug]") {
  const Projection all = made(to("acme/{group}/{node}/{device}/{metric}"));
  CHECK(all.topic_of(device_metric) == "acme/G/E/D/Motor/Speed");
  CHECK(all.topic_of(node_metric) == "acme/G/E/Uptime");
  const Projection flat = made(to("acme/x-{group}.{node}/d{device}/{metric_level}"));
  CHECK(flat.topic_of(device_metric) == "acme/x-G.E/dD/Motor%2FSpeed");
  CHECK(flat.topic_of(node_metric) == "acme/x-G.E/d/Uptime");
  CHECK_FALSE(Projection().topic_of(device_metric).has_value());
}

TEST_CASE("the table comes before the rules, and of the rules the first that matches",
          "[sparkplug]") {
  ProjectionConfig config;
  config.table["G/E/D/Motor/Speed"] = "acme/press/speed";
  config.table["G/E//Uptime"] = "acme/gateway/uptime";
  ProjectionRule rule = to("first/{node}/{device}/{metric}");
  rule.group = "G";
  rule.metric = "Motor/*";
  config.rules.push_back(rule);
  rule = to("own/{group}/{node}/{metric}");
  rule.device = "";
  config.rules.push_back(rule);
  config.rules.push_back(to("rest/{group}/{node}/{device}/{metric}"));
  const Projection projection = made(std::move(config));
  CHECK(projection.topic_of(device_metric) == "acme/press/speed");
  CHECK(projection.topic_of(node_metric) == "acme/gateway/uptime");
  CHECK(projection.topic_of({"G", "E", "D2", "Motor/Speed"}) == "first/E/D2/Motor/Speed");
  CHECK(projection.topic_of({"G", "E", "", "Load"}) == "own/G/E/Load");
  CHECK(projection.topic_of({"H", "E", "D", "Motor/Speed"}) == "rest/H/E/D/Motor/Speed");
}

TEST_CASE("a regex matches the whole of group, node, device and metric, and its groups are parts",
          "[sparkplug]") {
  const Projection projection = made(by_regex(
      "(?P<site>[a-z]+)-(?P<line>[0-9]+)/[^/]*/(?P<unit>[^/]*)/.*", "acme/{site}/{line}/{metric}"));
  CHECK(projection.topic_of({"lyon-7", "E", "D", "a/b"}) == "acme/lyon/7/a/b");
  CHECK_FALSE(projection.topic_of({"lyon-x", "E", "D", "a"}).has_value());
  CHECK_FALSE(projection.topic_of({"0lyon-7", "E", "D", "a"}).has_value());
}

TEST_CASE("a regex that would take other engines forever does not", "[sparkplug]") {
  const Projection projection = made(by_regex("(a+)+(?P<x>[^/]*)/E/D/b", "acme/{x}/{metric}"));
  CHECK_FALSE(projection.topic_of({std::string(900, 'a') + "!", "E", "D", "c"}).has_value());
}

TEST_CASE("names cannot make wildcards, foreign topics, or topics nobody may publish",
          "[sparkplug]") {
  const Projection all = made(to("{group}/{node}/{device}/{metric}"));
  CHECK(all.topic_of({"G", "E", "D", "a+b#c"}) == "G/E/D/a%2Bb%23c");
  CHECK_FALSE(all.topic_of({"$SYS", "E", "D", "m"}).has_value());
  CHECK_FALSE(all.topic_of({"spBv1.0", "E", "D", "m"}).has_value());
  CHECK_FALSE(all.topic_of({"STATE", "E", "D", "m"}).has_value());
  CHECK_FALSE(all.topic_of({"G", "E", "D", "m/_set"}).has_value());
  CHECK_FALSE(all.topic_of({"G", "E", "D", "\xff"}).has_value());
  CHECK_FALSE(all.topic_of({"G", "E", "D", std::string("a\0b", 3)}).has_value());
  CHECK_FALSE(all.topic_of({"G", "E", "D", std::string(2000, 'x')}).has_value());
  CHECK_FALSE(all.topic_of({"G", "E", "D", std::string(100, '/')}).has_value());
}

TEST_CASE("a rule that puts several metrics on one topic is refused at load", "[sparkplug]") {
  CHECK(has(first_problem(to("acme/{group}/{node}/{device}")), "{metric}"));
  CHECK(has(first_problem(to("acme/{node}/{device}/{metric}")), "{group}"));
  CHECK(has(first_problem(to("acme/{group}/{device}/{metric}")), "{node}"));
  CHECK(has(first_problem(to("acme/{group}/{node}/{metric}")), "{device}"));
  CHECK(has(first_problem(by_regex(".*", "acme/fixed")), "{metric}"));
  ProjectionRule one = to("acme/press/speed");
  one.group = "G";
  one.node = "E";
  one.device = "D";
  one.metric = "Motor/Speed";
  CHECK(first_problem(one).empty());
  one.metric = "Motor/*";
  CHECK(has(first_problem(one), "{metric}"));
}

TEST_CASE("what cannot be a topic, and topics of others, are refused at load", "[sparkplug]") {
  const std::string rest = "/{group}/{node}/{device}/{metric}";
  CHECK(has(first_problem(to("$SYS" + rest)), "rules[0].path"));
  CHECK(has(first_problem(to("spBv1.0" + rest)), "rules[0].path"));
  CHECK(has(first_problem(to("STATE" + rest)), "rules[0].path"));
  CHECK(has(first_problem(to("a/+" + rest)), "wildcard"));
  CHECK(has(first_problem(to("a//b" + rest)), "empty level"));
  CHECK(has(first_problem(to("")), "empty level"));
  CHECK(has(first_problem(to("a/{grup}/b")), "knows no {grup}"));
  CHECK(has(first_problem(to("a/{group")), "{ without }"));
  CHECK(has(first_problem(by_regex("(", "a/{metric}")), "rules[0].regex"));
  CHECK(has(first_problem(by_regex("(?P<a>.*)", "a/{b}")), "(?P<b>"));
  ProjectionRule both = by_regex(".*", "a/{metric}");
  both.group = "G";
  CHECK(has(first_problem(both), "instead of"));
}

TEST_CASE("two lines of the table cannot have one topic", "[sparkplug]") {
  ProjectionConfig config;
  config.table["G/E/D/a"] = "acme/x";
  config.table["G/E/D/b"] = "acme/x";
  config.table["G/E/a"] = "acme/y";
  config.table["G/E//c"] = "$SYS/y";
  std::vector<ProjectionProblem> problems;
  const Projection projection(std::move(config), problems);
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].where == "table.G/E//c");
  CHECK(problems[1].where == "table.G/E/D/b");
  CHECK(has(problems[1].what, "G/E/D/a"));
  CHECK(problems[2].where == "table.G/E/a");
}

TEST_CASE("every topic of a rule lies within its target filter", "[sparkplug]") {
  ProjectionConfig config;
  config.table["G/E/D/a"] = "acme/x";
  config.rules.push_back(to("acme/{group}/{node}/{device}/{metric}"));
  config.rules.push_back(to("acme/{group}/{node}/x{device}/{metric}"));
  config.rules.push_back(by_regex("(?P<s>[^/]*)/.*", "{s}/{metric}"));
  const Projection projection = made(std::move(config));
  CHECK(projection.target_filters() ==
        std::vector<std::string>{"acme/x", "acme/+/+/#", "acme/+/+/#", "#"});
}

TEST_CASE("historical values have a branch of their own", "[sparkplug]") {
  CHECK(made(ProjectionConfig{}).history_topic("a/b") == "_history/a/b");
  ProjectionConfig off;
  off.history_prefix = "";
  CHECK_FALSE(made(off).history_topic("a/b").has_value());
}

TEST_CASE("a topic for writing is its metric's with _set behind it", "[sparkplug]") {
  CHECK(written_topic("a/b/_set") == "a/b");
  CHECK_FALSE(written_topic("a/b/_sets").has_value());
  CHECK_FALSE(written_topic("a/b_set").has_value());
  CHECK_FALSE(written_topic("_set").has_value());
  CHECK_FALSE(written_topic("/_set").has_value());
}

TEST_CASE("a topic is its first metric's until that lets go", "[sparkplug]") {
  ProjectedTopics topics;
  const MetricPlace one{1, 2, 3};
  const MetricPlace other{1, 2, 4};
  CHECK(topics.claim("a/b", one) == nullptr);
  CHECK(topics.claim("a/b", one) == nullptr);
  const MetricPlace* const owner = topics.claim("a/b", other);
  REQUIRE(owner != nullptr);
  CHECK(*owner == one);
  topics.release("a/b", other);
  REQUIRE(topics.find("a/b") != nullptr);
  topics.release("a/b", one);
  CHECK(topics.find("a/b") == nullptr);
  CHECK(topics.claim("a/b", other) == nullptr);
  CHECK(topics.size() == 1);
}

}  // namespace lineshaft::sparkplug
