#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker/base/limits.h"
#include "broker/base/time.h"

namespace lineshaft::auth {

/// Counts failures by key and spaces out further tries: after some free ones the distance doubles
/// with each failure. One key never waits for another. The oldest is forgotten when there are too
/// many; who guesses does not displace those whose right password has come. Not thread-safe.
class BackoffTable {
 public:
  struct Limits {
    std::uint32_t failures_free;
    Milliseconds distance_min;
    Milliseconds distance_max;
    /// While spaced out only one try is under way; else any number.
    bool counts_pending;
  };

  explicit BackoffTable(const Limits& limits) : limits_(limits) {}

  bool may_try(const std::string& key, Instant now);
  /// A try begins; exactly one of the two below follows.
  void begin(const std::string& key);
  void succeeded(const std::string& key);
  void failed(const std::string& key, Instant now);
  /// A try ended without an answer (no place in the queue).
  void abandoned(const std::string& key);
  /// The right password came with this key, not long ago.
  bool is_trusted(const std::string& key) const;

  std::size_t size() const { return by_key_.size(); }

 private:
  struct Entry {
    std::string key;
    std::uint32_t failures = 0;
    std::uint32_t pending = 0;
    bool trusted = false;
    Instant last_failure{};
    Instant next{};
  };
  using Place = std::list<Entry>::iterator;

  Entry& obtain(const std::string& key);
  std::list<Entry>& home_of(const Entry& entry);
  void make_room(std::list<Entry>& home);
  Entry* find(const std::string& key);

  const Limits limits_;
  /// Newest first: those with a right password, and the others.
  std::list<Entry> trusted_;
  std::list<Entry> others_;
  std::unordered_map<std::string_view, Place> by_key_;
};

/// Who may try a password now: per name and address, and per address.
///
/// Only the same name from the same address waits for its own failures, so nobody can lock a user
/// out from elsewhere. Failures from an address space out its other names too, but not a name whose
/// right password has come from there. Connections that stand are never asked. Not thread-safe.
class LoginBackoff {
 public:
  LoginBackoff();

  /// `address` as in `Peer`, the port is left away; of IPv6 the first 64 bits count.
  bool begin(std::string_view name, std::string_view address, Instant now);
  /// The right password has come with this name from this address, not long ago.
  bool is_known(std::string_view name, std::string_view address) const;
  enum class Outcome : std::uint8_t { right, wrong, not_tried };
  void end(std::string_view name, std::string_view address, Outcome outcome, Instant now);

 private:
  BackoffTable names_;
  BackoffTable addresses_;
};

/// "192.0.2.7:40312" and "[2001:db8:1:2:3::4]:40312" as what shares a back-off: "192.0.2.7",
/// "2001:db8:1:2".
std::string address_group(std::string_view peer_address);

}  // namespace lineshaft::auth
