#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

/// What must hold in every run. The names are those a failing seed prints.
namespace lineshaft::sim {

enum class Invariant {
  /// A QoS 1 or 2 message that was acknowledged is delivered to every session it was owed to.
  acknowledged_not_lost,
  /// QoS 2 reaches a session exactly once, over reconnects and crashes.
  qos2_exactly_once,
  /// Order per (publisher, topic, QoS) for subscriptions that are not shared.
  order_kept,
  /// The retained message is the last one sent; after a crash the newest acknowledged or newer.
  retained_newest,
  /// No acknowledgement leaves before the state it confirms is on stable storage.
  acknowledged_after_commit,
  /// CONNACK precedes everything; answers keep the order of the requests.
  answers_in_order,
  /// A will goes out exactly when it is due, and survives a crash.
  wills_on_time,
  /// Session Present and session expiry are exact; an acknowledged session survives a crash.
  session_kept,
  /// A shared subscription hands each message to one member and loses none.
  shared_once,
  /// Retained messages are replayed completely, and never an older value after a newer one.
  replay_complete,
  /// A queue that spilled to the store keeps its order and loses nothing.
  spill_complete,
  /// What is stored is consistent, and a restored core holds the same records.
  restored_same,
  /// Bounds are honoured and what they cost is counted.
  bounds_kept,
  /// What a client sees obeys the protocol: identifiers, DUP, Receive Maximum, filters, bytes.
  protocol_kept,
};

/// "I1" to "I13" and "P", with the enumerator's words.
std::string_view name_of(Invariant invariant);

/// Thrown where an invariant is found broken; ends the run.
class Violated : public std::runtime_error {
 public:
  Violated(Invariant invariant, const std::string& what)
      : std::runtime_error(std::string(name_of(invariant)) + ": " + what), invariant_(invariant) {}
  Invariant invariant() const { return invariant_; }

 private:
  Invariant invariant_;
};

template <class... Arguments>
[[noreturn]] void violated(Invariant invariant, fmt::format_string<Arguments...> text,
                           Arguments&&... arguments) {
  throw Violated(invariant, fmt::format(text, std::forward<Arguments>(arguments)...));
}

}  // namespace lineshaft::sim
