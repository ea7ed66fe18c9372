#include "auth/pki_pem.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <utility>

#include "auth/crypto.h"

namespace lineshaft::auth {

PkiFault pki_fault(std::string what) {
  ERR_clear_error();
  PkiFault fault;
  fault.what = std::move(what);
  return fault;
}

PkiFault openssl_fault(const char* doing) {
  char text[256] = "no reason given";
  if (const unsigned long code = ERR_peek_last_error(); code != 0) {
    ERR_error_string_n(code, text, sizeof text);
  }
  return pki_fault(fmt::format("OpenSSL could not {}: {}", doing, text));
}

int no_passphrase(char*, int, int, void*) { return -1; }

OpensslPtr<BIO> pem_reader(std::string_view pem) {
  return OpensslPtr<BIO>(
      BIO_new_mem_buf(pem.empty() ? "" : pem.data(), static_cast<int>(pem.size())));
}

bool was_last_pem_block() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

OpensslPtr<X509> certificate_of(const std::string& pem) {
  OpensslPtr<X509> one(PEM_read_bio_X509(pem_reader(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return one;
}

OpensslPtr<EVP_PKEY> key_of(const std::string& pem) {
  OpensslPtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(pem_reader(pem).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

std::string public_key_hash(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  std::string hash = sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return hash;
}

std::string to_pem(X509* certificate) {
  return to_pem([=](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

std::string to_pem(EVP_PKEY* key) {
  return to_pem([=](BIO* out) {
    return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::time_t unix_seconds(WallTime time) {
  return static_cast<std::time_t>(time.time_since_epoch().count() / 1000);
}

WallTime wall_time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return WallTime{};
  return WallTime{Milliseconds{std::int64_t{::timegm(&parts)} * 1000}};
}

std::string serial_of(const ASN1_INTEGER* integer) {
  const OpensslPtr<BIGNUM> number(ASN1_INTEGER_to_BN(integer, nullptr));
  char* const digits = number ? BN_bn2hex(number.get()) : nullptr;
  if (digits == nullptr) return {};
  std::string text = digits;
  OPENSSL_free(digits);
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

OpensslPtr<ASN1_INTEGER> serial_from(const std::string& hex) {
  BIGNUM* number = nullptr;
  const bool whole = BN_hex2bn(&number, hex.c_str()) == static_cast<int>(hex.size());
  const OpensslPtr<BIGNUM> owner(number);
  return OpensslPtr<ASN1_INTEGER>(whole ? BN_to_ASN1_INTEGER(number, nullptr) : nullptr);
}

PkiResult<Signer> signer_of(const KeyedCertificate& authority) {
  Signer signer{certificate_of(authority.certificate), key_of(authority.key)};
  if (!signer.certificate) return pki_fault("the authority's certificate is damaged");
  if (!signer.key) return pki_fault("the authority's private key is missing or damaged");
  if (X509_check_private_key(signer.certificate.get(), signer.key.get()) != 1) {
    return pki_fault("the authority's private key is not that of its certificate");
  }
  return signer;
}

}  // namespace lineshaft::auth
