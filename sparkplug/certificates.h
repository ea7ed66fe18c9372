#pragma once

#include <string_view>

#include "broker/base/message.h"
#include "broker/core/extension.h"

namespace lineshaft::sparkplug {

/// What the extension wants of a topic: it follows Sparkplug's, and only the broker speaks below
/// "$sparkplug/", where certificates are stored at once and shown with RETAIN to everybody
/// (tck-id-conformance-mqtt-aware-nbirth-mqtt-retain,
/// tck-id-conformance-mqtt-aware-dbirth-mqtt-retain).
core::TopicClaim claim_of(std::string_view topic);

/// A birth's bytes as they came, with its v5 properties, retained where a reader looks for them
/// (tck-id-conformance-mqtt-aware-store, tck-id-conformance-mqtt-aware-nbirth-mqtt-topic,
/// tck-id-conformance-mqtt-aware-dbirth-mqtt-topic). Null when the longer topic is none.
MessagePtr certificate_of(const Message& birth);

/// The same NDEATH with the time of this attempt to deliver it
/// (tck-id-conformance-mqtt-aware-ndeath-timestamp); null when its payload is none, or empty.
MessagePtr with_delivery_time(const Message& ndeath, WallTime now);

/// The topic a certificate is about; empty for other topics.
std::string_view certified_topic(std::string_view topic);

}  // namespace lineshaft::sparkplug
