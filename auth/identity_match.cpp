#include "auth/identity_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "auth/hex.h"
#include "auth/identity_config.h"
#include "auth/json_fields.h"

namespace lineshaft::auth {
namespace {

using core::ProofFamily;

/// By number.
constexpr std::array<std::string_view, 4> family_names = {"nobody", "user", "psk", "certificate"};

std::string_view name_of(ProofFamily family) {
  return family_names[static_cast<std::size_t>(family)];
}

template <class Field>
bool is_compatible(const std::optional<Field>& one, const std::optional<Field>& other) {
  return !one || !other || *one == *other;
}

}  // namespace

bool IdentityMatch::matches(const core::Principal& principal) const {
  return principal.name == name && (!issuer_spki || *issuer_spki == principal.issuer_spki) &&
         (!zone || *zone == principal.zone) &&
         (!family || *family == core::family_of(principal.proof));
}

bool IdentityMatch::may_be(const IdentityMatch& other) const {
  return name == other.name && is_compatible(issuer_spki, other.issuer_spki) &&
         is_compatible(zone, other.zone) && is_compatible(family, other.family);
}

IdentityMatch match_of(const core::Principal& principal) {
  return {principal.name, principal.issuer_spki, principal.zone, core::family_of(principal.proof)};
}

std::vector<IdentityMatch> possible_matches(const IdentityConfig& config,
                                            const IdentityMatch& asked) {
  std::vector<IdentityMatch> all;
  const auto consider = [&](const std::string& issuer, const std::string& zone,
                            ProofFamily family) {
    IdentityMatch one{asked.name, issuer, zone, family};
    if (one.may_be(asked)) all.push_back(std::move(one));
  };
  const auto user = config.users.find(asked.name);
  if (user != config.users.end()) consider({}, user->second.zone, ProofFamily::user);
  const auto key = config.psk.find(asked.name);
  if (key != config.psk.end()) consider({}, key->second.zone, ProofFamily::psk);
  for (const auto& [issuer, rights] : config.issuers) {
    for (const std::string& zone : rights.zones) consider(issuer, zone, ProofFamily::certificate);
  }
  return all;
}

std::string key_of(const IdentityMatch& who) {
  return fmt::format("{}:{}:{}:{}", who.family ? name_of(*who.family) : "*", who.zone.value_or("*"),
                     who.issuer_spki ? to_hex(*who.issuer_spki) : "*", who.name);
}

std::string words_for(const IdentityMatch& who) {
  std::string words = who.family ? fmt::format("{} {}", name_of(*who.family), who.name) : who.name;
  if (who.zone) words += fmt::format(" of zone {}", *who.zone);
  if (who.issuer_spki && !who.issuer_spki->empty()) {
    words += fmt::format(" by issuer {}", to_hex(*who.issuer_spki));
  }
  return words;
}

void add_match(nlohmann::json& object, const IdentityMatch& who) {
  object["identity"] = who.name;
  if (who.zone) object["zone"] = *who.zone;
  if (who.issuer_spki) object["issuer"] = to_hex(*who.issuer_spki);
  if (who.family) object["proof"] = name_of(*who.family);
}

std::optional<IdentityMatch> read_match(const nlohmann::json& object, std::string& problem) {
  constexpr std::string_view hash_prefix = "sha256:";
  for (const char* key : {"identity", "zone", "issuer", "proof"}) {
    if (object.contains(key) && !object[key].is_string()) {
      problem = fmt::format("\"{}\" is no text", key);
      return std::nullopt;
    }
  }
  IdentityMatch who{text_in(object, "identity")};
  if (object.contains("zone")) who.zone = text_in(object, "zone");
  if (object.contains("issuer")) {
    std::string issuer = text_in(object, "issuer");
    if (issuer.starts_with(hash_prefix)) issuer.erase(0, hash_prefix.size());
    who.issuer_spki = from_hex(issuer);
    if (!who.issuer_spki) {
      problem = "the issuer is no hexadecimal number";
      return std::nullopt;
    }
  }
  if (object.contains("proof")) {
    const auto found = std::ranges::find(family_names, text_in(object, "proof"));
    if (found == family_names.end() || found == family_names.begin()) {
      problem = "proof is certificate, user or psk";
      return std::nullopt;
    }
    who.family = static_cast<ProofFamily>(found - family_names.begin());
  }
  return who;
}

}  // namespace lineshaft::auth
