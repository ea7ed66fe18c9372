#include "auth/revocation_list.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "auth/pki_pem.h"

namespace lineshaft::auth {

PkiResult<std::string> make_revocation_list(const KeyedCertificate& authority,
                                            const RevocationList& list) {
  const auto signer = signer_of(authority);
  if (!signer) return signer.error();
  const OpensslPtr<X509_CRL> made(X509_CRL_new());
  const OpensslPtr<ASN1_TIME> time(ASN1_TIME_new());
  const OpensslPtr<ASN1_INTEGER> number(ASN1_INTEGER_new());
  if (!made || !time || !number) return openssl_fault("make a revocation list");
  const auto set_time = [&](WallTime at) {
    return ASN1_TIME_set(time.get(), unix_seconds(at)) != nullptr;
  };
  bool right =
      X509_CRL_set_version(made.get(), X509_CRL_VERSION_2) == 1 &&
      X509_CRL_set_issuer_name(made.get(), X509_get_subject_name(signer->certificate.get())) == 1 &&
      set_time(list.validity.begin) && X509_CRL_set1_lastUpdate(made.get(), time.get()) == 1 &&
      set_time(list.validity.end) && X509_CRL_set1_nextUpdate(made.get(), time.get()) == 1 &&
      ASN1_INTEGER_set_uint64(number.get(), list.number) == 1 &&
      X509_CRL_add1_ext_i2d(made.get(), NID_crl_number, number.get(), 0, 0) == 1;
  for (const Revocation& one : list.revoked) {
    const OpensslPtr<ASN1_INTEGER> serial = serial_from(one.serial);
    OpensslPtr<X509_REVOKED> entry(X509_REVOKED_new());
    right = right && serial && entry && set_time(one.at) &&
            X509_REVOKED_set_serialNumber(entry.get(), serial.get()) == 1 &&
            X509_REVOKED_set_revocationDate(entry.get(), time.get()) == 1 &&
            X509_CRL_add0_revoked(made.get(), entry.get()) == 1;
    if (right) static_cast<void>(entry.release());
  }
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer->certificate.get(), nullptr, nullptr, made.get(), 0);
  const OpensslPtr<X509_EXTENSION> issuer(
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
  right = right && issuer && X509_CRL_add_ext(made.get(), issuer.get(), -1) == 1 &&
          X509_CRL_sort(made.get()) == 1 &&
          X509_CRL_sign(made.get(), signer->key.get(), EVP_sha256()) > 0;
  if (!right) return openssl_fault("make a revocation list");
  return to_pem([&](BIO* out) { return PEM_write_bio_X509_CRL(out, made.get()); });
}

namespace {

RevocationList facts_of(X509_CRL* list) {
  RevocationList facts;
  facts.pem = to_pem([=](BIO* out) { return PEM_write_bio_X509_CRL(out, list); });
  facts.validity = {wall_time_of(X509_CRL_get0_lastUpdate(list)),
                    wall_time_of(X509_CRL_get0_nextUpdate(list))};
  const OpensslPtr<ASN1_INTEGER> number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(list, NID_crl_number, nullptr, nullptr)));
  if (number) ASN1_INTEGER_get_uint64(&facts.number, number.get());
  STACK_OF(X509_REVOKED)* const entries = X509_CRL_get_REVOKED(list);
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* const entry = sk_X509_REVOKED_value(entries, i);
    facts.revoked.push_back({serial_of(X509_REVOKED_get0_serialNumber(entry)),
                             wall_time_of(X509_REVOKED_get0_revocationDate(entry))});
  }
  return facts;
}

}  // namespace

PkiResult<RevocationList> read_revocation_list(const std::string& pem,
                                               const std::string& authority) {
  const OpensslPtr<X509> issuer = certificate_of(authority);
  if (!issuer) return pki_fault("the authority's certificate is damaged");
  const OpensslPtr<BIO> in = pem_reader(pem);
  while (
      const OpensslPtr<X509_CRL> list{PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr)}) {
    const bool is_its =
        X509_NAME_cmp(X509_CRL_get_issuer(list.get()), X509_get_subject_name(issuer.get())) == 0 &&
        X509_CRL_verify(list.get(), X509_get0_pubkey(issuer.get())) == 1;
    ERR_clear_error();
    if (is_its) return facts_of(list.get());
  }
  if (!was_last_pem_block()) return pki_fault("one of its revocation lists is damaged");
  return pki_fault("it has no revocation list of this authority");
}

}  // namespace lineshaft::auth
