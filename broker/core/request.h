#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "broker/base/message.h"

namespace lineshaft::core {

/// Gauges of the core at one moment.
struct Statistics {
  std::size_t connections = 0;
  std::size_t sessions = 0;
  /// Sessions without a connection.
  std::size_t sessions_offline = 0;
  std::size_t connections_most = 0;
  std::size_t subscriptions = 0;
  std::size_t shared_groups = 0;
  std::size_t retained = 0;
  std::size_t last_values = 0;
  std::size_t topic_entries = 0;
  /// Messages queued or in flight in all sessions, and their bytes.
  std::size_t queued = 0;
  std::size_t queued_bytes = 0;
  /// Sum of drops by a full queue, over the sessions that exist.
  std::size_t queue_drops = 0;
  std::size_t wills = 0;
  std::size_t held_acknowledgements = 0;
  /// Topics whose value differs from the store and waits for the next flush.
  std::size_t unflushed_values = 0;
  /// Subscriptions of which the policy allows nothing now.
  std::size_t subscriptions_suspended = 0;
  /// Counts policies since the start.
  std::uint32_t policy_epoch = 0;
  /// From the last change of policy to the moment all shards had met it, and to the end of the look
  /// at everybody who was there.
  std::uint64_t policy_fence_ms = 0;
  std::uint64_t policy_sweep_ms = 0;
};

/// Tell me the gauges. Answer: `Statistics`.
struct StatisticsRequest {};

/// Publish these in the broker's own name ($SYS values, which are never stored). No answer.
struct PublishRequest {
  std::vector<KeptMessagePtr> messages;
};

/// The broker stops: every client gets its held packets and then DISCONNECT 0x8B; no will fires,
/// sessions stay as they are. Answer: `DrainDone` when nothing is left held.
struct DrainRequest {};
struct DrainDone {};

/// For the interceptor; `body` is JSON. Answer: `RequestAnswer`.
struct InterceptorRequest {
  std::string verb;
  std::string body;
  /// The session it is about; empty: none.
  std::string client_id{};
};
/// For the extension of this name; `body` is JSON. Answer: `RequestAnswer`, `unknown_verb` when
/// there is none.
struct ExtensionRequest {
  std::string extension;
  std::string verb;
  std::string body;
};
struct RequestAnswer {
  enum class State : std::uint8_t { done, refused, unknown_verb };
  State state = State::unknown_verb;
  /// JSON.
  std::string body;
};

/// All shards have met the policy: nothing is delivered under an older one any more.
struct PolicyInForce {
  std::uint32_t epoch = 0;
};

/// One call from outside MQTT.
struct Request {
  std::uint64_t id = 0;
  std::variant<StatisticsRequest, PublishRequest, DrainRequest, InterceptorRequest,
               ExtensionRequest>
      what;
};

struct Reply {
  std::uint64_t id = 0;
  std::variant<Statistics, DrainDone, RequestAnswer, PolicyInForce> what;
};

}  // namespace lineshaft::core
