#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "broker/base/reason_code.h"
#include "broker/core/input.h"
#include "broker/core/principal.h"

namespace lineshaft::core {

/// What an authenticator remembers between the steps of one enhanced authentication; only the
/// authenticator that made it looks inside.
class AuthenticationState {
 public:
  virtual ~AuthenticationState() = default;
};

/// One step of an authentication: a CONNECT, or the data of an AUTH that follows it.
struct AuthenticationStep {
  std::shared_ptr<const Peer> peer;
  std::string client_id;
  std::optional<std::string> user_name;
  std::optional<std::string> password;
  /// Authentication Method and Authentication Data (MQTT 5.0 section 4.12).
  std::optional<std::string> method;
  std::string data;
  /// Of the challenge this step answers; null in the first step.
  std::shared_ptr<AuthenticationState> state;
  /// Who the client is already, when it authenticates again; else null.
  PrincipalPtr known;
};

/// AUTH 0x18 with `data` is to be sent, its answer is the next step.
struct Challenge {
  std::string data;
  std::shared_ptr<AuthenticationState> state;
};

/// The answer to one step.
using AuthenticationAnswer = std::variant<Admission, Challenge>;

/// Finds out who a client is before the core sees its CONNECT. Implemented by `auth`; with open
/// access there is none.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  /// Any thread. Calls `done` exactly once: inside this call, or on another thread. Never blocks;
  /// what takes long waits in a bounded queue, and what does not fit there is refused.
  virtual void authenticate(AuthenticationStep step,
                            std::function<void(AuthenticationAnswer)> done) = 0;
};

}  // namespace lineshaft::core
