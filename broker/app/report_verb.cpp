#include "broker/app/report_verb.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "broker/app/config_error.h"
#include "broker/app/zones_setup.h"

namespace lineshaft::app {
namespace {

using Json = nlohmann::json;

bool has_text(const Json& list, std::string_view text) {
  return std::ranges::any_of(list, [=](const Json& each) { return each == text; });
}

const Json& member(const Json& table, const char* name) {
  static const Json nothing;
  if (!table.is_object()) return nothing;
  const auto found = table.find(name);
  return found == table.end() ? nothing : *found;
}

/// `pki.issuers` has lists of zones, or tables with `zones` and `attested`.
void add_issuers(const Json& issuers, auth::ReportZone& zone) {
  for (const Json& each : issuers) {
    const Json& zones = each.is_object() ? member(each, "zones") : each;
    if (!has_text(zones, zone.name)) continue;
    zone.has_issuers = true;
    if (each.is_object() && each.value("attested", false)) zone.knows_keys = true;
  }
}

std::vector<auth::ReportZone> zones_of(const Json& policy) {
  std::vector<auth::ReportZone> zones;
  const Json& pki = member(policy, "pki");
  for (const auto& [name, table] : member(policy, "zones").items()) {
    auth::ReportZone zone;
    zone.name = name;
    zone.sl_t = table.value("sl_t", auth::security_level_max);
    zone.checks_origin = table.value("check_origin", zone.sl_t >= 2);
    const char* const on_expiry = zone.sl_t <= 2 ? "keep" : "disconnect";
    zone.keeps_expired = table.value("on_expiry", on_expiry) == "keep";
    // Who may pin a key may pin it in every zone.
    if (pki.is_object()) {
      zone.knows_keys = !member(pki, "pins").empty();
      add_issuers(member(pki, "issuers"), zone);
    }
    for (const Json& user : member(policy, "users")) {
      zone.has_users = zone.has_users || user.value("zone", "") == name;
    }
    zones.push_back(std::move(zone));
  }
  return zones;
}

std::vector<auth::ReportConduit> conduits_of(const Options& options,
                                             const std::vector<auth::ReportZone>& zones) {
  const auto target = [&](const std::string& name) {
    const auto found = std::ranges::find(zones, name, &auth::ReportZone::name);
    return found == zones.end() ? auth::security_level_max : found->sl_t;
  };
  std::vector<auth::ReportConduit> conduits;
  for (const Json& table : member(*options.policy.json, "conduits")) {
    auth::ReportConduit conduit;
    conduit.from = table.at("from");
    conduit.to = table.at("to");
    const std::string place =
        place_of(options.policy.places, fmt::format("/conduits/{}", conduits.size()));
    conduit.where = fmt::format("{} -> {}{}{}{}", conduit.from, conduit.to,
                                place.empty() ? "" : " (", place, place.empty() ? "" : ")");
    conduit.min_strength =
        table.value("min_strength", std::max(target(conduit.from), target(conduit.to)));
    conduit.is_enforced = table.value("mode", "enforce") == "enforce";
    conduit.needs_tls = table.value("min_tls", "1.2") != "none";
    conduit.publishes = table.value("via", "both") != "subscribe";
    const Json& types = member(table, "sparkplug");
    conduit.carries_commands = table.value("commands", "deny") == "allow" ||
                               has_text(types, "NCMD") || has_text(types, "DCMD") ||
                               has_text(types, "*");
    conduit.names_roles = !member(table, "roles").empty();
    conduit.is_bounded =
        table.contains("max_payload") && (table.contains("rate") || table.contains("bytes"));
    conduits.push_back(std::move(conduit));
  }
  return conduits;
}

auth::ReportListener listener_facts(const ListenerOptions& options, const Json& policy) {
  using Certificate = auth::ReportListener::Certificate;
  auth::ReportListener listener;
  listener.name = options.name;
  listener.zones = options.zones;
  listener.is_local = options.bind.is_local();
  listener.has_tls = options.tls.on();
  listener.is_tls_1_3_only = options.tls.min_version == net::TlsVersion::v1_3;
  listener.certificate =
      options.tls.client_certificate == net::ClientCertificate::require    ? Certificate::require
      : options.tls.client_certificate == net::ClientCertificate::optional ? Certificate::optional
                                                                           : Certificate::none;
  listener.checks_revocation = !member(member(policy, "pki"), "crl").empty();
  listener.limits_addresses =
      options.connections_per_address_max > 0 || options.connects_per_s_per_address_max > 0;
  return listener;
}

std::string level_line(const auth::ZoneReport& zone, std::size_t index) {
  const bool is_gap = zone.achieved[index] < zone.sl_t;
  return fmt::format("  FR {} {:<45} {}{}\n", index + 1, auth::foundational_requirement(index),
                     zone.achieved[index], is_gap ? "  GAP" : "");
}

}  // namespace

auth::ReportFacts report_facts(const Options& options) {
  auth::ReportFacts facts;
  facts.zones = zones_of(*options.policy.json);
  facts.conduits = conduits_of(options, facts.zones);
  for (const auto& [name, role] : member(*options.policy.json, "roles").items()) {
    if (has_text(member(role, "publish"), "#")) facts.wide_roles.push_back(name);
  }
  for (const ListenerOptions& each : options.listeners) {
    facts.listeners.push_back(listener_facts(each, *options.policy.json));
  }
  facts.has_audit = options.audit.enabled;
  facts.has_anomaly_rules = !member(*options.policy.json, "anomaly").empty();
  return facts;
}

std::string report_text(const std::vector<auth::ZoneReport>& zones) {
  std::string text;
  for (const auth::ZoneReport& zone : zones) {
    text += fmt::format("zone {}: target level {}, {}\n", zone.zone, zone.sl_t,
                        zone.has_gaps() ? "not achieved" : "achieved");
    for (std::size_t index = 0; index < auth::foundational_requirements; ++index) {
      text += level_line(zone, index);
      for (const auth::ReportLimit& limit : zone.limits) {
        if (limit.requirement != index) continue;
        text += fmt::format("       {} at {}: {}.\n", limit.clause, limit.level, limit.what);
        if (zone.is_gap(limit)) text += fmt::format("         {}\n", limit.remedy);
      }
    }
  }
  return text +
         "The levels are this product's mapping of options to IEC 62443-3-3 (docs/iec62443.md). "
         "They\nsupport an assessment; they are none.\n";
}

std::string report_json(const std::vector<auth::ZoneReport>& zones) {
  using Ordered = nlohmann::ordered_json;
  Ordered page{{"standard", "IEC 62443-3-3"}, {"zones", Ordered::array()}};
  for (const auth::ZoneReport& zone : zones) {
    Ordered requirements = Ordered::array(), limits = Ordered::array();
    for (std::size_t index = 0; index < auth::foundational_requirements; ++index) {
      requirements.push_back({{"id", fmt::format("FR {}", index + 1)},
                              {"name", auth::foundational_requirement(index)},
                              {"achieved", zone.achieved[index]}});
    }
    for (const auth::ReportLimit& limit : zone.limits) {
      limits.push_back({{"requirement", fmt::format("FR {}", limit.requirement + 1)},
                        {"clause", limit.clause},
                        {"level", limit.level},
                        {"gap", zone.is_gap(limit)},
                        {"what", limit.what},
                        {"remedy", limit.remedy}});
    }
    page["zones"].push_back({{"zone", zone.zone},
                             {"sl_t", zone.sl_t},
                             {"achieved", !zone.has_gaps()},
                             {"requirements", requirements},
                             {"limits", limits}});
  }
  return page.dump(2) + "\n";
}

/// Nothing is said about a policy that has errors. Its files need not be here.
void check_policy(const PolicyDocument& policy) {
  const auto compiled = auth::compile_policy(*policy.json, positions_of(policy.places), WallTime{});
  std::vector<ConfigProblem> errors, remarks;
  sort_diagnostics(compiled.diagnostics, errors, remarks);
  if (!errors.empty()) throw ConfigError(std::move(errors));
}

ExitCode report(const ConfigSources& sources, bool json) {
  try {
    const auto options = load_options(sources);
    if (options->authorization != "zones") {
      fmt::print(stderr,
                 "lineshaft: the report is about zones: it needs authorization = \"zones\".\n");
      return ExitCode::config;
    }
    check_policy(options->policy);
    const auto zones = auth::make_security_report(report_facts(*options));
    std::fputs((json ? report_json(zones) : report_text(zones)).c_str(), stdout);
    const bool has_gaps = std::ranges::any_of(zones, &auth::ZoneReport::has_gaps);
    return has_gaps ? ExitCode::denied : ExitCode::ok;
  } catch (const ConfigError& error) {
    std::fputs(error.what(), stderr);
    return ExitCode::config;
  }
}

}  // namespace lineshaft::app
