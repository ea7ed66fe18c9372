#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "auth/anomaly_rule.h"
#include "auth/anomaly_topics.h"
#include "broker/base/limits.h"
#include "broker/base/time.h"
#include "broker/core/principal.h"

namespace lineshaft::auth {

/// Whose measures are kept.
struct AnomalySubject {
  /// Empty for a conduit.
  std::string identity;
  /// Of the identity; of a conduit "from->to".
  std::string zone;
  /// Names of different CAs and of different proofs are different somebodies.
  std::string issuer_spki = {};
  core::ProofFamily family = core::ProofFamily::nobody;
};

/// Something that is not as it used to be.
struct AnomalyEvent {
  /// In the configuration's order.
  std::size_t rule = 0;
  AnomalySubject who;
  /// Where its measures are.
  std::uint32_t slot = 0;
  /// What was counted in one window, and what was expected.
  double value = 0;
  double expected = 0;
  /// The topic, or the protocol, it is about.
  std::string detail;
};

/// Learns how much each principal and each conduit publishes, receives and is denied, and notices
/// when that changes.
///
/// Counts in windows of `AnomalyConfig::window`. A subject's past is one exponentially weighted
/// average per measure, which does not learn from what a rule finds anomalous. Pure: time is an
/// argument, memory is bounded by `limits::anomaly_*`. Used inside the core's turn only.
class Anomaly {
 public:
  using Slot = std::uint32_t;
  /// Nobody: what is counted for it is forgotten.
  static constexpr Slot no_slot = 0;
  using ZoneOf = std::function<std::string_view(std::string_view topic)>;

  explicit Anomaly(AnomalyConfig config);

  /// The zone that owns a topic (empty: none), for the measures of conduits. Null: there are none.
  void set_zones(ZoneOf zone_of);

  /// Where the measures of a principal are; the same for the same one. `no_slot`: there are too
  /// many (`limits::anomaly_subjects_max`), counted. When a place is given to another, its number
  /// is another one: what the one before still does counts for nobody.
  Slot find_principal(const AnomalySubject& who, Now now);

  /// `protocol`: "MQTT 5 over TLS"; another than before is a mismatch.
  void on_connect(Slot slot, std::string_view protocol);
  void on_publish(Slot slot, std::string_view topic, std::string_view payload) {
    slot = still(slot);
    Counters& counters = counters_[place_of(slot)];
    ++counters.messages;
    counters.bytes += payload.size();
    if (looks_at_topics_) look_at_topic(slot, topic, payload);
  }
  void on_deliver(Slot slot, std::string_view topic, std::size_t size_bytes) {
    slot = still(slot);
    counters_[place_of(slot)].bytes_out += size_bytes;
    if (zone_of_) count_delivery(slot, topic, size_bytes);
  }
  void on_deny(Slot slot) { ++counters_[place_of(still(slot))].denials; }

  /// Judges subjects whose window is over, at most `limits::anomaly_slice`.
  void tick(Now now);
  /// What was noticed since the last call; at most `limits::anomaly_events_max`.
  std::vector<AnomalyEvent> take_events() { return std::exchange(events_, {}); }

  const AnomalyConfig& config() const { return config_; }

 private:
  /// Of the window that runs: what a message touches, and nothing else.
  struct Counters {
    std::uint64_t bytes = 0;
    std::uint64_t bytes_out = 0;
    std::uint32_t messages = 0;
    std::uint32_t new_topics = 0;
    std::uint32_t denials = 0;
    std::uint32_t connects = 0;
    /// How often the place was given to another, as far as it fits into a number of a place.
    std::uint32_t generation = 0;
  };
  using Measures = std::array<double, anomaly_measures_size>;

  struct Subject {
    std::string key;
    AnomalySubject who;
    /// Those it has spoken, a line each.
    std::string protocols;
    Instant began;
    std::array<float, anomaly_measures_size> expected{};
    /// Windows in a row that a measure was anomalous.
    std::array<std::uint16_t, anomaly_measures_size> frozen{};
    std::uint32_t windows = 0;
    std::uint32_t silent_windows = 0;
    std::uint32_t idle_windows = 0;
    /// A bit per rule: told already, and not over yet.
    std::uint64_t told = 0;
  };

  /// A number is a place and its generation.
  static constexpr unsigned place_bits = 17;
  static_assert(limits::anomaly_subjects_max < 1u << place_bits);
  static Slot place_of(Slot slot) { return slot & ((1u << place_bits) - 1); }
  Slot number_of(Slot place) const { return place | counters_[place].generation << place_bits; }
  /// `no_slot` once its place is another's.
  Slot still(Slot slot) const { return number_of(place_of(slot)) == slot ? slot : no_slot; }

  Slot find(std::string key, const AnomalySubject& who, Instant now);
  Slot place_of_new();
  void look_at_topic(Slot slot, std::string_view topic, std::string_view payload);
  void look_at_type(AnomalyTopics::Entry& entry, Slot slot, std::string_view topic,
                    std::string_view payload);
  void count_delivery(Slot slot, std::string_view topic, std::size_t size_bytes);
  /// The conduit of a topic and a subject; `no_slot` when it stays in its zone.
  Slot conduit_of(AnomalyTopics::Entry& entry, Slot slot, std::string_view topic, bool inbound);
  std::uint16_t find_conduit(Slot slot, std::string_view topic, bool inbound);
  void judge(Slot place);
  Measures take_counters(Slot place, Milliseconds elapsed);
  bool is_anomalous(const AnomalyRule& rule, const Subject& subject,
                    const Measures& measured) const;
  void learn(Subject& subject, const Measures& measured, unsigned anomalous);
  void notice(AnomalyKind kind, Slot slot, std::string_view detail);
  void tell(std::size_t rule, Slot place, double value, double expected, std::string_view detail);

  const AnomalyConfig config_;
  bool looks_at_types_ = false;
  bool looks_at_topics_ = false;
  ZoneOf zone_of_;
  std::unordered_map<std::string, Slot> slots_;
  /// By place; the first is nobody's.
  std::vector<Subject> subjects_;
  std::vector<Counters> counters_;
  /// The slots of conduits, as topics remember them; the first is none.
  std::vector<Slot> conduits_ = {no_slot};
  AnomalyTopics topics_;
  std::vector<AnomalyEvent> events_;
  /// The next to be judged, and the next that may have to make room.
  Slot next_ = 1;
  Slot hand_ = 1;
  bool has_started_ = false;
  Instant started_;
  Instant now_;
};

/// The measure that a rule of this kind is about.
AnomalyMeasure measure_of(const AnomalyRule& rule);

/// An event as it is published, in JSON.
std::string anomaly_json(const AnomalyEvent& event, const AnomalyRule& rule, Milliseconds window,
                         WallTime at);
/// The same in one sentence.
std::string anomaly_text(const AnomalyEvent& event, const AnomalyRule& rule, Milliseconds window);

}  // namespace lineshaft::auth
