// AUTH from a client that is connected: it authenticates again (section 4.12.1). Its messages go on
// meanwhile under the principal it has.
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"

namespace lineshaft::core {

void Core::on_auth(ConnectionState& connection, mqtt::AuthPacket& packet) {
  const bool agreed = !connection.authentication_method.empty();
  // Nobody agreed on a method, or CONNACK is still to come [MQTT-4.12.0-7].
  if (!agreed || !connection.connack_sent) {
    violate(connection, {ReasonCode::protocol_error, "MQTT-4.12.0-7"});
    return;
  }
  const bool begins = packet.reason == ReasonCode::reauthenticate;
  // [MQTT-4.12.1-1] always the method of CONNECT; one exchange at a time.
  if (packet.authentication_method != connection.authentication_method ||
      begins == connection.reauthenticates) {
    violate(connection, {ReasonCode::protocol_error, "MQTT-4.12.1-1"});
    return;
  }
  connection.reauthenticates = true;
  Authenticate ask{connection.ref(), std::make_unique<std::string>(), nullptr};
  *ask.data = std::move(packet.authentication_data);
  if (begins) {
    ask.begins = std::make_unique<Reauthentication>();
    ask.begins->method = connection.authentication_method;
    ask.begins->client_id = sessions_.at(connection.session).client_id;
    ask.begins->principal = connection.principal;
  }
  emit_effect(connection, std::move(ask));
}

void Core::on_reauthenticated(ConnectionState& connection, const Admission& admission) {
  connection.reauthenticates = false;
  const bool proven =
      !is_failure(admission.reason) && is_same(*admission.principal, *connection.principal);
  if (!proven) {
    count(Counter::reauthentications_failed);
    LINESHAFT_LOG(core, warn, "reauthentication_failed",
                  {"client_id", sessions_.at(connection.session).client_id},
                  {"user", connection.principal->name}, {"reason", to_string(admission.reason)});
    close_with(connection, ReasonCode::not_authorized);  // [MQTT-4.12.1-2]
    return;
  }
  connection.principal = admission.principal;
  take_owner(sessions_.at(connection.session), admission.principal);
  // It may have begun under other rules than those of today.
  if (interceptor_ && !recheck(connection)) return;
  auto packet = std::make_unique<mqtt::AuthPacket>();                // 0x00
  packet->authentication_method = connection.authentication_method;  // [MQTT-4.12.0-5]
  packet->authentication_data = admission.data;
  emit_effect(connection, Acknowledge{connection.ref(), OutPacket{std::move(packet)}});
}

}  // namespace lineshaft::core
