#include "sparkplug/sparkplug_extension.h"

#include <utility>

#include "broker/base/metrics.h"
#include "sparkplug/certificates.h"

namespace lineshaft::sparkplug {

core::TopicClaim SparkplugExtension::claim(std::string_view topic) const { return claim_of(topic); }

MessagePtr SparkplugExtension::on_publish(const core::ExtensionClient& /*client*/,
                                          const Message& message) {
  const auto topic = parse_topic(message.topic());
  if (!topic || topic->type == MessageType::state) return nullptr;
  const bool is_payload =
      !message.payload().empty() && reader_.read(message.payload()) == PayloadFault::none;
  if (!is_payload) {
    // Forwarded like any other; the last good certificate stays.
    count(Counter::sparkplug_malformed);
    return nullptr;
  }
  if (is_birth(topic->type)) certify(message);
  if (topic->type != MessageType::ndeath) return nullptr;
  return with_delivery_time(message, context_->now().wall);
}

void SparkplugExtension::certify(const Message& birth) {
  MessagePtr certificate = certificate_of(birth);
  if (!certificate || !context_->publish(std::move(certificate), nullptr)) return;
  count(Counter::sparkplug_certificates);
}

}  // namespace lineshaft::sparkplug
