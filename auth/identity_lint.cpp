#include "auth/identity_lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "auth/policy_reader.h"

namespace lineshaft::auth {
namespace {

bool has_word(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

/// Some certificate can say that it has the role.
bool is_claimable(const IdentityConfig& config, const std::string& role) {
  return std::ranges::any_of(config.extractors, [&](const ClaimExtractor& one) {
    return one.match.has(Claim::role) || has_word(one.constant.roles, role);
  });
}

/// CAs that may vouch for it.
std::size_t issuers_of(const IdentityConfig& config, const std::string& role) {
  if (!is_claimable(config, role)) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(
      config.issuers, [&](const auto& each) { return each.second.may_vouch_for(role); }));
}

/// Zones whose clients can have it.
std::set<std::string> zones_of(const IdentityConfig& config, const std::string& role) {
  std::set<std::string> zones;
  for (const auto* const table : {&config.users, &config.psk}) {
    for (const auto& [name, user] : *table) {
      if (has_word(user.roles, role)) zones.insert(user.zone);
    }
  }
  if (!is_claimable(config, role)) return zones;
  for (const auto& [key, issuer] : config.issuers) {
    if (issuer.may_vouch_for(role)) zones.insert(issuer.zones.begin(), issuer.zones.end());
  }
  return zones;
}

/// A listener through which a client of the zone comes in with any Client Identifier; empty: none.
std::string listener_of_any_client_id(const IdentityConfig& config, const std::string& zone) {
  const ClientIdRule of_zone = config.zones.at(zone).client_id;
  for (const auto& [name, listener] : config.listeners) {
    if (!has_word(listener.zones, zone)) continue;
    const ClientIdRule rule = listener.client_id.value_or(of_zone);
    if (rule != ClientIdRule::equal && rule != ClientIdRule::prefix) return name;
  }
  return {};
}

}  // namespace

void check_identity(const IdentityConfig& config, const PolicySnapshot& policy,
                    PolicyReport& report) {
  for (const RoleFacts& role : policy.roles()) {
    const std::string pointer = join_pointer("/roles", role.name);
    if (const std::size_t size = issuers_of(config, role.name); role.is_powerful && size > 1) {
      report.lint(
          pointer,
          fmt::format("{} CAs may vouch for role \"{}\", which commands or reads $SYS", size,
                      role.name),
          "say what each may vouch for: \"FILE\" = { zones = [\"...\"], roles = [\"...\"] }");
    }
    if (!role.uses_client_id) continue;
    for (const std::string& zone : zones_of(config, role.name)) {
      const std::string listener = listener_of_any_client_id(config, zone);
      if (listener.empty()) continue;
      report.error(pointer,
                   fmt::format("a client of zone \"{}\" chooses what ${{client_id}} in role \"{}\" "
                               "stands for, through listener \"{}\"",
                               zone, role.name, listener),
                   "write ${name}, or set client_id = \"equal\" or \"prefix\" for the zone");
    }
  }
}

}  // namespace lineshaft::auth
