#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace lineshaft::auth {

/// Frees what OpenSSL has made.
struct OpensslDelete {
  /// An integer or a time as well: OpenSSL has one type for them.
  void operator()(ASN1_STRING* text) const { ASN1_STRING_free(text); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_CRL* list) const { X509_CRL_free(list); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(X509_REQ* request) const { X509_REQ_free(request); }
  void operator()(X509_REVOKED* entry) const { X509_REVOKED_free(entry); }
};
template <class T>
using OpensslPtr = std::unique_ptr<T, OpensslDelete>;

}  // namespace lineshaft::auth
