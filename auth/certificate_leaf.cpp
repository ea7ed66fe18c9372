#include "auth/certificate_leaf.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "auth/hex.h"
#include "auth/pki_pem.h"

namespace lineshaft::auth {
namespace {

using Values = std::vector<std::string>;

constexpr std::string_view spki_prefix = "sha256:";
constexpr std::size_t spki_bytes = 32;

std::string_view bytes_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

/// An extension that is there twice says two things.
bool has_each_extension_once(const X509* certificate) {
  const int size = X509_get_ext_count(certificate);
  for (int i = 0; i < size; ++i) {
    const ASN1_OBJECT* const object = X509_EXTENSION_get_object(X509_get_ext(certificate, i));
    if (X509_get_ext_by_OBJ(certificate, object, i) >= 0) return false;
  }
  return true;
}

/// Text of a name or an extension, turned into UTF-8 by its type; nullopt if it is not clean.
std::optional<std::string> clean_text(const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) return std::nullopt;
  std::string made(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  for (std::size_t i = 0; i < made.size(); ++i) {
    const auto byte = static_cast<unsigned char>(made[i]);
    const bool is_c1 =
        byte == 0xC2 && i + 1 < made.size() && static_cast<unsigned char>(made[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F || is_c1) return std::nullopt;
  }
  return made;
}

bool is_clean_san(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && c != '%'; });
}

std::optional<Values> san_values(const X509* certificate, int type) {
  int critical = 0;
  auto* const names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr));
  // -1: there is none.
  if (names == nullptr) return critical == -1 ? std::optional(Values{}) : std::nullopt;
  std::optional<Values> values = Values{};
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && values; ++i) {
    int found = 0;
    const void* const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &found);
    if (found != type) continue;
    const std::string_view text = bytes_of(static_cast<const ASN1_STRING*>(value));
    if (is_clean_san(text)) {
      values->emplace_back(text);
    } else {
      values.reset();
    }
  }
  GENERAL_NAMES_free(names);
  return values;
}

std::optional<Values> subject_values(const X509* certificate, int nid) {
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  Values values;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, nid, at)) >= 0;) {
    auto text = clean_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (!text) return std::nullopt;
    values.push_back(std::move(*text));
  }
  return values;
}

std::optional<Values> extension_values(const X509* certificate, const std::string& oid) {
  ASN1_OBJECT* const object = OBJ_txt2obj(oid.c_str(), 1);
  const int at = object != nullptr ? X509_get_ext_by_OBJ(certificate, object, -1) : -1;
  ASN1_OBJECT_free(object);
  if (at < 0) return Values{};
  const std::string_view der = bytes_of(X509_EXTENSION_get_data(X509_get_ext(certificate, at)));
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  ASN1_UTF8STRING* const text = d2i_ASN1_UTF8STRING(nullptr, &begin, static_cast<long>(der.size()));
  if (text == nullptr) return std::nullopt;
  auto value = clean_text(text);
  ASN1_UTF8STRING_free(text);
  const bool is_whole = begin == reinterpret_cast<const unsigned char*>(der.data()) + der.size();
  if (!value || !is_whole) return std::nullopt;
  return Values{std::move(*value)};
}

}  // namespace

std::string to_spki_text(std::string_view hash) { return std::string(spki_prefix) + to_hex(hash); }

std::optional<std::string> from_spki_text(std::string_view text) {
  if (!text.starts_with(spki_prefix)) return std::nullopt;
  auto hash = from_hex(text.substr(spki_prefix.size()));
  if (!hash || hash->size() != spki_bytes) return std::nullopt;
  return hash;
}

std::optional<LeafCertificate> LeafCertificate::parse(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  LeafCertificate made;
  X509* const certificate = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
  made.certificate_ = std::shared_ptr<X509>(certificate, X509_free);
  const bool is_whole = certificate != nullptr &&
                        at == reinterpret_cast<const unsigned char*>(der.data()) + der.size();
  // Reads the extensions OpenSSL knows.
  const bool is_sound = is_whole && X509_get_version(certificate) == X509_VERSION_3 &&
                        has_each_extension_once(certificate) &&
                        (X509_get_extension_flags(certificate) & EXFLAG_INVALID) == 0;
  if (is_sound) {
    made.serial_ = serial_of(X509_get0_serialNumber(certificate));
    made.spki_ = public_key_hash(certificate);
    made.not_before_ = wall_time_of(X509_get0_notBefore(certificate));
    made.not_after_ = wall_time_of(X509_get0_notAfter(certificate));
    made.is_for_clients_ = (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0 &&
                           (X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT) != 0;
  }
  ERR_clear_error();
  if (!is_sound || made.spki_.empty()) return std::nullopt;
  return made;
}

std::optional<Values> LeafCertificate::values(ClaimSource source, const std::string& oid) const {
  std::optional<Values> found = Values{};
  switch (source) {
    case ClaimSource::san_uri:
      found = san_values(certificate_.get(), GEN_URI);
      break;
    case ClaimSource::san_dns:
      found = san_values(certificate_.get(), GEN_DNS);
      break;
    case ClaimSource::ou:
      found = subject_values(certificate_.get(), NID_organizationalUnitName);
      break;
    case ClaimSource::o:
      found = subject_values(certificate_.get(), NID_organizationName);
      break;
    case ClaimSource::cn:
      found = subject_values(certificate_.get(), NID_commonName);
      break;
    case ClaimSource::oid:
      found = extension_values(certificate_.get(), oid);
      break;
    case ClaimSource::issuer:
      break;
    case ClaimSource::serial:
      found = Values{serial_};
      break;
    case ClaimSource::spki:
      found = Values{to_spki_text(spki_)};
      break;
  }
  ERR_clear_error();
  return found;
}

}  // namespace lineshaft::auth
