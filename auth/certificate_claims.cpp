#include "auth/certificate_claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "auth/policy_trie.h"

namespace lineshaft::auth {
namespace {

/// What was claimed before, and whether by an extractor that must not be contradicted.
struct Merged {
  Claims claims;
  std::array<bool, claims_count> required{};
};

const char* name_of(ClaimSource source) {
  constexpr std::array<const char*, 9> names = {"san_uri", "san_dns", "ou",     "o",   "cn",
                                                "oid",     "issuer",  "serial", "spki"};
  return names[static_cast<std::size_t>(source)];
}

std::vector<std::string> list_of(std::string_view value) {
  return value.empty() ? std::vector<std::string>{} : std::vector<std::string>{std::string(value)};
}

class Extraction {
 public:
  Extraction(const LeafCertificate& certificate, std::span<const std::string> issuer_zones)
      : certificate_(certificate), issuer_zones_(issuer_zones) {}

  /// False: the certificate is refused.
  bool ask(std::size_t number, const ClaimExtractor& extractor) {
    ClaimStep& step = result_.steps.emplace_back();
    step.extractor = number;
    auto values = values_of(extractor);
    if (!values) {
      return refuse(PolicyReason::name_unsafe,
                    fmt::format("what stands at {} is damaged, or has characters that a name must "
                                "not have",
                                name_of(extractor.from)));
    }
    step.values = std::move(*values);
    std::optional<ClaimTemplate::Values> match;
    for (const std::string& value : step.values) {
      const auto one = extractor.match.match(value);
      if (!one) continue;
      if (match) {
        return refuse(PolicyReason::zone_claim_conflict,
                      fmt::format("more than one value of {} matches \"{}\"",
                                  name_of(extractor.from), extractor.match.text()));
      }
      match = one;
    }
    if (!match) {
      if (!extractor.required) return true;
      return refuse(PolicyReason::no_zone_claim,
                    fmt::format("no value of {} matches \"{}\", which is required",
                                name_of(extractor.from), extractor.match.text()));
    }
    step.matched = true;
    return take(extractor, *match, step.claims);
  }

  ExtractedClaims finish() {
    result_.claims = std::move(merged_.claims);
    if (result_.reason != PolicyReason::allowed) return std::move(result_);
    if (result_.claims.zone.empty()) {
      refuse(PolicyReason::no_zone_claim, "the certificate claims no zone");
    } else if (result_.claims.name.empty()) {
      refuse(PolicyReason::no_zone_claim, "the certificate claims no name");
    }
    return std::move(result_);
  }

 private:
  bool refuse(PolicyReason reason, std::string detail) {
    result_.reason = reason;
    result_.detail = std::move(detail);
    return false;
  }

  std::optional<std::vector<std::string>> values_of(const ClaimExtractor& extractor) const {
    if (extractor.from != ClaimSource::issuer) {
      return certificate_.values(extractor.from, extractor.oid);
    }
    // A key that vouches for several zones names none.
    if (issuer_zones_.size() != 1) return std::vector<std::string>{};
    return std::vector<std::string>{issuer_zones_.front()};
  }

  bool take(const ClaimExtractor& extractor, const ClaimTemplate::Values& match, Claims& claims) {
    claims = extractor.constant;
    for (const Claim claim : {Claim::zone, Claim::role, Claim::name}) {
      if (!extractor.match.has(claim)) continue;
      const std::string_view value = match[static_cast<std::size_t>(claim)];
      if (!is_safe_name(value)) {
        return refuse(PolicyReason::name_unsafe,
                      fmt::format("the {} at {} is not 1 to 64 of A-Z a-z 0-9 . _ : @ -",
                                  to_string(claim), name_of(extractor.from)));
      }
      if (claim == Claim::zone) claims.zone = value;
      if (claim == Claim::role) claims.roles = list_of(value);
      if (claim == Claim::name) claims.name = value;
    }
    return merge(Claim::zone, extractor, claims.zone, merged_.claims.zone) &&
           merge(Claim::role, extractor, claims.roles, merged_.claims.roles) &&
           merge(Claim::name, extractor, claims.name, merged_.claims.name);
  }

  template <class Value>
  bool merge(Claim claim, const ClaimExtractor& extractor, const Value& said, Value& known) {
    if (said.empty()) return true;
    bool& required = merged_.required[static_cast<std::size_t>(claim)];
    if (known.empty()) {
      known = said;
    } else if (known != said && (required || extractor.required)) {
      return refuse(PolicyReason::zone_claim_conflict,
                    fmt::format("the {} at {} is another one than before", to_string(claim),
                                name_of(extractor.from)));
    }
    required |= extractor.required;
    return true;
  }

  const LeafCertificate& certificate_;
  const std::span<const std::string> issuer_zones_;
  Merged merged_;
  ExtractedClaims result_;
};

}  // namespace

ExtractedClaims extract_claims(const LeafCertificate& certificate,
                               std::span<const ClaimExtractor> extractors,
                               std::span<const std::string> issuer_zones) {
  Extraction extraction(certificate, issuer_zones);
  for (std::size_t i = 0; i < extractors.size(); ++i) {
    if (!extraction.ask(i, extractors[i])) break;
  }
  return extraction.finish();
}

}  // namespace lineshaft::auth
