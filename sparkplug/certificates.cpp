#include "sparkplug/certificates.h"

#include <string>

#include "broker/core/topic_name.h"
#include "sparkplug/payload_writer.h"
#include "sparkplug/topic.h"

namespace lineshaft::sparkplug {
namespace {

constexpr std::string_view owned_root = "$sparkplug/";

}  // namespace

core::TopicClaim claim_of(std::string_view topic) {
  core::TopicClaim claim;
  claim.follows = parse_topic(topic).has_value();
  claim.owns = topic.starts_with(owned_root);
  if (!claim.owns) return claim;
  const bool certificate = !certified_topic(topic).empty();
  claim.shows_retain = certificate;
  claim.storing =
      certificate ? core::TopicClaim::Storing::at_once : core::TopicClaim::Storing::never;
  return claim;
}

MessagePtr certificate_of(const Message& birth) {
  std::string topic(certificate_prefix);
  topic += birth.topic();
  if (!core::is_valid_topic_name(topic)) return nullptr;
  MessageFields fields;
  fields.topic = topic;
  fields.properties = birth.properties();
  fields.payload = birth.payload();
  fields.qos = birth.qos();
  fields.retain = true;
  return KeptMessage::make(fields, {});
}

MessagePtr with_delivery_time(const Message& ndeath, WallTime now) {
  // An empty one deletes a retained death; with a time in it it would become one.
  if (ndeath.payload().empty()) return nullptr;
  const auto now_ms = static_cast<std::uint64_t>(now.time_since_epoch().count());
  const std::string payload = patched_timestamp(ndeath.payload(), now_ms);
  if (payload == ndeath.payload()) return nullptr;
  MessageFields fields = fields_of(ndeath);
  fields.payload = payload;
  return KeptMessage::make(fields, {});
}

std::string_view certified_topic(std::string_view topic) {
  if (!topic.starts_with(certificate_prefix)) return {};
  return topic.substr(certificate_prefix.size());
}

}  // namespace lineshaft::sparkplug
