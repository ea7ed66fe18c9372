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

/// Whose certificates a list speaks for, for all reasons there are. One of changes only does not
/// say what is good. A list for some distribution points counts: TLS takes it for their
/// certificates only.
struct ListScope {
  bool has_clients = true;
  bool has_authorities = true;
};

ListScope scope_of(X509_CRL* list) {
  if (X509_CRL_get_ext_by_NID(list, NID_delta_crl, -1) >= 0) return {false, false};
  int critical = 0;
  auto* const point = static_cast<ISSUING_DIST_POINT*>(
      X509_CRL_get_ext_d2i(list, NID_issuing_distribution_point, &critical, nullptr));
  // -1: there is none, so it speaks for all.
  if (point == nullptr) return {critical == -1, critical == -1};
  const bool is_partial =
      point->onlysomereasons != nullptr || point->indirectCRL > 0 || point->onlyattr > 0;
  const ListScope scope{!is_partial && point->onlyCA <= 0, !is_partial && point->onlyuser <= 0};
  ISSUING_DIST_POINT_free(point);
  return scope;
}

/// When it was made, and until when it is the newest.
struct NewestList {
  /// Its number in hexadecimal without leading zeros; empty: it has none.
  std::string number;
  WallTime made{};
  /// nullopt: it does not say.
  std::optional<WallTime> end;

  /// Two that are as new: the one that ends first counts, so that none prolongs another.
  bool is_newer_than(const NewestList& other) const {
    const bool has_numbers = !number.empty() && !other.number.empty();
    if (has_numbers && number != other.number) {
      return std::pair(number.size(), number) > std::pair(other.number.size(), other.number);
    }
    if (made != other.made) return made > other.made;
    return end.value_or(WallTime{}) < other.end.value_or(WallTime{});
  }
};

NewestList newest_of(X509_CRL* list) {
  NewestList made;
  const OpensslPtr<ASN1_INTEGER> number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(list, NID_crl_number, nullptr, nullptr)));
  if (number != nullptr) {
    made.number = serial_of(number.get());
    made.number.erase(0, made.number.find_first_not_of('0'));
  }
  made.made = wall_time_of(X509_CRL_get0_lastUpdate(list));
  const ASN1_TIME* const end = X509_CRL_get0_nextUpdate(list);
  if (end != nullptr) made.end = wall_time_of(end);
  return made;
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
      const bool is_better = std::pair(rank(standing.state), standing.until) >
                             std::pair(rank(at->second.state), at->second.until);
      if (!is_new && is_better) at->second = standing;
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
    const ListScope scope = scope_of(list);
    const NewestList shown = newest_of(list);
    if (scope.has_clients) take_newest(client_lists_, signer->spki, shown);
    if (scope.has_authorities) take_newest(authority_lists_, signer->spki, shown);
  }

  static void take_newest(std::map<std::string, NewestList>& lists, const std::string& signer,
                          const NewestList& shown) {
    const auto [known, is_new] = lists.try_emplace(signer, shown);
    if (!is_new && shown.is_newer_than(known->second)) known->second = shown;
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
      // The first one issues to clients, those above to authorities.
      const auto& lists = depth == 0 ? client_lists_ : authority_lists_;
      const auto list = lists.find(at->spki);
      const bool has_end = list != lists.end() && list->second.end;
      has_all_lists &= has_end;
      if (has_end) until = std::min(until, *list->second.end);
      standing.until = std::min(standing.until, wall_time_of(X509_get0_notAfter(at->get())));
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
  /// By the key of who has signed them: of those that speak for clients' certificates, and for
  /// those of authorities, the newest.
  std::map<std::string, NewestList> client_lists_;
  std::map<std::string, NewestList> authority_lists_;
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

std::optional<WallTime> TrustView::trusted_until(const std::string& spki) const {
  const auto found = issuers_.find(spki);
  if (found == issuers_.end() || found->second.state != Issuer::trusted) return std::nullopt;
  return found->second.until;
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
