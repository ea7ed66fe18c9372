#include "sparkplug/node_state.h"

#include "sparkplug/edge_actions.h"

namespace lineshaft::sparkplug {

std::string_view to_string(NodeState state) {
  switch (state) {
    case NodeState::unknown:
      return "unknown";
    case NodeState::online:
      return "online";
    case NodeState::reordering:
      return "reordering";
    case NodeState::out_of_sync:
      return "out_of_sync";
    case NodeState::offline:
      return "offline";
    case NodeState::restored:
      return "restored";
  }
  return "unknown";
}

std::string_view to_string(OfflineReason reason) {
  switch (reason) {
    case OfflineReason::none:
      return "none";
    case OfflineReason::death:
      return "death";
    case OfflineReason::lost:
      return "lost";
    case OfflineReason::detached:
      return "detached";
    case OfflineReason::unreachable:
      return "unreachable";
  }
  return "none";
}

std::string_view to_string(DeviceState state) {
  switch (state) {
    case DeviceState::unknown:
      return "unknown";
    case DeviceState::online:
      return "online";
    case DeviceState::stale:
      return "stale";
    case DeviceState::offline:
      return "offline";
  }
  return "unknown";
}

std::string_view to_string(RebirthCause cause) {
  switch (cause) {
    case RebirthCause::node_not_born:
      return "node_not_born";
    case RebirthCause::gap:
      return "gap";
    case RebirthCause::out_of_sync:
      return "out_of_sync";
    case RebirthCause::device_not_born:
      return "device_not_born";
    case RebirthCause::unknown_alias:
      return "unknown_alias";
    case RebirthCause::unknown_metric:
      return "unknown_metric";
    case RebirthCause::link_up:
      return "link_up";
    case RebirthCause::operator_asked:
      return "operator_asked";
  }
  return "gap";
}

std::string_view to_string(EdgeLimit limit) {
  switch (limit) {
    case EdgeLimit::nodes:
      return "nodes";
    case EdgeLimit::devices:
      return "devices";
    case EdgeLimit::metrics:
      return "metrics";
    case EdgeLimit::value_bytes:
      return "value_bytes";
    case EdgeLimit::reorder:
      return "reorder";
    case EdgeLimit::hosts:
      return "hosts";
    case EdgeLimit::sessions:
      return "sessions";
  }
  return "nodes";
}

}  // namespace lineshaft::sparkplug
