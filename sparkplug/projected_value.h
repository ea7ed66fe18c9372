#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/base/quality.h"
#include "sparkplug/value.h"

namespace lineshaft::sparkplug {

/// "Good", "Bad", "Stale", "Uncertain", "GoodNoData".
std::string_view quality_name(Quality quality);

/// Appends `{"value":52.9,"timestamp":"2026-11-20T07:00:00.123Z","quality":"Good","type":"Double",
/// "unit":"bar"}`: what a projected topic carries. Without `unit` when it is empty; the value as in
/// `append_json`; `timestamp` null beyond the year 9999.
void append_projected(std::string& out, const Value& value, std::uint64_t timestamp_ms,
                      Quality quality, std::string_view unit);

/// What a metric takes, from its birth.
struct WriteTarget {
  std::string_view name;
  std::optional<std::uint64_t> alias;
  DataType type = DataType::unknown;
};

/// Why JSON on a "…/_set" topic is no command.
enum class WriteFault : std::uint8_t {
  none,
  not_json,      ///< or an object without `value`
  wrong_type,    ///< no value of the metric's datatype; null, too
  out_of_range,  ///< a number its datatype cannot hold
  read_only,     ///< a datatype that cannot be written from JSON: DataSet, Template, Unknown
  offline,       ///< the edge node or device is not there
};
std::string_view to_string(WriteFault fault);

/// The payload of an NCMD or DCMD.
struct WriteCommand {
  WriteFault fault = WriteFault::none;
  std::string payload;
};

/// A command from what somebody wrote: a value as `append_json` writes it, alone or as the member
/// `value` of an object. By alias when the birth gave one
/// (tck-id-payloads-alias-data-cmd-requirement), else by name with its datatype; with the time as
/// timestamp and without seq (tck-id-topics-ncmd-timestamp, tck-id-topics-dcmd-payload,
/// tck-id-payloads-ncmd-seq, tck-id-payloads-dcmd-seq).
///
/// Numbers are checked against the datatype's range; an integer may be written as 5.0; a Float is
/// rounded. Not for the hot path.
WriteCommand write_command(const WriteTarget& target, std::string_view json, std::uint64_t now_ms);

/// NCMD that asks an edge node to be born again
/// (tck-id-operational-behavior-data-commands-ncmd-rebirth-name, -value).
std::string rebirth_request(std::uint64_t now_ms);

}  // namespace lineshaft::sparkplug
