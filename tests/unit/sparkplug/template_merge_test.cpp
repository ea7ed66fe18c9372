// Templates in data, as nobody means them: what a merge may cost.
#include "sparkplug/template_merge.h"

#include <string>

#include "sparkplug/nested.h"
#include "tests/support/catch.h"
#include "tests/unit/sparkplug/plant.h"

namespace lineshaft::sparkplug {
namespace {

constexpr std::size_t plenty = 1'000'000;

std::string varint(std::size_t number) {
  std::string out;
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  return out += static_cast<char>(number);
}

std::string bytes_field(std::size_t number, std::string_view content) {
  return varint(number << 3 | 2) + varint(content.size()) + std::string(content);
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

std::string text_member(std::string_view name, std::string_view words) {
  return bytes_field(2, (name.empty() ? "" : bytes_field(1, name)) + bytes_field(15, words));
}

std::size_t members_in(std::string_view body) {
  TemplateWalk walk(body);
  MetricView metric;
  std::size_t found = 0;
  while (walk.next_metric(metric)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a member of the data is used once, however many members have its name", "[sparkplug]") {
  const std::string name = GENERATE("", "a");
  const std::string before = repeated(text_member(name, "x"), 1'000) + text_member("b", "stays");
  const std::string data = text_member(name, std::string(1'000, 'y'));
  std::string merged;
  REQUIRE(append_merged_template(merged, before, data, plenty));
  CHECK(merged.size() <= before.size() + data.size());
  CHECK(members_in(merged) == 2);
}

TEST_CASE("of a member's values only the last is merged", "[sparkplug]") {
  const std::string inner = text_member("i", std::string(1'000, 'x'));
  const std::string before = bytes_field(2, bytes_field(1, "a") + bytes_field(18, inner));
  const std::string values = repeated(bytes_field(18, ""), 1'000);
  const std::string data = bytes_field(2, bytes_field(1, "a") + values);
  std::string merged;
  REQUIRE(append_merged_template(merged, before, data, plenty));
  CHECK(merged == before);
}

TEST_CASE("a merge ends where its bytes do", "[sparkplug]") {
  const std::string before = text_member("a", "x") + text_member("b", "x");
  const std::string data = text_member("a", std::string(500, 'y'));
  std::string merged;
  CHECK_FALSE(append_merged_template(merged, before, data, 500));
  merged.clear();
  CHECK(append_merged_template(merged, before, data, before.size() + data.size()));
}

TEST_CASE("a merged template that the values have no room for is refused and counted",
          "[sparkplug]") {
  EdgeNodesConfig config;
  config.limits.value_bytes = 256;
  Plant plant(config);
  const auto instance = [](std::string_view words) { return text_member("a", words); };
  const std::string born = instance("x");
  plant.publish("spBv1.0/G/NBIRTH/E",
                node_birth(0, 0, {by_both("M", 3, {DataType::template_type, false, 0, born})}));
  const std::string large = instance(std::string(1'000, 'y'));
  plant.publish("spBv1.0/G/NDATA/E",
                payload_of({by_alias(3, {DataType::template_type, false, 0, large})}, 1));
  const MetricTable& table = plant.machine.metrics(plant.number(), no_device);
  CHECK(table.is_omitted(table.find_alias(3)));
  CHECK(table.is_null(table.find_alias(3)));
  CHECK(plant.machine.totals().value_bytes == 0);
}

}  // namespace lineshaft::sparkplug
