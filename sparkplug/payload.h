#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lineshaft::sparkplug {

/// Which member of Metric's `oneof value` (or of a property's, a parameter's, a data set's) is set.
enum class ValueSlot : std::uint8_t {
  none,
  int_value,
  long_value,
  float_value,
  double_value,
  boolean_value,
  string_value,
  bytes_value,
  dataset_value,
  template_value,
  extension_value,
  property_set,       ///< of a PropertyValue only
  property_set_list,  ///< of a PropertyValue only
};

/// A value as it stands on the wire; sign and width come from the datatype (`value.h`).
struct ValueView {
  ValueSlot slot = ValueSlot::none;
  /// int, long and boolean: the number; float and double: their bits.
  std::uint64_t number = 0;
  /// string, bytes: their content; the others: the message's bytes, which were checked.
  std::string_view bytes;
};

/// One metric; it points into the payload. What is not there is zero or empty.
struct MetricView {
  std::string_view name;
  std::uint64_t alias = 0;
  /// Milliseconds since 1970 UTC.
  std::uint64_t timestamp = 0;
  ValueView value;
  /// Bytes of a PropertySet, of a MetaData.
  std::string_view properties;
  std::string_view metadata;
  /// As sent, 0 when absent: then the birth's is meant. May be a number without a meaning.
  std::uint32_t datatype = 0;
  /// A name may be there and empty, an alias may be 0.
  bool has_name = false;
  bool has_alias = false;
  bool has_timestamp = false;
  bool is_historical = false;
  bool is_transient = false;
  bool is_null = false;
};

/// A whole payload; valid until the reader reads again and as long as its bytes live.
struct PayloadView {
  std::uint64_t timestamp = 0;
  std::uint64_t seq = 0;
  std::string_view uuid;
  std::string_view body;
  bool has_timestamp = false;
  bool has_seq = false;
  std::span<const MetricView> metrics;
};

/// Why bytes are no Sparkplug payload.
enum class PayloadFault : std::uint8_t {
  none,
  cut_off,        ///< a field is longer than what is left
  bad_varint,     ///< more than ten bytes, a tag or a length more than five
  bad_field,      ///< field number 0, wire type 6 or 7, a group that does not end as it began
  too_deep,       ///< more than limits::sparkplug_nesting_max messages or groups in each other
  too_many,       ///< more than limits::sparkplug_metrics_max metrics
  split_message,  ///< an inner message in two pieces: protobuf would join them, nobody sends them
};
std::string_view to_string(PayloadFault fault);

/// Reads payloads (`org.eclipse.tahu.protobuf.Payload`, sparkplug/sparkplug_b.proto) in one pass
/// and without allocation once its buffer has grown; everything is checked down to the innermost
/// message before anything is returned, so that a payload counts as a whole or not at all.
///
/// Agrees with Protocol Buffers on every payload, but for the last three faults
/// (tests/fuzz/sparkplug_payload_fuzz.cpp): fields in any order, of a repeated scalar the last,
/// unknown fields and known ones with another wire type skipped, numbers cut to their width.
/// Strings are not checked to be UTF-8, as proto2 does not.
///
/// Owned by whoever reads; not shared between threads.
class PayloadReader {
 public:
  /// `none`, and `payload()` is this payload; or why not, and `payload()` is empty.
  PayloadFault read(std::string_view bytes);

  const PayloadView& payload() const { return payload_; }

 private:
  PayloadFault read_fields(std::string_view bytes);
  /// Room for another metric; false at the bound.
  bool grow();

  /// The first `count_` are this payload's.
  std::vector<MetricView> metrics_;
  std::size_t count_ = 0;
  PayloadView payload_;
};

}  // namespace lineshaft::sparkplug
