#pragma once

#include <boost/system/result.hpp>
#include <string_view>

#include "broker/base/reason_code.h"

namespace lineshaft {

/// A fault of the peer: what it is told and which clause it broke.
struct Error {
  ReasonCode reason;
  /// The clause without brackets ("MQTT-1.5.5-1") or a section ("MQTT 2.2.2.2"); static storage.
  std::string_view clause;
};

/// A value or the peer's fault. `value()` on a fault is a programming error.
template <class T>
using Result = boost::system::result<T, Error>;

/// Boost.System asks for this; reading the value of a failed `Result` is our own fault.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location&);

}  // namespace lineshaft
