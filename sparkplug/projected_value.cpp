#include "sparkplug/projected_value.h"

#include <array>
#include <chrono>

#include "broker/base/json_text.h"
#include "broker/base/time.h"
#include "sparkplug/payload_writer.h"

namespace lineshaft::sparkplug {
namespace {

/// 9999-12-31T23:59:59.999Z, the last moment that has four digits of a year.
constexpr std::uint64_t timestamp_ms_max = 253'402'300'799'999;

void put_digits(char* to, unsigned number, std::size_t count) {
  for (std::size_t index = count; index-- > 0; number /= 10) {
    to[index] = static_cast<char>('0' + number % 10);
  }
}

void append_time(std::string& out, std::uint64_t timestamp_ms) {
  if (timestamp_ms > timestamp_ms_max) {
    out += "null";
    return;
  }
  const std::chrono::sys_time<Milliseconds> moment{
      Milliseconds{static_cast<std::int64_t>(timestamp_ms)}};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date{day};
  const auto rest = static_cast<unsigned>((moment - day).count());
  std::array<char, 26> text = {'"', '0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T', '0',
                               '0', ':', '0', '0', ':', '0', '0', '.', '0', '0', '0', 'Z', '"'};
  put_digits(&text[1], static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(&text[6], static_cast<unsigned>(date.month()), 2);
  put_digits(&text[9], static_cast<unsigned>(date.day()), 2);
  put_digits(&text[12], rest / 3'600'000, 2);
  put_digits(&text[15], rest / 60'000 % 60, 2);
  put_digits(&text[18], rest / 1000 % 60, 2);
  put_digits(&text[21], rest % 1000, 3);
  out.append(text.data(), text.size());
}

}  // namespace

std::string_view quality_name(Quality quality) {
  switch (quality) {
    case Quality::bad:
      return "Bad";
    case Quality::uncertain:
      return "Uncertain";
    case Quality::good_no_data:
      return "GoodNoData";
    case Quality::good:
      return "Good";
    case Quality::stale:
      return "Stale";
  }
  return "Bad";
}

void append_projected(std::string& out, const Value& value, std::uint64_t timestamp_ms,
                      Quality quality, std::string_view unit) {
  out += R"({"value":)";
  append_json(out, value);
  out += R"(,"timestamp":)";
  append_time(out, timestamp_ms);
  out += R"(,"quality":")";
  out += quality_name(quality);
  out += R"(","type":")";
  out += to_string(value.type);
  out += '"';
  if (!unit.empty()) {
    out += R"(,"unit":)";
    append_json_string(out, unit);
  }
  out += '}';
}

std::string rebirth_request(std::uint64_t now_ms) {
  MetricToWrite rebirth;
  rebirth.name = "Node Control/Rebirth";
  rebirth.timestamp = now_ms;
  rebirth.value = {DataType::boolean, false, 1, {}};
  PayloadWriter writer(now_ms);
  writer.add(rebirth);
  return writer.finish(std::nullopt);
}

}  // namespace lineshaft::sparkplug
