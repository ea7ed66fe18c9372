#include "auth/policy_values.h"

#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

WallTime at(std::string_view text) { return parse_time(text).value(); }

}  // namespace

TEST_CASE("durations, rates and sizes are read with their unit", "[auth][policy]") {
  CHECK(parse_duration("250ms") == Milliseconds{250});
  CHECK(parse_duration("24h") == Milliseconds{24 * 3'600'000});
  CHECK(parse_duration("7d") == Milliseconds{7 * 24 * 3'600'000});
  CHECK(parse_rate("20/s") == 20);
  CHECK(parse_rate("30/min") == 0.5);
  CHECK(parse_rate("3600/h") == 1);
  CHECK(parse_size("64KiB") == 65'536);
  CHECK(parse_size("5MB") == 5'000'000);
  CHECK(parse_size("17") == 17);
  CHECK(parse_byte_rate("5MB/s") == 5'000'000);
  CHECK(parse_byte_rate("60kB/min") == 1'000);
}

TEST_CASE("what is no duration, rate or size is nothing", "[auth][policy]") {
  for (const char* text :
       {"", "h", "1", "1.5h", "-1h", "1 h", "1hh", "99999999999999999999s", "20000d"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text));
  }
  for (const char* text : {"", "20", "/s", "0/s", "20/", "20/d", "20/s ", "-1/s", "1e3/s"}) {
    INFO(text);
    CHECK_FALSE(parse_rate(text));
    CHECK_FALSE(parse_byte_rate(text));
  }
  CHECK_FALSE(parse_size("5 MB"));
  CHECK_FALSE(parse_size("MB"));
  CHECK_FALSE(parse_size("999999999999GB"));
}

TEST_CASE("a time needs its offset", "[auth][policy]") {
  CHECK(at("1970-01-01T00:00:00Z").time_since_epoch().count() == 0);
  CHECK(at("2026-11-20T13:00:00Z") == at("2026-11-20T14:00:00+01:00"));
  CHECK(at("2026-11-20 13:00:00Z") == at("2026-11-20T07:30:00.25-05:30"));
  CHECK(at("2024-02-29T00:00:00Z") < at("2024-03-01T00:00:00Z"));
  for (const char* text : {"2026-11-20", "2026-11-20T13:00:00", "2026-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T13:60:00Z",
                           "2026-11-20T13:00:00Zz", "2026-11-20T13:00:00+25:00", ""}) {
    INFO(text);
    CHECK_FALSE(parse_time(text));
  }
}

TEST_CASE("a window is open on its days from start to end", "[auth][policy]") {
  const WeekWindow office = parse_window("mon-fri 06:00-18:00").value();
  CHECK(office.contains(at("2026-11-20T06:00:00Z")));
  CHECK(office.contains(at("2026-11-20T17:59:59Z")));
  CHECK_FALSE(office.contains(at("2026-11-20T18:00:00Z")));
  CHECK_FALSE(office.contains(at("2026-11-20T05:59:59Z")));
  CHECK_FALSE(office.contains(at("2026-11-21T12:00:00Z")));
  CHECK(office.next_edge(at("2026-11-20T05:00:00Z")) == at("2026-11-20T06:00:00Z"));
  CHECK(office.next_edge(at("2026-11-20T06:00:00Z")) == at("2026-11-20T18:00:00Z"));
  CHECK(office.next_edge(at("2026-11-20T18:00:00Z")) == at("2026-11-23T06:00:00Z"));
}

TEST_CASE("a window over midnight belongs to the day it begins on", "[auth][policy]") {
  const WeekWindow night = parse_window("fri 22:00-06:00").value();
  CHECK(night.contains(at("2026-11-20T23:00:00Z")));
  CHECK(night.contains(at("2026-11-21T05:59:59Z")));
  CHECK_FALSE(night.contains(at("2026-11-20T05:00:00Z")));
  CHECK_FALSE(night.contains(at("2026-11-21T23:00:00Z")));
  CHECK(night.next_edge(at("2026-11-21T05:00:00Z")) == at("2026-11-21T06:00:00Z"));
}

TEST_CASE("a window's times are those of its offset", "[auth][policy]") {
  const WeekWindow berlin = parse_window("sat 00:00-01:00 +01:00").value();
  CHECK(berlin.contains(at("2026-11-20T23:30:00Z")));
  CHECK_FALSE(berlin.contains(at("2026-11-21T00:30:00Z")));
  CHECK(parse_window("sun-tue,fri 00:00-24:00").value().days == 0b1010011);
  for (const char* text :
       {"", "mon", "mon-fri", "06:00", "6:00-18:00", "06:00-25:00", "24:00-06:00", "mo 06:00-18:00",
        "mon- 06:00-18:00", "mon,,tue 06:00-18:00", "06:00-18:00 CET", "06:00-18:00+01:00",
        "mon  06:00-18:00"}) {
    INFO(text);
    CHECK_FALSE(parse_window(text));
  }
}

}  // namespace lineshaft::auth
