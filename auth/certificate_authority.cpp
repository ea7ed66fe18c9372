#include "auth/certificate_authority.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <utility>

#include "auth/crypto.h"
#include "auth/pki_pem.h"
#include "broker/base/assert.h"

namespace lineshaft::auth {
namespace {

constexpr std::size_t pki_name_size_max = 64;
constexpr std::size_t serial_size_bytes = 16;
/// What OpenSSL's security level 2 asks of a key: RSA 2048, or any curve we know.
constexpr int key_security_bits_min = 112;
constexpr long rsa_bits = 3072;

OpensslPtr<EVP_PKEY> new_key(KeyType type) {
  switch (type) {
    case KeyType::p256:
      return OpensslPtr<EVP_PKEY>(EVP_EC_gen("P-256"));
    case KeyType::p384:
      return OpensslPtr<EVP_PKEY>(EVP_EC_gen("P-384"));
    case KeyType::rsa3072:
      return OpensslPtr<EVP_PKEY>(EVP_RSA_gen(rsa_bits));
  }
  return nullptr;
}

std::string new_serial() {
  std::string bytes = random_bytes(serial_size_bytes);
  bytes.front() = static_cast<char>(bytes.front() | '\x80');  // so that all have 32 digits
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

/// What differs between the kinds of certificates.
struct Shape {
  std::vector<std::pair<const char*, std::string>> subject;
  const char* constraints = "critical,CA:FALSE";
  const char* key_usage = "critical,digitalSignature";
  /// Null: none.
  const char* purpose = nullptr;
  OpensslPtr<GENERAL_NAMES> names;
  Validity validity;
};

bool set_subject(X509* certificate, const Shape& shape) {
  X509_NAME* const name = X509_get_subject_name(certificate);
  return std::all_of(shape.subject.begin(), shape.subject.end(), [name](const auto& entry) {
    return X509_NAME_add_entry_by_txt(name, entry.first, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(entry.second.data()),
                                      static_cast<int>(entry.second.size()), -1, 0) == 1;
  });
}

bool add_pki_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const OpensslPtr<X509_EXTENSION> one(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return one && X509_add_ext(certificate, one.get(), -1) == 1;
}

bool set_extensions(X509* certificate, X509* issuer, const Shape& shape) {
  const auto add = [&](int nid, const char* value) {
    return add_pki_extension(certificate, issuer, nid, value);
  };
  const bool is_self_signed = issuer == certificate;
  return add(NID_basic_constraints, shape.constraints) && add(NID_key_usage, shape.key_usage) &&
         add(NID_subject_key_identifier, "hash") &&
         (is_self_signed || add(NID_authority_key_identifier, "keyid:always")) &&
         (shape.purpose == nullptr || add(NID_ext_key_usage, shape.purpose)) &&
         (!shape.names || X509_add1_ext_i2d(certificate, NID_subject_alt_name, shape.names.get(), 0,
                                            X509V3_ADD_DEFAULT) == 1);
}

/// Without `issuer` the certificate signs itself.
PkiResult<std::string> sign_certificate(const Shape& shape, EVP_PKEY* key, X509* issuer,
                                        EVP_PKEY* issuer_key) {
  const OpensslPtr<X509> one(X509_new());
  const OpensslPtr<ASN1_INTEGER> serial = serial_from(new_serial());
  if (!one || !serial) return openssl_fault("make a certificate");
  X509* const signer = issuer == nullptr ? one.get() : issuer;
  const bool right =
      X509_set_version(one.get(), X509_VERSION_3) == 1 &&
      X509_set_serialNumber(one.get(), serial.get()) == 1 &&
      ASN1_TIME_set(X509_getm_notBefore(one.get()), unix_seconds(shape.validity.begin)) !=
          nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(one.get()), unix_seconds(shape.validity.end)) != nullptr &&
      set_subject(one.get(), shape) &&
      X509_set_issuer_name(one.get(), X509_get_subject_name(signer)) == 1 &&
      X509_set_pubkey(one.get(), key) == 1 && set_extensions(one.get(), signer, shape) &&
      X509_sign(one.get(), issuer_key, EVP_sha256()) > 0;
  if (!right) return openssl_fault("sign a certificate");
  return to_pem(one.get());
}

bool add_general_name(GENERAL_NAMES* names, int type, const std::string& bytes) {
  ASN1_STRING* const value =
      type == GEN_IPADD ? a2i_IPADDRESS(bytes.c_str()) : ASN1_IA5STRING_new();
  if (value == nullptr) return false;
  const bool filled = type == GEN_IPADD ||
                      ASN1_STRING_set(value, bytes.data(), static_cast<int>(bytes.size())) == 1;
  GENERAL_NAME* const name = GENERAL_NAME_new();
  if (!filled || name == nullptr) {
    ASN1_STRING_free(value);
    GENERAL_NAME_free(name);
    return false;
  }
  GENERAL_NAME_set0_value(name, type, value);
  if (sk_GENERAL_NAME_push(names, name) > 0) return true;
  GENERAL_NAME_free(name);
  return false;
}

bool is_address(const std::string& host) {
  ASN1_OCTET_STRING* const address = a2i_IPADDRESS(host.c_str());
  ERR_clear_error();
  ASN1_OCTET_STRING_free(address);
  return address != nullptr;
}

constexpr std::string_view digits_and_letters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool consists_of(std::string_view text, std::string_view alphabet, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return alphabet.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
  });
}

PkiResult<OpensslPtr<EVP_PKEY>> key_of_request(const std::string& pem) {
  const OpensslPtr<X509_REQ> request(
      PEM_read_bio_X509_REQ(pem_reader(pem).get(), nullptr, nullptr, nullptr));
  if (!request) return pki_fault("it is no certificate request in PEM");
  OpensslPtr<EVP_PKEY> key(X509_REQ_get_pubkey(request.get()));
  if (!key || X509_REQ_verify(request.get(), key.get()) != 1) {
    return pki_fault("the request is not signed by the key it names");
  }
  if (EVP_PKEY_get_security_bits(key.get()) < key_security_bits_min) {
    return pki_fault("the request's key is too weak: RSA needs 2048 bits");
  }
  return key;
}

Shape authority_shape(const std::string& trust_domain, Validity validity) {
  Shape shape;
  shape.subject = {{"O", trust_domain}};
  shape.key_usage = "critical,keyCertSign,cRLSign";
  shape.validity = validity;
  return shape;
}

}  // namespace

bool is_pki_name(std::string_view name) {
  return !name.empty() && name.size() <= pki_name_size_max && name.front() != '.' &&
         consists_of(name, digits_and_letters, "._:@-");
}

bool is_trust_domain(std::string_view name) {
  return !name.empty() && name.size() <= pki_name_size_max &&
         consists_of(name, digits_and_letters.substr(0, 36), ".-_");
}

bool is_host(std::string_view host) {
  constexpr std::size_t host_size_max = 253;
  if (host.empty() || host.size() > host_size_max) return false;
  if (is_address(std::string(host))) return true;
  const bool looks_like_address = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return !looks_like_address && host.front() != '.' && host.front() != '-' &&
         consists_of(host, digits_and_letters, ".-");
}

PkiResult<KeyedCertificate> make_root_authority(const std::string& trust_domain,
                                                Validity validity) {
  Shape shape = authority_shape(trust_domain, validity);
  shape.subject.emplace_back("CN", "root CA");
  shape.constraints = "critical,CA:TRUE,pathlen:1";
  const OpensslPtr<EVP_PKEY> key = new_key(KeyType::p256);
  if (!key) return openssl_fault("make a key");
  auto made = sign_certificate(shape, key.get(), nullptr, key.get());
  if (!made) return made.error();
  return KeyedCertificate{*std::move(made), to_pem(key.get())};
}

PkiResult<KeyedCertificate> make_zone_authority(const KeyedCertificate& root,
                                                const std::string& trust_domain,
                                                const std::string& zone, Validity validity) {
  const auto signer = signer_of(root);
  if (!signer) return signer.error();
  Shape shape = authority_shape(trust_domain, validity);
  shape.subject.emplace_back("OU", zone);
  shape.subject.emplace_back("CN", "zone CA");
  shape.constraints = "critical,CA:TRUE,pathlen:0";
  const OpensslPtr<EVP_PKEY> key = new_key(KeyType::p256);
  if (!key) return openssl_fault("make a key");
  auto made = sign_certificate(shape, key.get(), signer->certificate.get(), signer->key.get());
  if (!made) return made.error();
  return KeyedCertificate{*std::move(made), to_pem(key.get())};
}

PkiResult<KeyedCertificate> make_server_certificate(const KeyedCertificate& root,
                                                    const std::string& trust_domain,
                                                    const std::vector<std::string>& hosts,
                                                    Validity validity, const std::string& key) {
  const auto signer = signer_of(root);
  if (!signer) return signer.error();
  Shape shape;
  shape.subject = {{"O", trust_domain}, {"CN", "broker"}};
  shape.purpose = "serverAuth";
  shape.names.reset(sk_GENERAL_NAME_new_null());
  shape.validity = validity;
  for (const std::string& host : hosts) {
    if (!add_general_name(shape.names.get(), is_address(host) ? GEN_IPADD : GEN_DNS, host)) {
      return openssl_fault("name the server");
    }
  }
  const OpensslPtr<EVP_PKEY> own = key.empty() ? new_key(KeyType::p256) : key_of(key);
  if (!own) return pki_fault("the server's private key is damaged");
  auto made = sign_certificate(shape, own.get(), signer->certificate.get(), signer->key.get());
  if (!made) return made.error();
  return KeyedCertificate{*std::move(made), key.empty() ? to_pem(own.get()) : key};
}

PkiResult<KeyedCertificate> make_client_certificate(const KeyedCertificate& authority,
                                                    const ClientIdentity& identity,
                                                    Validity validity, KeyType type,
                                                    const std::string& request) {
  const auto signer = signer_of(authority);
  if (!signer) return signer.error();
  auto key =
      request.empty() ? PkiResult<OpensslPtr<EVP_PKEY>>(new_key(type)) : key_of_request(request);
  if (!key) return key.error();
  if (!*key) return openssl_fault("make a key");
  Shape shape;
  shape.subject = {{"O", identity.trust_domain}, {"OU", identity.zone}, {"CN", identity.name}};
  shape.purpose = "clientAuth";
  shape.names.reset(sk_GENERAL_NAME_new_null());
  shape.validity = validity;
  const std::string uri = fmt::format("spiffe://{}/zone/{}/role/{}/{}", identity.trust_domain,
                                      identity.zone, identity.role, identity.name);
  if (!add_general_name(shape.names.get(), GEN_URI, uri)) return openssl_fault("name the client");
  auto made = sign_certificate(shape, key->get(), signer->certificate.get(), signer->key.get());
  if (!made) return made.error();
  return KeyedCertificate{*std::move(made), request.empty() ? to_pem(key->get()) : std::string()};
}

namespace {

std::string organization_of(X509* certificate) {
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const int place = X509_NAME_get_index_by_NID(subject, NID_organizationName, -1);
  if (place < 0) return {};
  const ASN1_STRING* const value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<std::size_t>(ASN1_STRING_length(value))};
}

/// Takes what stands in front of `separator` off `text`.
std::string part_before(std::string_view& text, std::string_view separator) {
  const std::size_t end = text.find(separator);
  if (end == std::string_view::npos) return {};
  std::string part(text.substr(0, end));
  text.remove_prefix(end + separator.size());
  return part;
}

ClientIdentity identity_of_uri(std::string_view uri) {
  constexpr std::string_view scheme = "spiffe://";
  if (!uri.starts_with(scheme)) return {};
  uri.remove_prefix(scheme.size());
  ClientIdentity identity;
  identity.trust_domain = part_before(uri, "/zone/");
  identity.zone = part_before(uri, "/role/");
  identity.role = part_before(uri, "/");
  identity.name = uri;
  const bool whole = is_trust_domain(identity.trust_domain) && is_pki_name(identity.zone) &&
                     is_pki_name(identity.role) && is_pki_name(identity.name);
  return whole ? identity : ClientIdentity{};
}

ClientIdentity client_identity_of(X509* certificate) {
  const OpensslPtr<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!names || sk_GENERAL_NAME_num(names.get()) != 1) return {};
  int type = 0;
  const auto* const value = static_cast<const ASN1_STRING*>(
      GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), 0), &type));
  if (type != GEN_URI) return {};
  return identity_of_uri({reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                          static_cast<std::size_t>(ASN1_STRING_length(value))});
}

}  // namespace

PkiResult<CertificateFacts> read_certificate(const std::string& pem) {
  const OpensslPtr<X509> one = certificate_of(pem);
  if (!one) return pki_fault("it is no certificate in PEM");
  return CertificateFacts{
      serial_of(X509_get0_serialNumber(one.get())),
      client_identity_of(one.get()),
      organization_of(one.get()),
      {wall_time_of(X509_get0_notBefore(one.get())), wall_time_of(X509_get0_notAfter(one.get()))}};
}

PkiResult<std::vector<std::string>> split_certificates(const std::string& pem) {
  const OpensslPtr<BIO> in = pem_reader(pem);
  std::vector<std::string> all;
  while (const OpensslPtr<X509> one{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)}) {
    all.push_back(to_pem(one.get()));
  }
  if (!was_last_pem_block()) return pki_fault("one of its certificates is damaged");
  if (all.empty()) return pki_fault("there is no certificate in it");
  return all;
}

std::string authority_problem(const std::string& certificate) {
  const OpensslPtr<X509> one = certificate_of(certificate);
  if (!one) return "it is no certificate in PEM";
  // 1 is a CA by its basicConstraints; the other values are guesses about old certificates.
  if (X509_check_ca(one.get()) != 1) return "its certificate is not one of a CA";
  if (X509_get0_subject_key_id(one.get()) == nullptr) {
    return "its certificate has no subjectKeyIdentifier, which strict X.509 wants of a CA";
  }
  return {};
}

}  // namespace lineshaft::auth
