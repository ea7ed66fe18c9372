#pragma once

#include <string>
#include <variant>

#include "broker/admin/http_message.h"
#include "broker/base/time.h"

namespace lineshaft::admin {

/// Why there is no answer.
struct CallFailure {
  enum class Kind : std::uint8_t {
    /// No socket file at the path.
    missing,
    /// A socket file, and nobody behind it.
    nobody,
    /// The socket's mode keeps this user out.
    permission,
    /// Connected, but no whole answer came in time.
    no_answer,
  };
  Kind kind = Kind::missing;
  /// The system's words.
  std::string why;
};

/// One request over the Unix socket at `path`; waits for the answer at most `patience`. `body`:
/// JSON of a POST.
std::variant<HttpResponse, CallFailure> call(const std::string& path, Method method,
                                             const std::string& target, Milliseconds patience,
                                             const std::string& body = {});

}  // namespace lineshaft::admin
