// Certificates, revocation lists and templates of claims: whatever stands in them, they are read or
// refused, and a name that comes out of them is harmless.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "auth/certificate_claims.h"
#include "auth/policy_trie.h"
#include "auth/trust_view.h"

namespace lineshaft::auth {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

ClaimExtractor rule(ClaimSource from, const char* match) {
  ClaimExtractor extractor;
  extractor.from = from;
  extractor.match = *ClaimTemplate::parse(match);
  extractor.oid = "1.3.6.1.4.1.99999.1";
  return extractor;
}

const std::vector<ClaimExtractor>& rules() {
  static const std::vector<ClaimExtractor> all = {
      rule(ClaimSource::san_uri, "spiffe://plant1/zone/{zone}/role/{role}/{name}"),
      rule(ClaimSource::san_dns, "{name}.{zone}.plant1"),
      rule(ClaimSource::ou, "{zone}"),
      rule(ClaimSource::o, "{zone}"),
      rule(ClaimSource::oid, "{role}"),
      rule(ClaimSource::cn, "{name}"),
      rule(ClaimSource::issuer, "{zone}"),
      rule(ClaimSource::serial, "{name}"),
      rule(ClaimSource::spki, "sha256:{name}")};
  return all;
}

bool is_claim(const std::string& text) { return text.empty() || is_safe_name(text); }

void check_certificate(std::string_view der) {
  const auto leaf = LeafCertificate::parse(der);
  if (!leaf) return;
  require(leaf->spki().size() == 32 && from_spki_text(to_spki_text(leaf->spki())) == leaf->spki());
  require(!leaf->serial().empty());
  const std::vector<std::string> zones = {"ot"};
  // Each alone, and all in their order.
  for (std::size_t first = 0; first < rules().size(); ++first) {
    const std::vector<ClaimExtractor> some(rules().begin() + static_cast<std::ptrdiff_t>(first),
                                           rules().end());
    const ExtractedClaims found = extract_claims(*leaf, some, zones);
    require((found.reason == PolicyReason::allowed) == found.detail.empty());
    require(is_claim(found.claims.zone) && is_claim(found.claims.name));
    for (const std::string& role : found.claims.roles) require(is_safe_name(role));
    for (const ClaimStep& step : found.steps) {
      for (const std::string& value : step.values) {
        require(value.find('\0') == std::string::npos && value.find('\n') == std::string::npos);
      }
    }
    if (found.reason != PolicyReason::allowed) continue;
    require(!found.claims.zone.empty() && !found.claims.name.empty());
  }
}

void check_files(const std::string& text) {
  std::vector<TrustView::Problem> problems;
  const auto view =
      TrustView::make({{{"trust", text}}, {{"issuers", text}}, {{"lists", text}}}, problems);
  require(view != nullptr);
  const auto keys = spki_hashes(text);
  if (!keys) return;
  for (const std::string& key : *keys) {
    if (!key.empty()) require(view->issuer(key) != TrustView::Issuer::unknown || !problems.empty());
  }
}

/// A template, a line feed, a value.
void check_template(std::string_view text) {
  const std::size_t end = text.find('\n');
  const auto made = ClaimTemplate::parse(text.substr(0, end));
  if (!made || end == std::string_view::npos) return;
  const auto values = made->match(text.substr(end + 1));
  if (!values) return;
  // Put back into the template they are the value.
  std::string again = made->text();
  for (const Claim claim : {Claim::zone, Claim::role, Claim::name}) {
    const std::string place = "{" + std::string(to_string(claim)) + "}";
    const std::string_view value = (*values)[static_cast<std::size_t>(claim)];
    require(made->has(claim) == !value.empty());
    const std::size_t at = made->has(claim) ? made->text().find(place) : std::string::npos;
    if (at == std::string::npos) continue;
    // Values may contain braces: only the length is compared.
    again.resize(again.size() - place.size() + value.size());
  }
  require(again.size() == text.size() - end - 1);
}

}  // namespace
}  // namespace lineshaft::auth

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lineshaft::auth;
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_certificate(text);
  check_files(text);
  check_template(text);
  return 0;
}
