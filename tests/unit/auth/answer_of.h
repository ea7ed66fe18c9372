#pragma once

#include <future>
#include <memory>
#include <utility>
#include <variant>

#include "broker/core/authenticator.h"

namespace lineshaft::auth::test {

/// Waits for what an authenticator says.
inline core::AuthenticationAnswer answer_of(core::Authenticator& authenticator,
                                            core::AuthenticationStep step) {
  // The callback may still be running when the answer is here.
  auto promise = std::make_shared<std::promise<core::AuthenticationAnswer>>();
  auto future = promise->get_future();
  authenticator.authenticate(std::move(step), [promise](core::AuthenticationAnswer answer) {
    promise->set_value(std::move(answer));
  });
  return future.get();
}

/// The same when it is no challenge.
inline core::Admission admission_of(core::Authenticator& authenticator,
                                    core::AuthenticationStep step) {
  return std::get<core::Admission>(answer_of(authenticator, std::move(step)));
}

}  // namespace lineshaft::auth::test
