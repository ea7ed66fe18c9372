#include "broker/net/login.h"

#include <iterator>
#include <utility>
#include <variant>

namespace lineshaft::net {
namespace {

core::Admission broken(ReasonCode reason) {
  core::Admission admission;
  admission.reason = reason;
  return admission;
}

}  // namespace

Login::Login(core::Authenticator& authenticator, std::shared_ptr<const core::Peer> peer,
             Answered answered)
    : authenticator_(authenticator), peer_(std::move(peer)), answered_(std::move(answered)) {}

Login::Login(core::Authenticator& authenticator, std::shared_ptr<const core::Peer> peer,
             const core::Reauthentication& again, Answered answered)
    : Login(authenticator, std::move(peer), std::move(answered)) {
  client_id_ = again.client_id;
  method_ = again.method;
  known_ = again.principal;
}

std::optional<core::Admission> Login::take(std::vector<mqtt::Packet> packets) {
  const bool is_first = packets_.empty();
  packets_.insert(packets_.end(), std::make_move_iterator(packets.begin()),
                  std::make_move_iterator(packets.end()));
  if (is_first) {
    ask(first_step(*std::get<std::unique_ptr<mqtt::ConnectPacket>>(packets_.front())));
    return std::nullopt;
  }
  if (asks_ || packets_.size() < 2) return std::nullopt;
  // [MQTT-3.1.2-30] nothing but AUTH and DISCONNECT may come before CONNACK.
  mqtt::Packet packet = std::move(packets_[1]);
  packets_.erase(packets_.begin() + 1);
  if (const auto* violation = std::get_if<mqtt::Violation>(&packet)) {
    return broken(violation->error.reason);
  }
  auto* const auth = std::get_if<std::unique_ptr<mqtt::AuthPacket>>(&packet);
  const bool answers = auth != nullptr && (*auth)->reason == ReasonCode::continue_authentication &&
                       (*auth)->authentication_method == method_;  // [MQTT-4.12.0-3]
  if (!answers) return broken(ReasonCode::protocol_error);
  return take(std::move((*auth)->authentication_data));
}

std::optional<core::Admission> Login::take(std::string data) {
  const bool expected = !asks_ && (state_ != nullptr || known_ != nullptr);
  if (!expected) return broken(ReasonCode::protocol_error);
  core::AuthenticationStep step;
  step.peer = peer_;
  step.client_id = client_id_;
  step.user_name = user_name_;
  step.method = method_;
  step.data = std::move(data);
  step.state = std::move(state_);
  step.known = known_;
  ask(std::move(step));
  return std::nullopt;
}

/// The password leaves the packet: nobody else needs it.
core::AuthenticationStep Login::first_step(mqtt::ConnectPacket& connect) {
  client_id_ = connect.client_id;
  user_name_ = connect.user_name;
  method_ = connect.authentication_method.value_or("");
  core::AuthenticationStep step;
  step.peer = peer_;
  step.client_id = client_id_;
  step.user_name = user_name_;
  step.password = std::move(connect.password);
  connect.password.reset();
  step.method = connect.authentication_method;
  step.data = std::move(connect.authentication_data);
  return step;
}

void Login::ask(core::AuthenticationStep step) {
  asks_ = true;
  authenticator_.authenticate(std::move(step), answered_);
}

std::unique_ptr<mqtt::AuthPacket> Login::challenge(core::Challenge challenge) {
  asks_ = false;
  state_ = std::move(challenge.state);
  auto packet = std::make_unique<mqtt::AuthPacket>();
  packet->reason = ReasonCode::continue_authentication;
  packet->authentication_method = method_;  // [MQTT-4.12.0-5]
  packet->authentication_data = std::move(challenge.data);
  return packet;
}

std::optional<core::Configure> Login::encoding(core::ConnectionRef connection) const {
  if (packets_.empty()) return std::nullopt;
  const auto& connect = *std::get<std::unique_ptr<mqtt::ConnectPacket>>(packets_.front());
  core::Configure configure;
  configure.connection = connection;
  configure.version = connect.version;
  configure.packet_size_bytes_max = connect.maximum_packet_size;
  configure.problem_information = connect.request_problem_information;
  return configure;
}

}  // namespace lineshaft::net
