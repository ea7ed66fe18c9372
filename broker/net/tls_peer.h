#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "broker/base/time.h"
#include "broker/core/input.h"

/// What a full handshake finds out about a client, and how a session ticket keeps it: a handshake
/// that resumes one builds no chain of certificates.
namespace lineshaft::net {

struct TicketFacts {
  /// When the client was checked in full.
  WallTime checked;
  /// SHA-256 of the key of the CA that signed its certificate; empty without one.
  std::string issuer_spki;
};

/// Nothing if they are not ours or not whole.
std::optional<TicketFacts> read_ticket(const SSL_SESSION* session);
/// For the session of a full handshake that was checked at `now`. False without memory.
bool write_ticket(SSL* ssl, WallTime now);

/// After a handshake: the client's certificate, null when it has shown none.
std::unique_ptr<const core::PeerCertificate> certificate_of_peer(SSL* ssl);

}  // namespace lineshaft::net
