// The part of a ScriptedBroker that asks who a client is, as the net room does.
#include <utility>

#include "broker/core/core.h"
#include "broker/net/login.h"
#include "tests/support/scripted_broker.h"

namespace lineshaft::test {

void ScriptedBroker::guard(core::Authenticator* authenticator,
                           std::shared_ptr<core::Interceptor> interceptor) {
  authenticator_ = authenticator;
  interceptor_ = std::move(interceptor);
  start();
}

void ScriptedBroker::change_policy(std::shared_ptr<core::Interceptor> interceptor) {
  interceptor_ = std::move(interceptor);
  run(core::PolicyChanged{interceptor_});
}

void ScriptedBroker::extend(MakeExtension make) {
  make_extension_ = std::move(make);
  start();
}

void ScriptedBroker::watch(std::shared_ptr<core::Watcher> watcher) {
  core_->set_watcher(std::move(watcher));
}

std::function<void(core::AuthenticationAnswer)> ScriptedBroker::login_answer(const Pipe& pipe) {
  return [this, slot = pipe.id.slot](core::AuthenticationAnswer answer) {
    answers_.emplace_back(slot, std::move(answer));
  };
}

void ScriptedBroker::log_in(Pipe& pipe, std::vector<mqtt::Packet> packets) {
  if (!pipe.login) {
    pipe.login = std::make_shared<net::Login>(*authenticator_, peer_, login_answer(pipe));
  }
  if (auto end = pipe.login->take(std::move(packets))) finish_login(pipe, std::move(*end));
  answer_logins();
}

void ScriptedBroker::authenticate(const core::Authenticate& effect) {
  Pipe& pipe = pipe_of(effect.connection);
  if (effect.begins) {
    pipe.login =
        std::make_shared<net::Login>(*authenticator_, peer_, *effect.begins, login_answer(pipe));
  }
  if (!pipe.login) return;
  // Effects are being taken: what follows comes behind them.
  if (auto end = pipe.login->take(*effect.data)) answers_.emplace_back(pipe.id.slot, *end);
}

void ScriptedBroker::answer_logins() {
  while (!answers_.empty()) {
    auto [slot, answer] = std::move(answers_.front());
    answers_.pop_front();
    Pipe& pipe = *pipes_[slot];
    if (pipe.closed_by_broker || pipe.closed_by_client || !pipe.login) continue;
    if (auto* admission = std::get_if<core::Admission>(&answer)) {
      finish_login(pipe, std::move(*admission));
      continue;
    }
    auto challenge = pipe.login->challenge(std::get<core::Challenge>(std::move(answer)));
    if (const auto encoding = pipe.login->encoding({slot, 1})) pipe.outbox.configure(*encoding);
    pipe.outbox.packet(core::OutPacket{std::move(challenge)}, totals_);
    drain(pipe);
    if (pipe.known_to_core) continue;
    if (auto end = pipe.login->take(std::vector<mqtt::Packet>())) {
      finish_login(pipe, std::move(*end));
    }
  }
}

void ScriptedBroker::finish_login(Pipe& pipe, core::Admission admission) {
  const auto login = std::move(pipe.login);
  auto end = std::make_unique<core::Admission>(std::move(admission));
  if (std::exchange(pipe.known_to_core, true)) {
    run(core::Reauthenticated{pipe.id, std::move(end)});
    return;
  }
  run(core::ConnectionOpened{pipe.id, peer_, std::move(end)});
  run(core::PacketsArrived{pipe.id, login->release()});
}

}  // namespace lineshaft::test
