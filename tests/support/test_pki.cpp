#include "tests/support/test_pki.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <fstream>
#include <stdexcept>
#include <utility>

namespace lineshaft::test {
namespace {

constexpr long day_s = 86'400;

void check(bool right) {
  if (!right) throw std::runtime_error("the test's certificates could not be made");
}

template <class Write>
std::string pem(Write write) {
  BIO* const out = BIO_new(BIO_s_mem());
  check(write(out) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(out);
  return text;
}

void add_extension(X509* certificate, X509V3_CTX& context, int nid, const char* value) {
  X509_EXTENSION* const one = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  check(one != nullptr && X509_add_ext(certificate, one, -1) == 1);
  X509_EXTENSION_free(one);
}

template <class Thing>
std::string der_of(int (*encode)(const Thing*, unsigned char**), const Thing* thing) {
  std::string der(static_cast<std::size_t>(encode(thing, nullptr)), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  encode(thing, &at);
  return der;
}

}  // namespace

TestPki::TestPki(std::filesystem::path folder, const std::string& name, Days left)
    : folder_(std::move(folder)), key_(EVP_EC_gen("P-256")) {
  check(key_ != nullptr);
  certificate_ = sign(name, key_, true, left, Shape{});
  write(name);
}

TestPki::TestPki(std::filesystem::path folder, const std::string& name, TestPki& root)
    : folder_(std::move(folder)), key_(EVP_EC_gen("P-256")) {
  check(key_ != nullptr);
  certificate_ = root.sign(name, key_, true, Days{3650}, Shape{});
  write(name);
}

void TestPki::write(const std::string& name) {
  ca_pem_ = pem([this](BIO* out) { return PEM_write_bio_X509(out, certificate_); });
  ca_file_ = (folder_ / (name + ".pem")).string();
  replace_file(ca_file_, ca_pem_);
}

TestPki::~TestPki() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

X509* TestPki::sign(const std::string& name, EVP_PKEY* key, bool is_ca, Days left,
                    const Shape& shape) {
  X509* const one = X509_new();
  check(one != nullptr && X509_set_version(one, X509_VERSION_3) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(one), next_serial_++);
  X509_gmtime_adj(X509_getm_notBefore(one), -2 * day_s);
  X509_gmtime_adj(X509_getm_notAfter(one), left.count() * day_s);
  X509_NAME* const subject = X509_get_subject_name(one);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  for (const auto& [field, value] : shape.subject) {
    X509_NAME_add_entry_by_txt(subject, field.c_str(), MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  }
  X509* const issuer = certificate_ == nullptr ? one : certificate_;
  X509_set_issuer_name(one, X509_get_subject_name(issuer));
  X509_set_pubkey(one, key);
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, one, nullptr, nullptr, 0);
  add_extension(one, context, NID_basic_constraints,
                is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  add_extension(one, context, NID_key_usage,
                is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  add_extension(one, context, NID_subject_key_identifier, "hash");
  if (issuer != one && shape.has_authority_key) {
    add_extension(one, context, NID_authority_key_identifier, "keyid");
  }
  if (!is_ca) {
    if (*shape.usage != '\0') add_extension(one, context, NID_ext_key_usage, shape.usage);
    if (!shape.san.empty()) add_extension(one, context, NID_subject_alt_name, shape.san.c_str());
  }
  if (shape.change) shape.change(one);
  check(X509_sign(one, key_, EVP_sha256()) > 0);
  return one;
}

Issued TestPki::issue(const std::string& name, Days left, const Shape& shape) {
  Issued issued;
  issued.serial = next_serial_;
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  check(key != nullptr);
  X509* const one = sign(name, key, false, left, shape);
  issued.certificate_pem = pem([one](BIO* out) { return PEM_write_bio_X509(out, one); });
  issued.key_pem = pem([key](BIO* out) {
    return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  issued.certificate_der = der_of(i2d_X509, one);
  X509_free(one);
  EVP_PKEY_free(key);
  issued.cert_file = (folder_ / (name + ".crt")).string();
  issued.key_file = (folder_ / (name + ".key")).string();
  replace_file(issued.cert_file, issued.certificate_pem);
  replace_file(issued.key_file, issued.key_pem);
  return issued;
}

std::string TestPki::spki() const {
  const std::string der = der_of(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(certificate_));
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(der.data()), der.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

long TestPki::serial() const { return ASN1_INTEGER_get(X509_get0_serialNumber(certificate_)); }

std::string TestPki::revocations(const std::vector<long>& serials, Days left) const {
  return revocations(serials, ListShape{left});
}

std::string TestPki::revocations(const std::vector<long>& serials, const ListShape& shape) const {
  X509_CRL* const list = list_of(serials, shape);
  std::string text = pem([list](BIO* out) { return PEM_write_bio_X509_CRL(out, list); });
  X509_CRL_free(list);
  return text;
}

std::string TestPki::revocations_der(const std::vector<long>& serials) const {
  X509_CRL* const list = list_of(serials, ListShape{});
  std::string der = der_of(i2d_X509_CRL, list);
  X509_CRL_free(list);
  return der;
}

X509_CRL* TestPki::list_of(const std::vector<long>& serials, const ListShape& shape) const {
  X509_CRL* const list = X509_CRL_new();
  check(list != nullptr && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate_));
  ASN1_TIME* const time = ASN1_TIME_new();
  X509_gmtime_adj(time, -shape.age.count() * day_s);
  X509_CRL_set1_lastUpdate(list, time);
  for (const long serial : serials) {
    X509_REVOKED* const entry = X509_REVOKED_new();
    ASN1_INTEGER* const number = ASN1_INTEGER_new();
    ASN1_INTEGER_set(number, serial);
    X509_REVOKED_set_serialNumber(entry, number);
    X509_REVOKED_set_revocationDate(entry, time);
    ASN1_INTEGER_free(number);
    check(X509_CRL_add0_revoked(list, entry) == 1);
  }
  X509_gmtime_adj(time, shape.left.count() * day_s);
  X509_CRL_set1_nextUpdate(list, time);
  ASN1_TIME_free(time);
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate_, nullptr, nullptr, list, 0);
  X509_EXTENSION* const issuer =
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always");
  check(issuer != nullptr && X509_CRL_add_ext(list, issuer, -1) == 1);
  X509_EXTENSION_free(issuer);
  ASN1_INTEGER* const number = ASN1_INTEGER_new();
  ASN1_INTEGER_set(number, shape.number);
  check(X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0) == 1);
  ASN1_INTEGER_free(number);
  if (*shape.scope != '\0') {
    X509_EXTENSION* const point =
        X509V3_EXT_conf_nid(nullptr, &context, NID_issuing_distribution_point, shape.scope);
    check(point != nullptr && X509_CRL_add_ext(list, point, -1) == 1);
    X509_EXTENSION_free(point);
  }
  check(X509_CRL_sort(list) == 1 && X509_CRL_sign(list, key_, EVP_sha256()) > 0);
  return list;
}

void replace_file(const std::string& path, const std::string& content) {
  const std::string fresh = path + ".new";
  std::ofstream(fresh, std::ios::binary) << content;
  ::chmod(fresh.c_str(), 0600);
  std::filesystem::rename(fresh, path);
}

}  // namespace lineshaft::test
