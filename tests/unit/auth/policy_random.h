#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/auth/policy_reference.h"

namespace lineshaft::auth::reference {

/// Policies, principals and topics from a seed: few words, so that they meet often.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}

  /// 0 to `count` - 1.
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(engine_() % count); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

  Policy policy();
  Overrides overrides(const Policy& policy, WallTime now);
  core::Principal principal(const Policy& policy);
  std::string client_id();
  std::string topic();
  /// `variables`: may have ${name} and the like, `role` ${role} too.
  std::string filter(bool variables, bool role = false);
  /// A topic that matches the filter, mostly.
  std::string topic_of(const std::string& filter);
  MessageAttributes attributes();
  WallTime time();

 private:
  Texts filters(std::size_t max, bool variables, bool role = false);
  Texts types(std::size_t max);
  std::string level();
  void add_owns(Policy& policy);
  Conduit conduit(const Policy& policy);
  void limit(Conduit& conduit);

  std::mt19937_64 engine_;
};

}  // namespace lineshaft::auth::reference
