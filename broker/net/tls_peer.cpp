#include "broker/net/tls_peer.h"

#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace lineshaft::net {
namespace {

/// In a ticket: the time in milliseconds, then the hash if there is a certificate.
constexpr std::size_t ticket_time_bytes = sizeof(std::int64_t);
constexpr std::size_t ticket_bytes = ticket_time_bytes + SHA256_DIGEST_LENGTH;

/// `encode` is one of OpenSSL's i2d functions.
template <class Thing>
std::string der_of(int (*encode)(const Thing*, unsigned char**), const Thing* thing) {
  const int size = encode(thing, nullptr);
  if (size <= 0) return {};
  std::string der(static_cast<std::size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  encode(thing, &at);
  return der;
}

/// SHA-256 of the SubjectPublicKeyInfo: the same for every certificate of one key.
std::string spki_hash_of(const X509* certificate) {
  const std::string der = der_of(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(certificate));
  if (der.empty()) return {};
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(der.data()), der.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

/// Of who has signed the client's certificate; empty if no chain was built.
std::string issuer_of_chain(SSL* ssl) {
  const STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl);
  const int size = chain != nullptr ? sk_X509_num(chain) : 0;
  // A certificate that stands in the CA file itself is its own issuer.
  return size > 0 ? spki_hash_of(sk_X509_value(chain, std::min(1, size - 1))) : std::string{};
}

}  // namespace

std::optional<TicketFacts> read_ticket(const SSL_SESSION* session) {
  void* data = nullptr;
  std::size_t size = 0;
  // OpenSSL only reads; its signature forgets to say so.
  auto* const read = const_cast<SSL_SESSION*>(session);
  const bool has_data = SSL_SESSION_get0_ticket_appdata(read, &data, &size) == 1 && data != nullptr;
  const std::size_t wanted =
      SSL_SESSION_get0_peer(read) != nullptr ? ticket_bytes : ticket_time_bytes;
  if (!has_data || size != wanted) return std::nullopt;
  std::int64_t checked = 0;
  std::memcpy(&checked, data, ticket_time_bytes);
  return TicketFacts{
      WallTime{Milliseconds{checked}},
      {static_cast<const char*>(data) + ticket_time_bytes, size - ticket_time_bytes}};
}

bool write_ticket(SSL* ssl, WallTime now) {
  const std::int64_t checked = now.time_since_epoch().count();
  std::string bytes(ticket_time_bytes, '\0');
  std::memcpy(bytes.data(), &checked, ticket_time_bytes);
  bytes += issuer_of_chain(ssl);
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), bytes.data(), bytes.size()) == 1;
}

std::unique_ptr<const core::PeerCertificate> certificate_of_peer(SSL* ssl) {
  const X509* const certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return nullptr;
  auto peer = std::make_unique<core::PeerCertificate>();
  peer->der = der_of(i2d_X509, certificate);
  if (SSL_session_reused(ssl) == 1) {
    if (auto ticket = read_ticket(SSL_get_session(ssl))) {
      peer->issuer_spki = std::move(ticket->issuer_spki);
    }
  } else {
    peer->issuer_spki = issuer_of_chain(ssl);
  }
  return peer;
}

}  // namespace lineshaft::net
