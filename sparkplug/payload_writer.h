#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sparkplug/value.h"

namespace lineshaft::sparkplug {

/// One metric to write. Absent optionals and an unknown datatype are left out.
struct MetricToWrite {
  std::optional<std::string_view> name;
  std::optional<std::uint64_t> alias;
  std::optional<std::uint64_t> timestamp;
  /// Of `value`; written when `with_datatype`.
  Value value;
  bool with_datatype = true;
  bool is_historical = false;
  bool is_transient = false;
  /// Bytes of a PropertySet and of a MetaData, as read; empty: none.
  std::string_view properties;
  std::string_view metadata;
};

/// Builds a payload from front to back in one string: a command, a synthetic birth.
///
/// Commands carry a timestamp and no seq (tck-id-topics-ncmd-timestamp, tck-id-payloads-ncmd-seq,
/// tck-id-payloads-dcmd-seq). Signed integers below 64 bits go sign-extended into int_value, UInt32
/// into int_value, Int64, UInt64 and DateTime into long_value.
class PayloadWriter {
 public:
  explicit PayloadWriter(std::optional<std::uint64_t> timestamp_ms);

  void add(const MetricToWrite& metric);

  /// The payload; the writer is used up.
  std::string finish(std::optional<std::uint64_t> seq);

 private:
  std::string bytes_;
  std::string metric_;
};

/// A payload with this timestamp instead of its own (or in front when it had none); every other
/// byte stays as it is and where it is. For NDEATH when it is delivered
/// (tck-id-conformance-mqtt-aware-ndeath-timestamp). Bytes that are no payload come back unchanged.
std::string patched_timestamp(std::string_view payload, std::uint64_t timestamp_ms);

}  // namespace lineshaft::sparkplug
