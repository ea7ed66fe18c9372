#pragma once

#include <cstdint>
#include <string_view>

/// The words in which the host view speaks of edge nodes and devices.
namespace lineshaft::sparkplug {

/// Numbers an edge node for as long as it is known; used again after it was forgotten.
using NodeNumber = std::uint32_t;
/// Numbers a device (over all edge nodes), likewise.
using DeviceNumber = std::uint32_t;
inline constexpr NodeNumber no_node = 0xFFFF'FFFF;
/// The edge node itself: its own metrics.
inline constexpr DeviceNumber no_device = 0xFFFF'FFFF;

/// Numbers a connection; never used twice in a run of the broker, 0: none.
using ConnectionNumber = std::uint64_t;

enum class NodeState : std::uint8_t {
  unknown,      ///< never born here
  online,       ///< born, every message in sequence
  reordering,   ///< a message is missing, the others wait for it
  out_of_sync,  ///< a message is lost: nothing counts until the next NBIRTH
  offline,      ///< `OfflineReason` says why
  restored,     ///< known from the store, not seen since the broker started
};

inline constexpr std::size_t node_states_size = 6;

enum class OfflineReason : std::uint8_t {
  none,
  death,        ///< an NDEATH with its bdSeq
  lost,         ///< its connection broke and no will told so
  detached,     ///< it disconnected without an NDEATH
  unreachable,  ///< the link it is behind is down
};

enum class DeviceState : std::uint8_t {
  unknown,  ///< never born here
  online,
  stale,    ///< not born in this session of its edge node
  offline,  ///< a DDEATH, or the edge node is offline
};

/// Why an edge node is asked to be born again.
enum class RebirthCause : std::uint8_t {
  node_not_born,    ///< a message before any NBIRTH
  gap,              ///< a seq is missing
  out_of_sync,      ///< messages go on after a gap
  device_not_born,  ///< DDATA before DBIRTH
  unknown_alias,
  unknown_metric,
  link_up,  ///< the link to it is back
  operator_asked,
};
inline constexpr std::size_t rebirth_causes_size = 8;

std::string_view to_string(NodeState state);
std::string_view to_string(OfflineReason reason);
std::string_view to_string(DeviceState state);
std::string_view to_string(RebirthCause cause);

/// Who published something.
struct Author {
  /// 0 when it is from before the broker's start (a will).
  ConnectionNumber connection = 0;
  std::string_view client_id;
  /// The broker publishes it on behalf of the client.
  bool is_will = false;
  /// Its messages may overtake each other: a bridge.
  bool may_reorder = false;
};

}  // namespace lineshaft::sparkplug
