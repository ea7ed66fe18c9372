#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/policy_snapshot.h"

/// The policy once more, as slowly and as plainly as it can be said: no trie, no bits, no order of
/// evaluation that is not part of the rules. `check` must agree with it everywhere.
namespace lineshaft::auth::reference {

using Texts = std::vector<std::string>;

struct Zone {
  std::string name;
  int sl_t = 1;
  Texts owns;
  Texts command_topics;
};

struct Role {
  std::string name;
  Texts publish;
  Texts subscribe;
  Texts deny;
  Texts sparkplug;
  Texts sys;
};

/// Daily; days are counted from Monday, minutes from midnight.
struct Hours {
  int first_day = 0;
  int last_day = 6;
  int start_min = 0;
  int end_min = 0;
  int offset_min = 0;
};

struct Conduit {
  std::string from;
  std::string to;
  Texts topics;
  Texts except;
  std::optional<std::string> via;
  Texts roles;
  std::optional<int> min_strength;
  std::optional<std::string> min_tls;
  std::optional<Texts> sparkplug;
  bool commands = false;
  std::optional<int> qos_max;
  std::optional<bool> retain;
  std::optional<std::string> rate;
  std::optional<int> max_payload;
  std::optional<Hours> hours;
  /// Seconds since 1970.
  std::optional<std::int64_t> until_s;
  bool monitor = false;
};

struct Policy {
  std::vector<Zone> zones;
  std::vector<Role> roles;
  std::vector<Conduit> conduits;
};

nlohmann::json to_json(const Policy& policy);

struct Question {
  const core::Principal& who;
  std::string_view client_id;
  Op op;
  std::string_view topic;
  MessageAttributes attributes;
};

struct Answer {
  bool allow = false;
  PolicyReason reason = PolicyReason::no_zone_claim;
  int qos_max = 2;
  bool strips_retain = false;
  bool monitored = false;
  bool has_bucket = false;
  /// The conduit that decided; -1: none did.
  int conduit = -1;

  friend bool operator==(const Answer&, const Answer&) = default;
};

Answer answer(const Policy& policy, const Overrides& overrides, WallTime now,
              const Question& question);

/// A topic's owner; empty: nobody.
std::string owner_of(const Policy& policy, std::string_view topic);
std::pair<int, int> specificity(std::string_view filter);

}  // namespace lineshaft::auth::reference
