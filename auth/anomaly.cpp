#include "auth/anomaly.h"

#include <fmt/format.h>

#include <algorithm>

#include "auth/hex.h"
#include "auth/json_fields.h"
#include "broker/base/assert.h"
#include "broker/base/limits.h"
#include "broker/base/log_format.h"
#include "broker/base/metrics.h"

namespace lineshaft::auth {
namespace {

/// Messages of one type in a row that make it the topic's.
constexpr std::uint8_t type_is_known = 16;

constexpr bool needs_warm_up(AnomalyKind kind) {
  return kind == AnomalyKind::spike || kind == AnomalyKind::exfil ||
         kind == AnomalyKind::new_topic_burst || kind == AnomalyKind::silence;
}

/// Rules of moments, not of windows.
constexpr bool is_momentary(AnomalyKind kind) {
  return kind == AnomalyKind::first_seen || kind == AnomalyKind::protocol_mismatch ||
         kind == AnomalyKind::type_mismatch;
}

bool is_about(const AnomalyRule& rule, std::string_view identity, std::string_view zone) {
  return (rule.zone.empty() || rule.zone == zone) &&
         (rule.identity.empty() || rule.identity == identity);
}

bool has_line(std::string_view lines, std::string_view line) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (lines.substr(0, end) == line) return true;
    lines.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

AnomalyMeasure measure_of(const AnomalyRule& rule) {
  switch (rule.kind) {
    case AnomalyKind::spike:
      return rule.measure;
    case AnomalyKind::exfil:
      return AnomalyMeasure::bytes_out;
    case AnomalyKind::new_topic_burst:
      return AnomalyMeasure::new_topics;
    case AnomalyKind::deny_burst:
      return AnomalyMeasure::denials;
    default:
      return AnomalyMeasure::messages;
  }
}

Anomaly::Anomaly(AnomalyConfig config)
    : config_(std::move(config)),
      subjects_(1),
      counters_(1),
      topics_(config_.rules.empty() ? 0 : limits::anomaly_topics_max) {
  LINESHAFT_ASSERT(config_.rules.size() <= limits::anomaly_rules_max);
  for (const AnomalyRule& rule : config_.rules) {
    looks_at_types_ |= rule.kind == AnomalyKind::type_mismatch;
    looks_at_topics_ |= looks_at_types_ || rule.kind == AnomalyKind::new_topic_burst;
  }
}

void Anomaly::set_zones(ZoneOf zone_of) {
  zone_of_ = config_.rules.empty() ? nullptr : std::move(zone_of);
  looks_at_topics_ |= zone_of_ != nullptr;
  topics_.forget_conduits();
}

Anomaly::Slot Anomaly::find_principal(const AnomalySubject& who, Now now) {
  if (!std::exchange(has_started_, true)) started_ = now.steady;
  now_ = now.steady;
  std::string key = fmt::format("{}\n{}\n{}\n{}", who.zone, static_cast<int>(who.family),
                                to_hex(who.issuer_spki), who.identity);
  const bool is_stranger = !slots_.contains(key);
  const Slot slot = find(std::move(key), who, now.steady);
  if (is_stranger && slot != no_slot && now.steady - started_ >= config_.learning) {
    notice(AnomalyKind::first_seen, slot, "");
  }
  return slot;
}

Anomaly::Slot Anomaly::find(std::string key, const AnomalySubject& who, Instant now) {
  const auto known = slots_.find(key);
  if (known != slots_.end()) return known->second;
  const Slot place = place_of_new();
  if (place == no_slot) {
    count(Counter::anomaly_subjects_refused);
    return no_slot;
  }
  Subject& subject = subjects_[place];
  subject = {};
  subject.key = key;
  subject.who = who;
  subject.began = now;
  const Slot slot = number_of(place);
  slots_.emplace(std::move(key), slot);
  return slot;
}

/// A free place, or that of somebody who has not done anything for a long time.
Anomaly::Slot Anomaly::place_of_new() {
  if (subjects_.size() <= limits::anomaly_subjects_max) {
    subjects_.emplace_back();
    counters_.emplace_back();
    return static_cast<Slot>(subjects_.size() - 1);
  }
  for (std::size_t looks = 0; looks < limits::anomaly_slice; ++looks) {
    const Slot slot = hand_;
    hand_ = hand_ + 1 < subjects_.size() ? hand_ + 1 : 1;
    // The name of a conduit's place stands in the topics.
    const bool is_conduit = subjects_[slot].who.identity.empty();
    if (is_conduit || subjects_[slot].idle_windows < config_.memory) continue;
    slots_.erase(subjects_[slot].key);
    // Who had it may still be connected.
    const std::uint32_t next = (counters_[slot].generation + 1) % (1u << (32 - place_bits));
    counters_[slot] = {};
    counters_[slot].generation = next;
    return slot;
  }
  return no_slot;
}

void Anomaly::on_connect(Slot slot, std::string_view protocol) {
  slot = still(slot);
  ++counters_[place_of(slot)].connects;
  Subject& subject = subjects_[place_of(slot)];
  if (slot == no_slot || has_line(subject.protocols, protocol)) return;
  if (!subject.protocols.empty()) notice(AnomalyKind::protocol_mismatch, slot, protocol);
  subject.protocols = fmt::format("{}{}\n", subject.protocols, protocol);
}

void Anomaly::look_at_topic(Slot slot, std::string_view topic, std::string_view payload) {
  bool is_new = false;
  AnomalyTopics::Entry& entry = topics_.find(topic, slot, is_new);
  counters_[place_of(slot)].new_topics += is_new ? 1u : 0u;
  if (zone_of_) {
    Counters& conduit = counters_[place_of(conduit_of(entry, slot, topic, true))];
    ++conduit.messages;
    conduit.bytes += payload.size();
  }
  if (looks_at_types_) look_at_type(entry, slot, topic, payload);
}

void Anomaly::look_at_type(AnomalyTopics::Entry& entry, Slot slot, std::string_view topic,
                           std::string_view payload) {
  const PayloadType type = payload_type(payload);
  // An empty payload clears a retained message; it is no value.
  if (type == PayloadType::empty) return;
  if (entry.type == type) {
    if (entry.streak < type_is_known) ++entry.streak;
    return;
  }
  if (entry.streak >= type_is_known) notice(AnomalyKind::type_mismatch, slot, topic);
  entry.type = type;
  entry.streak = 1;
}

void Anomaly::count_delivery(Slot slot, std::string_view topic, std::size_t size_bytes) {
  bool is_new = false;
  // Not the entry of what it publishes there.
  AnomalyTopics::Entry& entry = topics_.find(topic, ~slot, is_new);
  counters_[place_of(conduit_of(entry, slot, topic, false))].bytes_out += size_bytes;
}

Anomaly::Slot Anomaly::conduit_of(AnomalyTopics::Entry& entry, Slot slot, std::string_view topic,
                                  bool inbound) {
  if (entry.conduit == AnomalyTopics::unknown_conduit) {
    entry.conduit = find_conduit(slot, topic, inbound);
  }
  return entry.conduit == AnomalyTopics::no_conduit ? no_slot : conduits_[entry.conduit];
}

std::uint16_t Anomaly::find_conduit(Slot slot, std::string_view topic, bool inbound) {
  const std::string_view owner = zone_of_(topic);
  const std::string& own = subjects_[place_of(slot)].who.zone;
  if (owner.empty() || own.empty() || owner == own) return AnomalyTopics::no_conduit;
  const std::string name =
      inbound ? fmt::format("{}->{}", own, owner) : fmt::format("{}->{}", owner, own);
  const Slot conduit = find("\n\n" + name, {"", name}, now_);
  if (conduit == no_slot) return AnomalyTopics::no_conduit;
  const auto known = std::ranges::find(conduits_, conduit);
  if (known == conduits_.end()) {
    if (conduits_.size() >= AnomalyTopics::no_conduit) return AnomalyTopics::no_conduit;
    conduits_.push_back(conduit);
    return static_cast<std::uint16_t>(conduits_.size() - 1);
  }
  return static_cast<std::uint16_t>(known - conduits_.begin());
}

void Anomaly::tick(Now now) {
  now_ = now.steady;
  counters_[no_slot] = {};
  const std::size_t places = std::min<std::size_t>(subjects_.size() - 1, limits::anomaly_slice);
  for (std::size_t i = 0; i < places; ++i) {
    judge(next_);
    next_ = next_ + 1 < subjects_.size() ? next_ + 1 : 1;
  }
}

void Anomaly::judge(Slot place) {
  Subject& subject = subjects_[place];
  const Milliseconds elapsed = now_ - subject.began;
  if (elapsed < config_.window) return;
  subject.began = now_;
  const Measures measured = take_counters(place, elapsed);
  const bool is_silent = measured[static_cast<std::size_t>(AnomalyMeasure::messages)] == 0;
  subject.silent_windows = is_silent ? subject.silent_windows + 1 : 0;
  const bool is_idle = std::ranges::all_of(measured, [](double one) { return one == 0; });
  subject.idle_windows = is_idle ? subject.idle_windows + 1 : 0;
  unsigned anomalous = 0;
  for (std::size_t i = 0; i < config_.rules.size(); ++i) {
    const AnomalyRule& rule = config_.rules[i];
    const std::uint64_t bit = std::uint64_t{1} << i;
    const auto measure = static_cast<std::size_t>(measure_of(rule));
    if (!is_about(rule, subject.who.identity, subject.who.zone)) continue;
    if (is_momentary(rule.kind) || !is_anomalous(rule, subject, measured)) {
      subject.told &= ~bit;
      continue;
    }
    anomalous |= 1u << measure;
    tell(i, place, measured[measure], subject.expected[measure], "");
  }
  learn(subject, measured, anomalous);
}

/// Per window, however long it really was; the counters begin anew.
Anomaly::Measures Anomaly::take_counters(Slot place, Milliseconds elapsed) {
  Counters anew;
  anew.generation = counters_[place].generation;
  const Counters counted = std::exchange(counters_[place], anew);
  Measures measured = {
      static_cast<double>(counted.messages),   static_cast<double>(counted.bytes),
      static_cast<double>(counted.connects),   static_cast<double>(counted.bytes_out),
      static_cast<double>(counted.new_topics), static_cast<double>(counted.denials)};
  const double share =
      static_cast<double>(config_.window.count()) / static_cast<double>(elapsed.count());
  for (double& each : measured) each *= share;
  return measured;
}

bool Anomaly::is_anomalous(const AnomalyRule& rule, const Subject& subject,
                           const Measures& measured) const {
  const bool is_warm = subject.windows >= config_.warm_up;
  if (needs_warm_up(rule.kind) && !is_warm) return false;
  const auto measure = static_cast<std::size_t>(measure_of(rule));
  // Of somebody new nothing is expected.
  const double expected = is_warm ? subject.expected[measure] : 0;
  if (rule.kind == AnomalyKind::silence) {
    return expected >= rule.min && expected > 0 && subject.silent_windows >= rule.windows;
  }
  return measured[measure] >= rule.min && measured[measure] > 0 &&
         measured[measure] > rule.factor * expected;
}

/// The first windows count alike, later ones less and less. What is anomalous teaches nothing,
/// unless it stays.
void Anomaly::learn(Subject& subject, const Measures& measured, unsigned anomalous) {
  const double weight = std::max(2.0 / (config_.memory + 1.0), 1.0 / (subject.windows + 1.0));
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const bool is_frozen = (anomalous >> i & 1u) != 0;
    subject.frozen[i] = is_frozen ? static_cast<std::uint16_t>(subject.frozen[i] + 1) : 0;
    if (is_frozen && subject.frozen[i] < config_.freeze_max) continue;
    if (is_frozen) subject.frozen[i] = static_cast<std::uint16_t>(config_.freeze_max);
    const double before = subject.expected[i];
    subject.expected[i] = static_cast<float>(before + weight * (measured[i] - before));
  }
  if (subject.windows < 0xFFFFFFFF) ++subject.windows;
}

void Anomaly::notice(AnomalyKind kind, Slot slot, std::string_view detail) {
  const Slot place = place_of(slot);
  const Subject& subject = subjects_[place];
  for (std::size_t i = 0; i < config_.rules.size(); ++i) {
    const AnomalyRule& rule = config_.rules[i];
    if (rule.kind != kind || !is_about(rule, subject.who.identity, subject.who.zone)) continue;
    tell(i, place, 0, 0, detail);
  }
}

/// Once per rule and subject until it is over; of moments once per window.
void Anomaly::tell(std::size_t rule, Slot place, double value, double expected,
                   std::string_view detail) {
  Subject& subject = subjects_[place];
  const std::uint64_t bit = std::uint64_t{1} << rule;
  if ((subject.told & bit) != 0) return;
  subject.told |= bit;
  count(Counter::anomaly_events);
  if (events_.size() >= limits::anomaly_events_max) {
    count(Counter::anomaly_events_dropped);
    return;
  }
  events_.push_back({rule, subject.who, number_of(place), value, expected, std::string(detail)});
}

std::string anomaly_json(const AnomalyEvent& event, const AnomalyRule& rule, Milliseconds window,
                         WallTime at) {
  nlohmann::json json = {{"ts", log::format_time(at)},
                         {"kind", anomaly_kind_names[static_cast<std::size_t>(rule.kind)]},
                         {"rule", rule.name},
                         {"identity", event.who.identity},
                         {"zone", event.who.zone},
                         {"value", event.value},
                         {"expected", event.expected},
                         {"window_s", window.count() / 1000},
                         {"detail", event.detail},
                         {"action", anomaly_action_names[static_cast<std::size_t>(rule.action)]}};
  if (!event.who.issuer_spki.empty()) json["issuer"] = to_hex(event.who.issuer_spki);
  return to_line(json);
}

std::string anomaly_text(const AnomalyEvent& event, const AnomalyRule& rule, Milliseconds window) {
  const std::string_view kind = anomaly_kind_names[static_cast<std::size_t>(rule.kind)];
  if (is_momentary(rule.kind)) {
    return event.detail.empty() ? std::string(kind) : fmt::format("{}: {}", kind, event.detail);
  }
  return fmt::format("{}: {:.0f} in {} s, {:.1f} expected", kind, event.value,
                     window.count() / 1000, event.expected);
}

}  // namespace lineshaft::auth
