#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/limits.h"
#include "broker/base/time.h"

namespace lineshaft::auth {

enum class AnomalyKind : std::uint8_t {
  /// Many more messages, bytes or connects than usual.
  spike,
  /// Nothing from somebody who always had something to say.
  silence,
  /// Many topics it has never published to.
  new_topic_burst,
  /// Much that it may not.
  deny_burst,
  /// Somebody nobody has seen before.
  first_seen,
  /// Another protocol version, transport or encryption than before.
  protocol_mismatch,
  /// Another kind of payload than this topic has had: text where numbers were.
  type_mismatch,
  /// Many more bytes to somebody, or over a conduit, than usual.
  exfil,
};
inline constexpr std::array<std::string_view, 8> anomaly_kind_names = {
    "spike",      "silence",           "new_topic_burst", "deny_burst",
    "first_seen", "protocol_mismatch", "type_mismatch",   "exfil"};

enum class AnomalyAction : std::uint8_t { alert, throttle, quarantine };
inline constexpr std::array<std::string_view, 3> anomaly_action_names = {"alert", "throttle",
                                                                         "quarantine"};

/// What is counted per window.
enum class AnomalyMeasure : std::uint8_t {
  messages,
  bytes,
  connects,
  bytes_out,
  new_topics,
  denials,
};
inline constexpr std::size_t anomaly_measures_size = 6;
/// Those that a `spike` can be about.
inline constexpr std::array<std::string_view, 3> anomaly_spike_names = {"messages", "bytes",
                                                                        "connects"};

/// One `[[anomaly]]`.
struct AnomalyRule {
  std::string name;
  AnomalyKind kind = AnomalyKind::spike;
  /// Of a spike.
  AnomalyMeasure measure = AnomalyMeasure::messages;
  /// Only principals of this zone, or the conduit "from->to"; empty: all.
  std::string zone;
  /// Only this principal; empty: all.
  std::string identity;
  /// So many times what is expected...
  double factor = 5;
  /// ... and at least so much in a window. Of a silence: what is expected at least.
  double min = 0;
  /// Of a silence: windows without a message.
  std::uint32_t windows = 3;
  AnomalyAction action = AnomalyAction::alert;
  /// How long throttling or quarantine lasts.
  Milliseconds ttl{600'000};
};

/// At most `limits::anomaly_rules_max` rules.
struct AnomalyConfig {
  Milliseconds window = limits::anomaly_window;
  /// Windows of a subject until something is expected of it.
  std::uint32_t warm_up = limits::anomaly_warm_up_windows;
  /// Windows that the average reaches back.
  std::uint32_t memory = limits::anomaly_memory_windows;
  /// Windows for which an anomaly keeps the average from learning; then it is the new normal.
  std::uint32_t freeze_max = limits::anomaly_memory_windows;
  /// Time from the start on in which nobody is a stranger.
  Milliseconds learning = limits::anomaly_learning;
  std::vector<AnomalyRule> rules;
};

}  // namespace lineshaft::auth
