#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auth/pki_words.h"
#include "broker/base/time.h"

/// Revocation lists of the small certificate authority (auth/certificate_authority.h).
namespace lineshaft::auth {

struct Revocation {
  std::string serial;
  WallTime at;
};
struct RevocationList {
  /// As it was read; nothing when it is to be made.
  std::string pem;
  std::uint64_t number = 0;
  Validity validity;
  std::vector<Revocation> revoked;
};

/// The list in PEM, signed by `authority`.
PkiResult<std::string> make_revocation_list(const KeyedCertificate& authority,
                                            const RevocationList& list);

/// The list among those of `pem` that `authority` (a certificate) has signed. A fault when there is
/// none: a list that is gone must not be taken for an empty one.
PkiResult<RevocationList> read_revocation_list(const std::string& pem,
                                               const std::string& authority);

}  // namespace lineshaft::auth
