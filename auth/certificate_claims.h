#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "auth/certificate_leaf.h"
#include "auth/certificate_template.h"
#include "auth/policy_reason.h"

namespace lineshaft::auth {

/// What a certificate claims about its owner.
struct Claims {
  std::string zone;
  /// Sorted; may be empty.
  std::vector<std::string> roles;
  std::string name;
};

/// One entry of the policy's `identity`: how a certificate says who it is.
struct ClaimExtractor {
  ClaimSource from = ClaimSource::san_uri;
  /// Of `ClaimSource::oid`, in digits with dots.
  std::string oid;
  ClaimTemplate match;
  /// A certificate without it is refused, and nothing may contradict it.
  bool required = false;
  /// Claimed by every certificate that matches; empty where `match` has the claim, or nothing does.
  Claims constant;
};

/// What one extractor found, for explanations.
struct ClaimStep {
  std::size_t extractor = 0;
  /// All there was at its place.
  std::vector<std::string> values;
  bool matched = false;
  /// What it claims.
  Claims claims;
};

struct ExtractedClaims {
  /// `allowed`, or why there are none: NO_ZONE_CLAIM, ZONE_CLAIM_CONFLICT, NAME_UNSAFE.
  PolicyReason reason = PolicyReason::allowed;
  /// The same in words, for the operator.
  std::string detail;
  Claims claims;
  std::vector<ClaimStep> steps;
};

/// Asks the extractors in their order. Each claim is what the first extractor that matches says;
/// one that is `required` must match, and whoever else speaks about the same claim must agree with
/// it. Of the values at an extractor's place exactly one may match. `issuer_zones`: what the key of
/// the certificate's issuer vouches for.
ExtractedClaims extract_claims(const LeafCertificate& certificate,
                               std::span<const ClaimExtractor> extractors,
                               std::span<const std::string> issuer_zones);

}  // namespace lineshaft::auth
