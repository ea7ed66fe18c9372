#pragma once

#include <string>

#include "broker/base/message.h"
#include "broker/mqtt/properties.h"
#include "broker/mqtt/reader.h"

namespace lineshaft::mqtt {

/// Sorts the properties that PUBLISH and a will have in common into the message's fields.
///
/// Those that travel unchanged ([MQTT-3.3.2-4], [MQTT-3.3.2-15], [MQTT-3.3.2-16], [MQTT-3.3.2-17],
/// [MQTT-3.3.2-18] in their order, [MQTT-3.3.2-20]) stay where they are as long as they stand side
/// by side (the common case); only when others are between them their bytes are gathered.
class MessageProperties {
 public:
  /// `gathered` lends its memory and must live as long as `fields.properties` is used.
  MessageProperties(MessageFields& fields, std::string& gathered)
      : fields_(fields), gathered_(gathered) {}

  /// False when the property is none of a message. A fault goes to `packet`.
  bool take(const Property& property, Reader& packet);

 private:
  void forward(Octets wire);

  MessageFields& fields_;
  std::string& gathered_;
};

}  // namespace lineshaft::mqtt
