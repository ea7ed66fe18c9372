#include "broker/admin/readiness.h"

#include <fmt/format.h>

namespace lineshaft::admin {
namespace {

std::string store_detail(const storage::StoreStatus& store) {
  if (store.fault == storage::StoreFault::none || store.low_space) {
    return fmt::format(
        "the disk has {} bytes free, {} are kept as reserve: messages that must be stored are "
        "refused until there is space",
        store.free_bytes, store.reserve_bytes);
  }
  return fmt::format(
      "the store does not take writes ({}): messages that must be stored are refused; the log "
      "has the reason, and the broker tries again by itself",
      storage::to_string(store.fault));
}

}  // namespace

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::starting:
      return "starting";
    case Phase::running:
      return "running";
    case Phase::draining:
      return "draining";
    case Phase::stopping:
      return "stopping";
  }
  return "unknown";
}

std::string_view store_state(const storage::StoreStatus& store) {
  if (store.fault != storage::StoreFault::none) return storage::to_string(store.fault);
  return store.low_space ? "low_space" : "ready";
}

std::vector<NotReady> reasons_against(const BrokerFacts& facts, bool core_answers) {
  std::vector<NotReady> reasons;
  switch (facts.phase) {
    case Phase::starting:
      reasons.push_back({"starting", "what is stored is being read; listeners open afterwards"});
      break;
    case Phase::running:
      break;
    case Phase::draining:
    case Phase::stopping:
      reasons.push_back({"draining", "the broker stops and takes no new connections"});
      break;
  }
  if (facts.store && !facts.store->accepts_writes) {
    reasons.push_back({"store", store_detail(*facts.store)});
  }
  if (facts.phase == Phase::running && !core_answers) {
    reasons.push_back({"core", "the core has not answered in time"});
  }
  return reasons;
}

}  // namespace lineshaft::admin
