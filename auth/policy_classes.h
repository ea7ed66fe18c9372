#pragma once

#include <string>
#include <unordered_map>
#include <utility>

#include "broker/core/interceptor.h"

namespace lineshaft::auth {

/// Numbers for what distinguishes rights: subjects with the same key are one policy class. Owned by
/// an interceptor, used inside the core's turn only.
class PolicyClasses {
 public:
  /// The number of `key`, a new one if it is new; `no_policy_class` when they are used up.
  core::PolicyClass of(std::string key) {
    const auto found = numbers_.find(key);
    if (found != numbers_.end()) return found->second;
    if (numbers_.size() >= core::policy_classes_max) return core::no_policy_class;
    const auto next = static_cast<core::PolicyClass>(numbers_.size());
    numbers_.emplace(std::move(key), next);
    return next;
  }
  void clear() { numbers_.clear(); }

 private:
  std::unordered_map<std::string, core::PolicyClass> numbers_;
};

}  // namespace lineshaft::auth
