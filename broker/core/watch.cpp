// What the watcher is told beside messages, and what it has to say.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"

namespace lineshaft::core {
namespace {

std::string_view version_name(mqtt::Version version) {
  switch (version) {
    case mqtt::Version::v5:
      return "MQTT 5";
    case mqtt::Version::v3_1_1:
      return "MQTT 3.1.1";
    default:
      return "MQTT 3.1";
  }
}

}  // namespace

void Core::watch(ConnectionState& connection, const Session& session) {
  static const Principal nobody_in_particular;
  const Peer* const peer = connection.peer.get();
  const std::string protocol =
      fmt::format("{} over {} at {}", version_name(connection.version),
                  peer != nullptr && peer->tls ? peer->tls->version : "no TLS",
                  peer != nullptr ? peer->listener : std::string());
  const Principal& principal = connection.principal ? *connection.principal : nobody_in_particular;
  connection.watched_as = watcher_->on_connect({principal, session.client_id, protocol}, now_);
}

/// What it has sent already goes on; TCP then slows it.
void Core::hold_back(ConnectionState& connection) {
  if (connection.paused_by_watcher) return;
  count(Counter::reading_paused_throttle);
  pause_reading(connection, &ConnectionState::paused_by_watcher, true);
  held_back_.push_back(connection.id);
}

void Core::ask_watcher() {
  for (const ConnectionId& id : std::exchange(held_back_, {})) {
    ConnectionState* const connection = connections_.find(id);
    if (connection == nullptr) continue;
    pause_reading(*connection, &ConnectionState::paused_by_watcher, false);
  }
  Watched watched = watcher_->on_time(now_);
  for (KeptMessagePtr& message : watched.messages) {
    Publication publication;
    publication.message = std::move(message);
    publish_now(std::move(publication));
  }
  for (const Watched::Call& call : watched.calls) {
    const RequestAnswer answer =
        interceptor_ ? interceptor_->on_request(call.verb, call.body, nullptr) : RequestAnswer{};
    if (answer.state == RequestAnswer::State::done) continue;
    LINESHAFT_LOG(core, error, "watcher_call_refused", {"verb", call.verb}, {"body", call.body},
                  {"why", answer.body});
  }
}

}  // namespace lineshaft::core
