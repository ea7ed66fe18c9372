// What the watcher is told beside messages, and what it has to say.
#include <fmt/format.h>

#include <string>
#include <utility>

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

void Core::publish_watched() {
  for (KeptMessagePtr& message : watcher_->on_time(now_)) {
    Publication publication;
    publication.message = std::move(message);
    publish_now(std::move(publication));
  }
}

}  // namespace lineshaft::core
