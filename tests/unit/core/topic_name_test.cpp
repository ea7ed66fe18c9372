#include "broker/core/topic_name.h"

#include <string>
#include <string_view>

#include "tests/support/catch.h"

using namespace lineshaft::core;
using namespace std::string_view_literals;

TEST_CASE("a topic name has at least one character and no wildcard",
          "[core][MQTT-4.7.0-1][MQTT-4.7.3-1]") {
  CHECK(is_valid_topic_name("a"));
  CHECK(is_valid_topic_name("/"));
  CHECK(is_valid_topic_name("acme//press 7/"));
  CHECK(is_valid_topic_name("$SYS/x"));
  CHECK_FALSE(is_valid_topic_name(""));
  CHECK_FALSE(is_valid_topic_name("a/+/b"));
  CHECK_FALSE(is_valid_topic_name("a+"));
  CHECK_FALSE(is_valid_topic_name("#"));
}

TEST_CASE("U+0000 is in no topic name and no filter", "[core][MQTT-4.7.3-2]") {
  CHECK_FALSE(is_valid_topic_name("a\0b"sv));
  CHECK_FALSE(is_valid_topic_filter("a/\0"sv));
}

TEST_CASE("a topic name and a filter have at most 65535 bytes", "[core][MQTT-4.7.3-3]") {
  const std::string longest(65'535, 'a');
  CHECK(is_valid_topic_name(longest));
  CHECK(is_valid_topic_filter(longest));
  CHECK_FALSE(is_valid_topic_name(longest + "a"));
  CHECK_FALSE(is_valid_topic_filter(longest + "a"));
}

TEST_CASE("'#' stands alone or after '/', and last", "[core][MQTT-4.7.1-1]") {
  CHECK(is_valid_topic_filter("#"));
  CHECK(is_valid_topic_filter("/#"));
  CHECK(is_valid_topic_filter("a/b/#"));
  CHECK(is_valid_topic_filter("+/#"));
  CHECK_FALSE(is_valid_topic_filter("a#"));
  CHECK_FALSE(is_valid_topic_filter("a/b#"));
  CHECK_FALSE(is_valid_topic_filter("#/a"));
  CHECK_FALSE(is_valid_topic_filter("a/#/b"));
  CHECK_FALSE(is_valid_topic_filter("a/#/"));
  CHECK_FALSE(is_valid_topic_filter("##"));
  CHECK_FALSE(is_valid_topic_filter("a/+#"));
}

TEST_CASE("'+' fills a whole level", "[core][MQTT-4.7.1-2]") {
  CHECK(is_valid_topic_filter("+"));
  CHECK(is_valid_topic_filter("+/+"));
  CHECK(is_valid_topic_filter("/+"));
  CHECK(is_valid_topic_filter("a/+/b"));
  CHECK_FALSE(is_valid_topic_filter("a+"));
  CHECK_FALSE(is_valid_topic_filter("+a"));
  CHECK_FALSE(is_valid_topic_filter("a/b+/c"));
  CHECK_FALSE(is_valid_topic_filter("a/+b"));
  CHECK_FALSE(is_valid_topic_filter("++"));
}

TEST_CASE("an empty filter is refused", "[core][MQTT-4.7.3-1]") {
  CHECK_FALSE(is_valid_topic_filter(""));
}

TEST_CASE("a filter with '+' or '#' has a wildcard", "[core]") {
  CHECK(has_wildcard("a/+/b"));
  CHECK(has_wildcard("a/#"));
  CHECK_FALSE(has_wildcard("a/b"));
  CHECK_FALSE(has_wildcard(""));
}

TEST_CASE("empty levels count", "[core][MQTT-4.7.3-4]") {
  CHECK(level_count("a") == 1);
  CHECK(level_count("/") == 2);
  CHECK(level_count("a//b/") == 4);
}

TEST_CASE("control characters of both ranges are found, other characters are not", "[core]") {
  CHECK(has_control_characters("a\nb"));
  CHECK(has_control_characters("\x7F"));
  CHECK(has_control_characters("a\0"sv));
  CHECK(has_control_characters("a\xC2\x80"));
  CHECK(has_control_characters("\xC2\x9F/b"));
  CHECK_FALSE(has_control_characters("acme/press 7/~"));
  CHECK_FALSE(has_control_characters("\xC2\xA0"));      // U+00A0
  CHECK_FALSE(has_control_characters("\xC3\x9F"));      // sharp s: 9F as a continuation byte
  CHECK_FALSE(has_control_characters("\xE2\x82\xAC"));  // euro sign
}

TEST_CASE("names are compared byte by byte and level by level", "[core][MQTT-4.7.3-4]") {
  CHECK(topic_matches_filter("a/b", "a/b"));
  CHECK_FALSE(topic_matches_filter("a/b", "a/B"));
  CHECK_FALSE(topic_matches_filter("/a", "a"));
  CHECK_FALSE(topic_matches_filter("a/", "a"));
  CHECK_FALSE(topic_matches_filter("a", "a/"));
  CHECK_FALSE(topic_matches_filter("a/b/c", "a/b"));
  CHECK_FALSE(topic_matches_filter("a/b", "a/b/c"));
}

TEST_CASE("'+' matches exactly one level, an empty one too", "[core][MQTT-4.7.1-2]") {
  CHECK(topic_matches_filter("a", "+"));
  CHECK(topic_matches_filter("a/b", "a/+"));
  CHECK(topic_matches_filter("a/", "a/+"));
  CHECK(topic_matches_filter("/a", "+/a"));
  CHECK(topic_matches_filter("/", "+/+"));
  CHECK_FALSE(topic_matches_filter("a/b/c", "a/+"));
  CHECK_FALSE(topic_matches_filter("a", "a/+"));
  CHECK_FALSE(topic_matches_filter("/a", "+"));
}

TEST_CASE("'#' matches the parent and everything below", "[core][MQTT-4.7.1-1]") {
  CHECK(topic_matches_filter("a", "a/#"));
  CHECK(topic_matches_filter("a/", "a/#"));
  CHECK(topic_matches_filter("a/b/c", "a/#"));
  CHECK(topic_matches_filter("a/b/c", "#"));
  CHECK(topic_matches_filter("/", "#"));
  CHECK(topic_matches_filter("a", "+/#"));
  CHECK(topic_matches_filter("a/b", "a/+/#"));
  CHECK_FALSE(topic_matches_filter("a", "a/+/#"));
  CHECK_FALSE(topic_matches_filter("ab", "a/#"));
  CHECK_FALSE(topic_matches_filter("b/a", "a/#"));
}

TEST_CASE("a wildcard at the front does not match a '$' name", "[core][MQTT-4.7.2-1]") {
  CHECK_FALSE(topic_matches_filter("$SYS", "#"));
  CHECK_FALSE(topic_matches_filter("$SYS/a", "+/a"));
  CHECK_FALSE(topic_matches_filter("$SYS/a", "+/#"));
  CHECK(topic_matches_filter("$SYS/a", "$SYS/#"));
  CHECK(topic_matches_filter("$SYS", "$SYS/#"));
  CHECK(topic_matches_filter("$SYS/a", "$SYS/+"));
  CHECK(topic_matches_filter("a/$b", "a/+"));
  CHECK(topic_matches_filter("a/$b", "#"));
}

TEST_CASE("a shared subscription is taken apart", "[core][MQTT-4.8.2-1][MQTT-4.8.2-2]") {
  const ParsedShare parsed = parse_share("$share/group/a/+/#");
  REQUIRE(parsed.syntax == ShareSyntax::shared);
  CHECK(parsed.shared.share_name == "group");
  CHECK(parsed.shared.filter == "a/+/#");
  CHECK(parse_share("$share/g//").shared.filter == "/");
}

TEST_CASE("only \"$share/\" begins a shared subscription", "[core][MQTT-4.8.2-1]") {
  CHECK(parse_share("a/b").syntax == ShareSyntax::not_shared);
  CHECK(parse_share("$share").syntax == ShareSyntax::not_shared);
  CHECK(parse_share("$shared/g/a").syntax == ShareSyntax::not_shared);
  CHECK(parse_share("/$share/g/a").syntax == ShareSyntax::not_shared);
  CHECK(parse_share("").syntax == ShareSyntax::not_shared);
}

TEST_CASE("a share name has at least one character", "[core][MQTT-4.8.2-1]") {
  CHECK(parse_share("$share//a").syntax == ShareSyntax::invalid);
  CHECK(parse_share("$share/").syntax == ShareSyntax::invalid);
}

TEST_CASE("a share name has no wildcard and is followed by a valid filter",
          "[core][MQTT-4.8.2-2]") {
  CHECK(parse_share("$share/g+/a").syntax == ShareSyntax::invalid);
  CHECK(parse_share("$share/#/a").syntax == ShareSyntax::invalid);
  CHECK(parse_share("$share/g\0/a"sv).syntax == ShareSyntax::invalid);
  CHECK(parse_share("$share/g").syntax == ShareSyntax::invalid);
  CHECK(parse_share("$share/g/").syntax == ShareSyntax::invalid);
  CHECK(parse_share("$share/g/a#").syntax == ShareSyntax::invalid);
  CHECK(parse_share("$share/g/" + std::string(65'530, 'a')).syntax == ShareSyntax::invalid);
}
