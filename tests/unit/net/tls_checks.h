#pragma once

#include <cstdint>

#include "broker/base/metrics.h"
#include "tests/unit/net/tls_world.h"

/// What several tests of TLS check.
namespace lineshaft::net::test {

inline TlsOptions asking(ClientCertificate mode) {
  TlsOptions options;
  options.client_certificate = mode;
  return options;
}

inline std::uint64_t failures() { return counter_value(Counter::tls_handshake_failures); }

/// The client's handshake or its first exchange fails; the server has counted it.
inline void check_refused(TlsWorld& world, TlsClientOptions options = {}) {
  const auto before = failures();
  TlsClient client(world.port(), world.pki.ca_file(), options);
  CHECK_FALSE(client.connect("refused"));
  wait_until([&] { return failures() == before + 1; });
  ERR_clear_error();
}

inline void check_accepted(TlsWorld& world, TlsClientOptions options = {}) {
  TlsClient client(world.port(), world.pki.ca_file(), options);
  CHECK(client.connect("accepted"));
}

}  // namespace lineshaft::net::test
