#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "broker/base/sparkplug_topic.h"

namespace lineshaft::sparkplug {

/// NBIRTH ... STATE; `none` never stands in a parsed topic.
using MessageType = SparkplugType;

/// First level of every Sparkplug B 3.0 topic (tck-id-topic-structure-namespace-a).
inline constexpr std::string_view namespace_level = "spBv1.0";
/// What stands before a certified birth's topic (tck-id-conformance-mqtt-aware-nbirth-mqtt-topic,
/// tck-id-conformance-mqtt-aware-dbirth-mqtt-topic).
inline constexpr std::string_view certificate_prefix = "$sparkplug/certificates/";

/// The parts of a Sparkplug topic; they point into the Topic Name.
struct Topic {
  MessageType type;
  /// Empty for STATE.
  std::string_view group;
  /// The edge node's id; the host id for STATE.
  std::string_view node;
  /// Empty but for device messages.
  std::string_view device;

  bool operator==(const Topic&) const = default;
};

/// DBIRTH, DDEATH, DDATA and DCMD.
constexpr bool is_device_message(MessageType type) {
  return type == MessageType::dbirth || type == MessageType::ddeath || type == MessageType::ddata ||
         type == MessageType::dcmd;
}

constexpr bool is_birth(MessageType type) {
  return type == MessageType::nbirth || type == MessageType::dbirth;
}

/// The topic's parts when it is one of spBv1.0/STATE/HOST, spBv1.0/GROUP/N.../NODE and
/// spBv1.0/GROUP/D.../NODE/DEVICE with all levels there and none empty; nullopt for anything else,
/// which is plain MQTT. Levels are counted first, so a group may be called "STATE".
///
/// Spec: tck-id-topic-structure, tck-id-topic-structure-namespace-a,
/// tck-id-topic-structure-namespace-device-id-associated-message-types,
/// tck-id-topic-structure-namespace-device-id-non-associated-message-types.
std::optional<Topic> parse_topic(std::string_view topic);

/// The Topic Name with these parts, which are taken as they are.
std::string topic_name(const Topic& topic);

/// One level of a Sparkplug topic: not empty, without "+", "/", "#" and NUL
/// (tck-id-intro-group-id-chars, tck-id-intro-edge-node-id-chars, tck-id-intro-device-id-chars).
bool is_valid_id(std::string_view id);

}  // namespace lineshaft::sparkplug
