#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "broker/base/time.h"
#include "broker/core/principal.h"

namespace lineshaft::auth {

/// When the certificates of the clients that are here end, and who was warned of it: 30, 7 and 1
/// days before, once each. Owned by whoever asks; one thread.
class CertificateEnds {
 public:
  /// `principal` is here at `now`, for the first time or still. Principals without a certificate
  /// are passed over. Says at once what is due.
  void saw(const core::Principal& principal, WallTime now);

  /// Says what has become due since.
  void look(WallTime now);

  /// When `look` has something to say next, or a certificate ends; nullopt: never.
  std::optional<WallTime> next() const { return next_; }

  std::size_t size() const { return ends_.size(); }

 private:
  struct End {
    WallTime at;
    std::string zone;
    std::string name;
    /// How many of the warnings were given.
    std::size_t warned = 0;
  };

  static void warn(const std::string& serial, End& end, WallTime now);
  void wait_for(const End& end, WallTime now);

  /// By serial number and issuer.
  std::map<std::string, End> ends_;
  std::optional<WallTime> next_;
};

}  // namespace lineshaft::auth
