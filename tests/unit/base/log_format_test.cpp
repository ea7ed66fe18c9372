#include "broker/base/log_format.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/catch.h"

using namespace lineshaft;
using log::Field;

namespace {

// 2026-11-20T07:00:00.123Z
constexpr WallTime moment{Milliseconds{1795158000123}};

log::Record record(const std::vector<Field>& fields) {
  return {moment, log::Level::warn, log::Room::core, "publish_refused", fields};
}

std::string text(const std::vector<Field>& fields) { return log::format_text(record(fields)); }
std::string json(const std::vector<Field>& fields) { return log::format_json(record(fields)); }

const std::string text_head = "2026-11-20T07:00:00.123Z level=warn room=core event=publish_refused";

}  // namespace

TEST_CASE("a text record is one line of time, level, room, event and fields", "[base][log]") {
  CHECK(text({{"client_id", "press-07"}, {"topic", "acme/lyon/temp"}, {"qos", 1}}) ==
        text_head + " client_id=press-07 topic=acme/lyon/temp qos=1\n");
}

TEST_CASE("a value with blanks is quoted in a text record", "[base][log]") {
  CHECK(text({{"why", "no conduit"}}) == text_head + " why=\"no conduit\"\n");
  CHECK(text({{"why", ""}}) == text_head + " why=\"\"\n");
  CHECK(text({{"why", "a=b"}}) == text_head + " why=\"a=b\"\n");
}

TEST_CASE("a value cannot forge a line or a field in a text record", "[base][log]") {
  const std::string forged = text({{"client_id", "x\n2026-11-20 level=info event=admin_login"}});
  CHECK(std::count(forged.begin(), forged.end(), '\n') == 1);
  CHECK(forged == text_head + " client_id=\"x\\n2026-11-20 level=info event=admin_login\"\n");
  CHECK(text({{"client_id", "a\" why=\"b"}}) == text_head + " client_id=\"a\\\" why=\\\"b\"\n");
}

TEST_CASE("terminal escapes and other control characters are shown, not sent", "[base][log]") {
  CHECK(text({{"topic", "\x1b[2Ja"}}) == text_head + " topic=\"\\u{001b}[2Ja\"\n");
  CHECK(text({{"topic", "\u009b2J"}}) == text_head + " topic=\"\\u{009b}2J\"\n");
  CHECK(text({{"topic", "a\u2028b\u202ec"}}) == text_head + " topic=\"a\\u{2028}b\\u{202e}c\"\n");
  CHECK(text({{"topic", "\xff\xfe"}}) == text_head + " topic=\"\\xff\\xfe\"\n");
  CHECK(text({{"topic", std::string("a\0b", 3)}}) == text_head + " topic=\"a\\u{0000}b\"\n");
}

TEST_CASE("a very long value is cut between two characters", "[base][log]") {
  std::string value(log::value_size_bytes_max - 1, 'a');
  value += "°°°";
  const std::string line = text({{"topic", value}});
  CHECK(line.size() < log::value_size_bytes_max + 200);
  CHECK(line.substr(line.size() - 6) == "a...\"\n");
  CHECK(nlohmann::json::parse(json({{"topic", value}}))["topic"] ==
        std::string(log::value_size_bytes_max - 1, 'a') + "...");
}

TEST_CASE("a JSON record is one object with numbers as numbers", "[base][log]") {
  CHECK(json({{"client_id", "press-07"}, {"qos", 1}, {"load", 0.5}, {"up", true}}) ==
        R"({"time":"2026-11-20T07:00:00.123Z","level":"warn","room":"core",)"
        R"("event":"publish_refused","client_id":"press-07","qos":1,"load":0.5,"up":true})"
        "\n");
}

TEST_CASE("a JSON record is valid JSON whatever the values are", "[base][log]") {
  const std::string evil = "x\",\"level\":\"info\n\x1b\xff\u202e\\";
  const std::string line = json({{"client_id", evil},
                                 {"load", std::numeric_limits<double>::quiet_NaN()},
                                 {"peak", -std::numeric_limits<double>::infinity()}});
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  const auto parsed = nlohmann::json::parse(line);
  CHECK(parsed["level"] == "warn");
  CHECK(parsed["client_id"].get<std::string>().find("x\",\"level\"") == 0);
  CHECK(parsed["load"] == "nan");
  CHECK(parsed["peak"] == "-inf");
}
