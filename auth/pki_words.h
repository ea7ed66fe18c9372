#pragma once

#include <boost/system/result.hpp>
#include <string>

#include "broker/base/time.h"

/// The words of the small certificate authority (auth/certificate_authority.h).
namespace lineshaft::auth {

/// Why something could not be made or read: for the operator, without a full stop.
struct PkiFault {
  PkiFault() = default;  // no aggregate: a text is a value and no fault
  std::string what;
};
template <class T>
using PkiResult = boost::system::result<T, PkiFault>;

struct Validity {
  WallTime begin;
  WallTime end;
};

/// A certificate and its private key, PEM both. The key is empty when somebody else keeps it.
struct KeyedCertificate {
  std::string certificate;
  std::string key;
};

}  // namespace lineshaft::auth
