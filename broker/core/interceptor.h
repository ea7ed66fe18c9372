#pragma once

#include <cstdint>
#include <string_view>

#include "broker/base/message.h"
#include "broker/base/reason_code.h"
#include "broker/core/principal.h"
#include "broker/mqtt/packets.h"

namespace lineshaft::core {

/// A small number shared by all subjects that have the same rights, from 0 on.
using PolicyClass = std::uint32_t;
/// Rights of its own, not worth remembering: asked anew each time.
inline constexpr PolicyClass no_policy_class = 0xFFFFFFFF;
/// Classes whose verdicts are remembered per topic; those from here on are `no_policy_class`.
inline constexpr PolicyClass policy_classes_max = 1024;

/// Who does something: a principal and the Client Identifier it uses.
struct Subject {
  const Principal& principal;
  std::string_view client_id;
};

/// What may, and what may not. The core asks at every point where a message or a client could get
/// somewhere; without an interceptor everything is allowed and nothing is asked.
///
/// One object is one policy: a change of policy is another object (`PolicyChanged`), and every
/// remembered verdict is forgotten with the old one. Called inside the core's turn only; must not
/// block. `success` accepts, a failure refuses.
class Interceptor {
 public:
  virtual ~Interceptor() = default;

  /// Where verdicts on this subject are remembered. Subjects of one class get the same answers.
  virtual PolicyClass classify(const Subject& subject) = 0;

  /// A CONNECT whose principal is proven; also asked for every open connection when the policy has
  /// changed. The will is asked for separately, as a publish.
  virtual ReasonCode on_connect(const Subject& subject) = 0;

  /// A publish, or a will: at CONNECT, and again when it goes out.
  struct PublishVerdict {
    ReasonCode reason = ReasonCode::success;
    /// The answer depends on subject and topic only.
    bool for_all_messages = true;
  };
  virtual PublishVerdict on_publish(const Subject& subject, const Message& message) = 0;

  /// One Topic Filter of a SUBSCRIBE, without "$share/{name}/". An accepted filter may be wider
  /// than the subject's rights: `on_deliver` decides about each topic.
  virtual ReasonCode on_subscribe(const Subject& subject, std::string_view filter,
                                  const mqtt::SubscriptionOptions& options) = 0;

  /// May this subject receive messages of this topic? Asked for live messages, before a member of
  /// a shared subscription is chosen, for retained messages, and for what waited in a session's
  /// queue.
  virtual bool on_deliver(const Subject& subject, std::string_view topic) = 0;
};

}  // namespace lineshaft::core
