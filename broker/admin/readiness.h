#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/admin/backend.h"

namespace lineshaft::admin {

/// Why the broker should get no traffic now.
struct NotReady {
  /// For programs; stays the same between versions.
  std::string_view code;
  /// For people, with the remedy.
  std::string detail;
};

/// Empty: ready. `core_answers`: a request has just gone through the core.
std::vector<NotReady> reasons_against(const BrokerFacts& facts, bool core_answers);

/// "starting", "running", "draining", "stopping"
std::string_view to_string(Phase phase);

/// "ready", or what is wrong: "no_space", "io", "corrupt", "low_space".
std::string_view store_state(const storage::StoreStatus& store);

}  // namespace lineshaft::admin
