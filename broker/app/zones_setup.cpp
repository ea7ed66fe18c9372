#include "broker/app/zones_setup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "auth/identity_config.h"
#include "auth/trust_view.h"
#include "broker/app/config_loader.h"
#include "broker/app/policy_input.h"
#include "broker/app/users_setup.h"
#include "broker/base/log.h"

namespace lineshaft::app {
namespace {

using Json = nlohmann::json;

auth::TrustViewPtr make_trust(PolicyInput& input, std::vector<ConfigProblem>& errors,
                              std::vector<ConfigProblem>& remarks) {
  if (!input.files.issuers.empty() && input.files.trust.empty()) {
    errors.push_back({place_of(input.places, "/pki"), "pki.trust is missing",
                      "Name the file with the roots to which the issuers lead."});
  }
  std::vector<auth::TrustView::Problem> problems;
  auto trust = auth::TrustView::make(input.files, problems);
  for (const auto& each : problems) {
    (each.is_error ? errors : remarks)
        .push_back({each.file, each.what, "Copy the file again, whole."});
  }
  return trust;
}

/// What is decided otherwise under a policy that decides nothing. Tables it does not have are those
/// of the policy in force.
auth::PolicySnapshotPtr load_shadow(const std::string& path, const Json& document, WallTime now,
                                    std::vector<ConfigProblem>& errors) {
  PolicyDocument read = read_policy_file(path, errors);
  if (read.json == nullptr) return nullptr;
  Json shadow = *read.json;
  for (const auto& [name, table] : document.items()) {
    if (!shadow.contains(name)) shadow[name] = table;
  }
  // Issuers are named by file there, and do not count: who somebody is decides the one in force.
  shadow["pki"] = document.value("pki", Json::object());
  const auto compiled = auth::compile_policy(shadow, positions_of(read.places), now);
  std::vector<ConfigProblem> remarks;
  sort_diagnostics(compiled.diagnostics, errors, remarks);
  return compiled.policy;
}

void warn_of_strangers(const auth::IdentityConfig& identity, const auth::UsersPolicy* users) {
  for (const auto& [name, user] : identity.users) {
    if (users != nullptr && users->users.contains(name)) continue;
    LINESHAFT_LOG(app, warn, "zone_for_unknown_user", {"user", name}, {"zone", user.zone});
  }
}

}  // namespace

auth::Positions positions_of(const PolicyPlaces& places) {
  auth::Positions positions;
  for (const auto& [pointer, place] : places) {
    positions.set(pointer, {place.file, place.line, place.column});
  }
  return positions;
}

void sort_diagnostics(const std::vector<auth::Diagnostic>& diagnostics,
                      std::vector<ConfigProblem>& errors, std::vector<ConfigProblem>& remarks) {
  for (const auth::Diagnostic& each : diagnostics) {
    const bool is_error = each.severity == auth::Diagnostic::Severity::error;
    (is_error ? errors : remarks)
        .push_back({each.at, fmt::format("{}: {}", each.pointer, each.message), each.advice});
  }
}

ZonesPolicy load_zones(const Options& options, WallTime now) {
  ZonesPolicy zones;
  if (options.authorization != "zones") return zones;
  if (!options.policy.has("zones")) {
    throw ConfigError({{"", "authorization is \"zones\" and there is no zone", ""}});
  }
  PolicyInput input = read_policy_input(options);
  const Json& document = *input.document;
  zones.positions = positions_of(input.places);
  std::vector<ConfigProblem> errors;
  auto rules = std::make_shared<auth::IdentityRules>();
  const auto compiled = auth::compile_policy(document, zones.positions, now);
  sort_diagnostics(compiled.diagnostics, errors, zones.remarks);
  if (compiled.policy != nullptr) {
    auto identity = auth::compile_identity(document, zones.positions, *compiled.policy);
    sort_diagnostics(identity.diagnostics, errors, zones.remarks);
    rules->config = std::move(identity.identity);
  }
  rules->trust = make_trust(input, errors, zones.remarks);
  rules->users = load_zone_users(options, errors);
  if (const std::string path = shadow_path(options.policy); !path.empty()) {
    zones.shadow = load_shadow(path, document, now, errors);
  }
  if (!errors.empty()) throw ConfigError(std::move(errors));
  warn_of_strangers(*rules->config, rules->users.get());
  zones.policy = compiled.policy;
  zones.identity = std::move(rules);
  return zones;
}

std::string remark_text(const ConfigProblem& remark) {
  std::string text = "warning: ";
  if (!remark.where.empty()) text += remark.where + ": ";
  text += remark.what + "\n";
  return remark.remedy.empty() ? text : text + "  " + remark.remedy + "\n";
}

std::string chains_text(const auth::PolicySnapshot& policy) {
  std::string text;
  for (const auth::Chain& each : policy.chains()) {
    std::vector<std::string> places;
    for (const std::uint16_t conduit : each.conduits) places.push_back(policy.rule_text(conduit));
    text += fmt::format("{} ({})\n", fmt::join(each.zones, " -> "), fmt::join(places, ", "));
  }
  return text;
}

}  // namespace lineshaft::app
