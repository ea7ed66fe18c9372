// From a CONNECT to the core when somebody asks who it is, and AUTH of clients that are connected.
#include <utility>
#include <variant>

#include "broker/net/connection.h"
#include "broker/net/login.h"
#include "broker/net/shard.h"

namespace lineshaft::net {
namespace {

core::Admission refusal_of(ReasonCode reason) {
  core::Admission admission;
  admission.reason = reason;
  return admission;
}

}  // namespace

/// What is no CONNECT proves nothing: the core refuses it.
bool Connection::must_log_in(const std::vector<mqtt::Packet>& packets) const {
  if (shard_.authenticator() == nullptr) return false;
  return login_ || std::holds_alternative<std::unique_ptr<mqtt::ConnectPacket>>(packets.front());
}

void Connection::log_in(std::vector<mqtt::Packet> packets) {
  if (!login_) {
    describe_peer();
    login_ = std::make_unique<Login>(*shard_.authenticator(), peer_, shard_.login_answer(id_));
  }
  if (auto end = login_->take(std::move(packets))) finish_login(std::move(*end));
}

void Connection::apply(const core::Authenticate& authenticate) {
  if (authenticate.begins) {
    login_ = std::make_unique<Login>(*shard_.authenticator(), peer_, *authenticate.begins,
                                     shard_.login_answer(id_));
  }
  if (!login_) return;
  if (auto end = login_->take(*authenticate.data)) finish_login(std::move(*end));
}

void Connection::authenticated(core::AuthenticationAnswer answer) {
  if (!open() || !login_ || !login_->asks()) return;
  if (auto* const admission = std::get_if<core::Admission>(&answer)) {
    return finish_login(std::move(*admission));
  }
  auto challenge = login_->challenge(std::get<core::Challenge>(std::move(answer)));
  if (const auto encoding = login_->encoding({id_.slot, id_.generation})) {
    outbox_.configure(*encoding);
  }
  shard_.mark_dirty(*this);
  if (!outbox_.packet(core::OutPacket{std::move(challenge)}, shard_.totals())) {
    return finish_login(refusal_of(ReasonCode::packet_too_large));
  }
  if (state_ != State::fresh) return;
  if (overdue_) return connect_deadline_passed();
  if (auto end = login_->take(std::vector<mqtt::Packet>())) return finish_login(std::move(*end));
  if (!login_->asks()) shard_.read_after_turn(*this);
}

void Connection::finish_login(core::Admission admission) {
  const std::unique_ptr<Login> login = std::move(login_);
  auto end = std::make_unique<core::Admission>(std::move(admission));
  if (state_ != State::fresh) {
    shard_.submit(core::Reauthenticated{id_, std::move(end)});
    return;
  }
  introduce(std::move(end));
  submit_packets(login->release());
  shard_.read_after_turn(*this);
}

}  // namespace lineshaft::net
