#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "auth/openssl_ptr.h"
#include "auth/pki_words.h"
#include "broker/base/assert.h"
#include "broker/base/time.h"

/// What the parts of the certificate authority share: between PEM, our words and OpenSSL's.
namespace lineshaft::auth {

/// Empties OpenSSL's error queue.
PkiFault pki_fault(std::string what);
/// OpenSSL failed where nothing of the operator's could be the reason.
PkiFault openssl_fault(const char* doing);

/// Reads `pem` where it lies.
OpensslPtr<BIO> pem_reader(std::string_view pem);
/// For OpenSSL's `pem_password_cb`: no passphrase. Without one it would ask on the terminal.
int no_passphrase(char*, int, int, void*);
/// After a PEM block could not be read: there was none left. Empties the error queue.
bool was_last_pem_block();
/// The first in `pem`, or null.
OpensslPtr<X509> certificate_of(const std::string& pem);
/// Null for none, for a damaged one and for one behind a passphrase.
OpensslPtr<EVP_PKEY> key_of(const std::string& pem);

/// SHA-256 of the SubjectPublicKeyInfo, 32 raw bytes; empty if there is none to be read.
std::string public_key_hash(const X509* certificate);

/// What `write(BIO*)` has written.
template <class Write>
std::string to_pem(Write write) {
  const OpensslPtr<BIO> out(BIO_new(BIO_s_mem()));
  LINESHAFT_ASSERT(out != nullptr && write(out.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string to_pem(X509* certificate);
std::string to_pem(EVP_PKEY* key);

std::time_t unix_seconds(WallTime time);
/// 1970 for what cannot be read.
WallTime wall_time_of(const ASN1_TIME* time);
/// Lower-case hexadecimal digits, two per byte.
std::string serial_of(const ASN1_INTEGER* integer);
/// Null if `hex` is no number.
OpensslPtr<ASN1_INTEGER> serial_from(const std::string& hex);

struct Signer {
  OpensslPtr<X509> certificate;
  OpensslPtr<EVP_PKEY> key;
};

/// An authority that can sign: it has a key and the key is its own.
PkiResult<Signer> signer_of(const KeyedCertificate& authority);

}  // namespace lineshaft::auth
