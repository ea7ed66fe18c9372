#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "broker/base/time.h"

namespace lineshaft::sparkplug {

/// What an edge node does that Sparkplug 3.0 does not allow, or that is likely a mistake:
/// enumerator, identifier of the assertion (without "tck-id-"; empty: ours), sentence.
#define LINESHAFT_SPARKPLUG_FINDINGS(X)                                                           \
  X(no_will, "message-flow-edge-node-birth-publish-will-message",                                 \
    "connects without an NDEATH will")                                                            \
  X(will_qos, "payloads-ndeath-will-message-qos", "its NDEATH will is not of QoS 1")              \
  X(will_retained, "message-flow-edge-node-birth-publish-will-message-will-retained",             \
    "its NDEATH will is retained")                                                                \
  X(will_malformed, "message-flow-edge-node-birth-publish-will-message-payload",                  \
    "its NDEATH will does not decode")                                                            \
  X(will_no_bdseq, "payloads-ndeath-bdseq", "its NDEATH will has no bdSeq")                       \
  X(bdseq_missing, "topics-nbirth-bdseq-included", "NBIRTH without bdSeq")                        \
  X(bdseq_differs, "topics-nbirth-bdseq-matching", "NBIRTH has another bdSeq than the will")      \
  X(bdseq_not_incremented, "topics-nbirth-bdseq-increment",                                       \
    "a new session with the bdSeq of the last one")                                               \
  X(bdseq_changed, "payloads-nbirth-bdseq-repeat", "a rebirth with another bdSeq")                \
  X(bdseq_range, "message-flow-edge-node-birth-publish-will-message-payload-bdSeq",               \
    "a bdSeq above 255")                                                                          \
  X(ndeath_no_bdseq, "payloads-ndeath-bdseq", "NDEATH without bdSeq")                             \
  X(ndeath_seq, "payloads-ndeath-seq", "NDEATH with a seq")                                       \
  X(ndeath_stale, "payloads-ndeath-bdseq", "NDEATH of another session")                           \
  X(ndeath_missing, "operational-behavior-edge-node-intentional-disconnect-ndeath",               \
    "disconnects without an NDEATH")                                                              \
  X(rebirth_metric_missing, "topics-nbirth-rebirth-metric",                                       \
    "NBIRTH without the metric Node Control/Rebirth")                                             \
  X(rebirth_metric_type, "operational-behavior-data-commands-rebirth-datatype",                   \
    "Node Control/Rebirth is no Boolean")                                                         \
  X(rebirth_metric_value, "operational-behavior-data-commands-rebirth-value",                     \
    "Node Control/Rebirth is born true")                                                          \
  X(rebirth_metric_alias, "operational-behavior-data-commands-rebirth-name-aliases",              \
    "Node Control/Rebirth has an alias")                                                          \
  X(seq_missing, "payloads-sequence-num-always-included", "a message without seq")                \
  X(seq_range, "payloads-sequence-num-req-nbirth", "a seq above 255")                             \
  X(seq_gap, "payloads-sequence-num-incrementing", "a seq is missing or out of order")            \
  X(seq_not_zero, "topics-nbirth-seq-num", "an NBIRTH whose seq is not 0")                        \
  X(duplicate, "payloads-sequence-num-incrementing", "the same message twice")                    \
  X(not_born, "principles-birth-certificates-order", "a message before the NBIRTH")               \
  X(device_not_born, "message-flow-device-birth-publish-nbirth-wait",                             \
    "a device's message before its DBIRTH")                                                       \
  X(malformed, "message-flow-edge-node-birth-publish-nbirth-payload",                             \
    "a payload that does not decode")                                                             \
  X(birth_empty, "topics-nbirth-metric-reqs", "an empty birth")                                   \
  X(qos, "topics-nbirth-mqtt", "a message that is not of QoS 0")                                  \
  X(retained, "topics-nbirth-mqtt", "a retained message")                                         \
  X(timestamp_missing, "topics-ndata-timestamp", "a payload without timestamp")                   \
  X(metric_timestamp_missing, "payloads-name-birth-data-requirement",                             \
    "a metric without timestamp")                                                                 \
  X(clock_skew, "payloads-timestamp-in-UTC", "its clock is not ours")                             \
  X(name_missing, "payloads-alias-birth-requirement", "a birth with a metric without name")       \
  X(alias_missing, "payloads-alias-birth-requirement",                                            \
    "a birth with aliases for some metrics only")                                                 \
  X(name_with_alias, "payloads-alias-data-cmd-requirement", "data with name and alias")           \
  X(name_twice, "topics-nbirth-metric-reqs", "a birth with a name twice")                         \
  X(alias_twice, "payloads-alias-uniqueness",                                                     \
    "an alias twice within the edge node and its devices")                                        \
  X(unknown_alias, "payloads-alias-birth-requirement", "data with an alias no birth has named")   \
  X(unknown_metric, "topics-nbirth-metrics", "data of a metric the birth has not named")          \
  X(datatype_missing, "payloads-metric-datatype-req", "a birth without datatype")                 \
  X(datatype_in_data, "payloads-metric-datatype-not-req", "data with a datatype")                 \
  X(datatype_unknown, "payloads-metric-datatype-value", "a datatype that does not exist")         \
  X(datatype_changed, "payloads-metric-datatype-value-type", "data of another type than born")    \
  X(value_mismatch, "payloads-metric-datatype-value-type", "a value that its datatype cannot be") \
  X(value_missing, "topics-nbirth-metric-reqs", "a metric without value that is not null")        \
  X(template_outside_nbirth, "payloads-template-definition-nbirth-only",                          \
    "a template's definition outside the NBIRTH")                                                 \
  X(id_case, "case-sensitivity-sparkplug-ids", "an id that differs from another in case only")    \
  X(metric_name_case, "case-sensitivity-metric-names", "metric names that differ in case only")   \
  X(conflict, "payloads-nbirth-edge-node-descriptor", "two clients publish as this edge node")

enum class Finding : std::uint8_t {
#define LINESHAFT_ENUMERATOR(name, id, text) name,
  LINESHAFT_SPARKPLUG_FINDINGS(LINESHAFT_ENUMERATOR)
#undef LINESHAFT_ENUMERATOR
      end_,
};
inline constexpr std::size_t findings_size = static_cast<std::size_t>(Finding::end_);

/// Snake case.
std::string_view finding_name(Finding finding);
/// With "tck-id-".
std::string finding_id(Finding finding);
std::string_view finding_text(Finding finding);

/// Findings of one message: bits by Finding.
using FindingMask = std::uint64_t;
static_assert(findings_size <= 64);
constexpr FindingMask bit_of(Finding finding) {
  return FindingMask{1} << static_cast<unsigned>(finding);
}

/// The conformance report of one edge node. Bounded: one entry per kind.
class Findings {
 public:
  struct Entry {
    /// Messages it was found in.
    std::uint64_t count = 0;
    WallTime first{};
    WallTime last{};
    /// Of the first one: a metric, a device, a client; at most `example_bytes_max`.
    std::string example;
  };
  static constexpr std::size_t example_bytes_max = 64;

  void note(Finding finding, WallTime at, std::string_view example = {});
  void note_all(FindingMask mask, WallTime at) {
    if (mask != 0) note_bits(mask, at);
  }
  /// Null: never found.
  const Entry* find(Finding finding) const;
  bool empty() const { return entries_ == nullptr; }

 private:
  void note_bits(FindingMask mask, WallTime at);

  /// Most edge nodes do nothing wrong.
  std::unique_ptr<std::array<Entry, findings_size>> entries_;
};

}  // namespace lineshaft::sparkplug
