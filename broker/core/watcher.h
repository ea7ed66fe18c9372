#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/message.h"
#include "broker/base/time.h"
#include "broker/core/principal.h"

namespace lineshaft::core {

/// Who has been let in.
struct ConnectFacts {
  const Principal& principal;
  std::string_view client_id;
  /// "MQTT 5 over TLSv1.3".
  std::string_view protocol;
};

/// What a watcher has to say.
struct Watched {
  /// The broker itself publishes these.
  std::vector<KeptMessagePtr> messages;
  /// For `Interceptor::on_request`; `body` is JSON.
  struct Call {
    std::string verb;
    std::string body;
  };
  std::vector<Call> calls;
};

/// Sees what passes and refuses nothing; without one nobody looks. Called inside the core's turn
/// only; must not block.
class Watcher {
 public:
  virtual ~Watcher() = default;

  /// A client is connected. Returns the number by which the calls below name it and its session
  /// until it connects again.
  virtual std::uint32_t on_connect(const ConnectFacts& facts, Now now) = 0;
  /// It published what it may. True: it is not to be read any further until the next `on_time`.
  virtual bool on_publish(std::uint32_t who, const Message& message) = 0;
  /// It receives this, now or when it comes back.
  virtual void on_deliver(std::uint32_t who, const Message& message) = 0;
  /// It wanted what it may not.
  virtual void on_deny(std::uint32_t who) = 0;
  /// Every `limits::timer_tick`.
  virtual Watched on_time(Now now) = 0;
};

}  // namespace lineshaft::core
