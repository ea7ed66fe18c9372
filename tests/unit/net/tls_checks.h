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

/// A world that asks for client certificates and looks them up in the revocation list of its CA.
class ListingTlsWorld : public TlsWorld {
 public:
  explicit ListingTlsWorld(TlsOptions options = asking(ClientCertificate::require))
      : TlsWorld(std::move(options), [](TlsWorld& made, TlsOptions& all) {
          all.crl_file = made.folder / "ca.crl";
          replace_file(all.crl_file, made.pki.revocations({}));
        }) {}

  /// Another list takes the place of the one in the file and is read.
  void use_list(const std::string& list) {
    replace_file(folder / "ca.crl", list);
    REQUIRE(layer->reload(clock_now));
  }
};

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
