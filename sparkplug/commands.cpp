#include "sparkplug/commands.h"

#include "sparkplug/node_state.h"
#include "sparkplug/payload_writer.h"
#include "sparkplug/topic.h"
#include "sparkplug/well_known.h"

namespace lineshaft::sparkplug {

MessagePtr rebirth_command(std::string_view group, std::string_view node, WallTime now) {
  const auto now_ms = static_cast<std::uint64_t>(now.time_since_epoch().count());
  PayloadWriter writer(now_ms);
  MetricToWrite metric;
  metric.name = rebirth_name;
  metric.timestamp = now_ms;
  metric.value = Value{DataType::boolean, false, 1, {}};
  writer.add(metric);
  const std::string payload = writer.finish(std::nullopt);
  const std::string topic = topic_name({MessageType::ncmd, group, node, {}});
  MessageFields fields;
  fields.topic = topic;
  fields.payload = payload;
  return KeptMessage::make(fields, {});
}

std::string causes_text(std::uint32_t causes) {
  std::string text;
  for (std::size_t i = 0; i < rebirth_causes_size; ++i) {
    if ((causes >> i & 1u) == 0) continue;
    if (!text.empty()) text += ',';
    text += to_string(static_cast<RebirthCause>(i));
  }
  return text;
}

}  // namespace lineshaft::sparkplug
