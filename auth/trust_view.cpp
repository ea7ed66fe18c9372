#include "auth/trust_view.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <map>
#include <utility>

#include "auth/pki_pem.h"

namespace lineshaft::auth {
namespace {

/// Longer ways to a root are none: OpenSSL stops there too.
constexpr std::size_t chain_depth_max = 100;

using CertificatePtr = std::shared_ptr<X509>;
using ListPtr = std::shared_ptr<X509_CRL>;

/// False: one is damaged.
bool read_certificates(const std::string& pem, std::vector<CertificatePtr>& all) {
  const auto bytes = pem_reader(pem);
  ERR_clear_error();
  while (X509* const one = PEM_read_bio_X509(bytes.get(), nullptr, nullptr, nullptr)) {
    all.emplace_back(one, X509_free);
  }
  return was_last_pem_block();
}

bool read_lists(const std::string& text, std::vector<ListPtr>& all) {
  const auto bytes = pem_reader(text);
  const std::size_t before = all.size();
  ERR_clear_error();
  while (X509_CRL* const one = PEM_read_bio_X509_CRL(bytes.get(), nullptr, nullptr, nullptr)) {
    all.emplace_back(one, X509_CRL_free);
  }
  if (!was_last_pem_block()) return false;
  if (all.size() > before) return true;
  X509_CRL* const one = d2i_X509_CRL_bio(pem_reader(text).get(), nullptr);
  ERR_clear_error();
  if (one != nullptr) all.emplace_back(one, X509_CRL_free);
  return one != nullptr;
}

bool is_equal_name(const X509_NAME* one, const X509_NAME* other) {
  return X509_NAME_cmp(one, other) == 0;
}

std::string words_of(const X509_NAME* name) {
  const OpensslPtr<BIO> out(BIO_new(BIO_s_mem()));
  if (out == nullptr || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string{};
}

std::string revocation_key(const std::string& issuer_spki, std::string_view serial) {
  return issuer_spki + std::string(serial);
}

}  // namespace

struct TrustView::Authority {
  CertificatePtr certificate;
  std::string spki;
  /// From `Files::trust`.
  bool is_anchor = false;

  X509* get() const { return certificate.get(); }
  const X509_NAME* subject() const { return X509_get_subject_name(get()); }
  bool has_issued(X509* other) const {
    const bool named = is_equal_name(subject(), X509_get_issuer_name(other));
    const bool signed_by = named && X509_verify(other, X509_get0_pubkey(get())) == 1;
    ERR_clear_error();
    return signed_by;
  }
  bool is_root() const { return is_anchor && has_issued(get()); }
};

class TrustView::Maker {
 public:
  Maker(TrustView& made, std::vector<Problem>& problems) : made_(made), problems_(problems) {}

  void add_certificates(const File& file, bool is_anchor) {
    std::vector<CertificatePtr> all;
    if (!read_certificates(file.content, all)) {
      problems_.push_back(
          {file.name, fmt::format("entry {} is damaged or cut off", all.size() + 1)});
    } else if (all.empty()) {
      problems_.push_back({file.name, "there is no certificate in PEM form in it"});
    }
    for (CertificatePtr& one : all) {
      std::string spki = public_key_hash(one.get());
      if (spki.empty() || X509_get0_pubkey(one.get()) == nullptr) {
        problems_.push_back({file.name, "the key of a certificate in it cannot be read"});
        continue;
      }
      made_.authorities_.push_back({std::move(one), std::move(spki), is_anchor});
    }
    ERR_clear_error();
  }

  void add_lists(const File& file) {
    std::vector<ListPtr> all;
    if (!read_lists(file.content, all)) {
      problems_.push_back(
          {file.name,
           fmt::format("entry {} is no revocation list, damaged or cut off", all.size() + 1)});
    }
    for (const ListPtr& one : all) add_list(file, one.get());
  }

  void judge() {
    for (const Authority& each : made_.authorities_) {
      Standing standing = stand(each);
      const auto [at, is_new] = made_.issuers_.try_emplace(each.spki, standing);
      // Of several certificates of one key the best counts: a renewed one beside the old.
      const auto rank = [](Issuer state) { return state == Issuer::trusted ? 1 : 0; };
      if (!is_new && rank(standing.state) > rank(at->second.state)) at->second = standing;
    }
  }

 private:
  void add_list(const File& file, X509_CRL* list) {
    const Authority* const signer = signer_of(list);
    if (signer == nullptr) {
      problems_.push_back({file.name,
                           fmt::format("the list of \"{}\" is signed by none of the known CAs",
                                       words_of(X509_CRL_get_issuer(list))),
                           false});
      return;
    }
    STACK_OF(X509_REVOKED)* const entries = X509_CRL_get_REVOKED(list);
    for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
      const ASN1_INTEGER* const serial =
          X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i));
      made_.revoked_.insert(revocation_key(signer->spki, serial_of(serial)));
    }
    const ASN1_TIME* const end = X509_CRL_get0_nextUpdate(list);
    // A list of changes does not say what is good.
    const bool is_whole = X509_CRL_get_ext_by_NID(list, NID_delta_crl, -1) < 0;
    if (end == nullptr || !is_whole) return;
    WallTime& known = ends_[signer->spki];
    known = std::max(known, wall_time_of(end));
  }

  const Authority* signer_of(X509_CRL* list) const {
    for (const Authority& each : made_.authorities_) {
      if (!is_equal_name(each.subject(), X509_CRL_get_issuer(list))) continue;
      const bool is_signer = X509_CRL_verify(list, X509_get0_pubkey(each.get())) == 1;
      ERR_clear_error();
      if (is_signer) return &each;
    }
    return nullptr;
  }

  const Authority* parent_of(const Authority& child) const {
    const Authority* parent = nullptr;
    for (const Authority& each : made_.authorities_) {
      if (!each.has_issued(child.get())) continue;
      // Through a root in `trust`, if there is such a way.
      if (parent == nullptr || each.is_root()) parent = &each;
    }
    return parent;
  }

  /// Goes up to the root.
  Standing stand(const Authority& from) const {
    Standing standing;
    WallTime until = WallTime::max();
    bool has_all_lists = true;
    const Authority* at = &from;
    for (std::size_t depth = 0; depth < chain_depth_max; ++depth) {
      const auto end = ends_.find(at->spki);
      has_all_lists &= end != ends_.end();
      if (end != ends_.end()) until = std::min(until, end->second);
      if (at->is_root()) {
        standing.state = Issuer::trusted;
        if (has_all_lists) standing.lists_until = until;
        return standing;
      }
      const Authority* const parent = parent_of(*at);
      if (parent == nullptr || parent == at) return standing;
      const std::string serial = serial_of(X509_get0_serialNumber(at->get()));
      if (made_.revoked_.contains(revocation_key(parent->spki, serial))) {
        standing.state = Issuer::revoked;
        return standing;
      }
      at = parent;
    }
    return standing;
  }

  TrustView& made_;
  std::vector<Problem>& problems_;
  std::map<std::string, WallTime> ends_;
};

TrustView::TrustView() = default;
TrustView::~TrustView() = default;

TrustViewPtr TrustView::make(const Files& files, std::vector<Problem>& problems) {
  const auto made = std::make_shared<TrustView>();
  Maker maker(*made, problems);
  for (const File& one : files.trust) maker.add_certificates(one, true);
  for (const File& one : files.issuers) maker.add_certificates(one, false);
  for (const File& one : files.lists) maker.add_lists(one);
  maker.judge();
  return made;
}

TrustView::Issuer TrustView::issuer(const std::string& spki) const {
  const auto found = issuers_.find(spki);
  return found == issuers_.end() ? Issuer::unknown : found->second.state;
}

bool TrustView::is_revoked(const std::string& issuer_spki, std::string_view serial) const {
  return revoked_.contains(revocation_key(issuer_spki, serial));
}

std::optional<WallTime> TrustView::lists_until(const std::string& issuer_spki) const {
  const auto found = issuers_.find(issuer_spki);
  return found == issuers_.end() ? std::nullopt : found->second.lists_until;
}

std::string TrustView::issuer_of(std::string_view der) const {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const CertificatePtr leaf(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
  ERR_clear_error();
  if (leaf == nullptr) return {};
  for (const Authority& each : authorities_) {
    if (each.has_issued(leaf.get())) return each.spki;
  }
  return {};
}

std::optional<std::vector<std::string>> spki_hashes(const std::string& pem) {
  std::vector<CertificatePtr> all;
  const bool is_whole = read_certificates(pem, all);
  if (!is_whole || all.empty()) return std::nullopt;
  std::vector<std::string> hashes;
  for (const CertificatePtr& one : all) hashes.push_back(public_key_hash(one.get()));
  return hashes;
}

}  // namespace lineshaft::auth
