#pragma once

#include <string_view>

#include "broker/core/extension.h"
#include "sparkplug/payload.h"
#include "sparkplug/topic.h"

namespace lineshaft::sparkplug {

/// Makes the broker a Sparkplug Aware MQTT Server: birth certificates that can be read at any time,
/// and the time in death certificates (checklist section 2). What it cannot read is plain MQTT to
/// it, and counted.
///
/// Owned by the core; called inside its turn only.
class SparkplugExtension final : public core::Extension {
 public:
  std::string_view name() const override { return "sparkplug"; }
  void on_install(core::ExtensionContext& context) override { context_ = &context; }
  core::TopicClaim claim(std::string_view topic) const override;
  MessagePtr on_publish(const core::ExtensionClient& client, const Message& message) override;

 private:
  void certify(const Message& birth);

  core::ExtensionContext* context_ = nullptr;
  PayloadReader reader_;
};

}  // namespace lineshaft::sparkplug
