#include "auth/security_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lineshaft::auth {
namespace {

/// Indices of the foundational requirements, by the standard's abbreviations.
enum Requirement : std::size_t { iac, uc, si, dc, rdf, tre, ra };

constexpr std::array<std::string_view, foundational_requirements> requirement_names = {
    "identification and authentication control",
    "use control",
    "system integrity",
    "data confidentiality",
    "restricted data flow",
    "timely response to events",
    "resource availability",
};

constexpr std::uint8_t strength_of_password = 1, strength_of_password_with_tls = 2;
constexpr std::uint8_t strength_of_certificate = 2, strength_of_fresh_certificate = 3;
constexpr std::uint8_t strength_of_known_key = 4;

/// Puts the report of one zone together.
class ZoneReporter {
 public:
  ZoneReporter(const ReportFacts& facts, const ReportZone& zone) : facts_(facts), zone_(zone) {}

  ZoneReport report() {
    report_.zone = zone_.name;
    report_.sl_t = zone_.sl_t;
    report_.achieved.fill(security_level_max);
    for (const ReportListener& listener : facts_.listeners) {
      if (std::ranges::find(listener.zones, zone_.name) != listener.zones.end()) judge(listener);
    }
    for (const ReportConduit& conduit : facts_.conduits) {
      if (conduit.from == zone_.name || conduit.to == zone_.name) judge(conduit);
    }
    judge_zone();
    judge_broker();
    std::ranges::stable_sort(report_.limits, {}, [](const ReportLimit& limit) {
      return std::pair(limit.level, limit.requirement);
    });
    return std::move(report_);
  }

 private:
  void limit(Requirement requirement, std::string_view clause, std::uint8_t level, std::string what,
             std::string remedy) {
    if (level >= security_level_max) return;
    std::uint8_t& achieved = report_.achieved[requirement];
    achieved = std::min(achieved, level);
    report_.limits.push_back({requirement, clause, level, std::move(what), std::move(remedy)});
  }

  void judge(const ReportListener& listener) {
    const std::string where = fmt::format("listener {}", listener.name);
    judge_strength(listener, where);
    if (!listener.is_local && !listener.has_tls) {
      const std::string what = where + " speaks without TLS on a network";
      const char* const remedy = "Give it `tls.cert_file` and `tls.key_file`.";
      limit(iac, "SR 1.13", 1, what, remedy);
      limit(si, "SR 3.1", 1, what, remedy);
      limit(dc, "SR 4.1", 1, what, remedy);
    } else if (!listener.is_local && !listener.is_tls_1_3_only) {
      limit(si, "SR 3.1", 3, where + " accepts TLS 1.2", "Set `tls.min_version = \"1.3\"`.");
      limit(dc, "SR 4.3", 3, where + " accepts TLS 1.2", "Set `tls.min_version = \"1.3\"`.");
    }
    if (!listener.is_local && !listener.limits_addresses) {
      limit(ra, "SR 7.1", 2, where + " lets one address take all connections",
            "Set `connections_per_address_max` or `connects_per_s_per_address_max`.");
    }
  }

  /// The strongest and the weakest proof with which a client of the zone comes in here.
  std::pair<std::uint8_t, std::uint8_t> strengths(const ReportListener& listener) const {
    std::uint8_t strongest = 0, weakest = security_level_max;
    const auto add = [&](std::uint8_t one, std::uint8_t best) {
      strongest = std::max(strongest, best);
      weakest = std::min(weakest, one);
    };
    const bool shows = listener.certificate != ReportListener::Certificate::none;
    if (listener.has_tls && shows && zone_.has_issuers) {
      if (!listener.checks_revocation) {
        add(strength_of_certificate, strength_of_certificate);
      } else {
        add(strength_of_fresh_certificate,
            zone_.knows_keys ? strength_of_known_key : strength_of_fresh_certificate);
      }
    }
    if (zone_.has_users && listener.certificate != ReportListener::Certificate::require) {
      const auto one = listener.has_tls ? strength_of_password_with_tls : strength_of_password;
      add(one, one);
    }
    return {strongest, std::min(weakest, strongest)};
  }

  void judge_strength(const ReportListener& listener, const std::string& where) {
    const auto [strongest, weakest] = strengths(listener);
    const std::string remedy = strength_remedy(listener);
    if (strongest < zone_.sl_t) {
      limit(iac, "SR 1.2", strongest,
            fmt::format("no client of this zone gets in at {}: the zone wants strength {}, {} is "
                        "the most it gives",
                        where, zone_.sl_t, strongest),
            remedy);
      return;
    }
    // Who is weaker than the zone wants is refused at CONNECT.
    const std::uint8_t level = std::max(weakest, zone_.sl_t);
    limit(iac, level < strength_of_fresh_certificate ? "SR 1.9" : "SR 1.5", level,
          fmt::format("{} lets clients in with strength {}", where, level), remedy);
  }

  std::string strength_remedy(const ReportListener& listener) const {
    if (!listener.has_tls) return "Give it `tls.cert_file` and `tls.key_file`.";
    if (!zone_.has_issuers) return "Name the CA of this zone in `pki.issuers`.";
    if (listener.certificate != ReportListener::Certificate::require) {
      return "Set `tls.client_certificate = \"require\"`.";
    }
    if (!listener.checks_revocation) return "Give it revocation lists: `crl` in `[pki]`.";
    return "Pin the clients' keys (`pki.pins`) or mark a CA of hardware keys as `attested`, and "
           "set `tls.min_version = \"1.3\"`.";
  }

  void judge(const ReportConduit& conduit) {
    const std::string where = fmt::format("conduit {}", conduit.where);
    if (!conduit.is_enforced) {
      limit(uc, "SR 2.1", 1, where + " only monitors", "Remove `mode = \"monitor\"`.");
      limit(rdf, "SR 5.2", 1, where + " only monitors", "Remove `mode = \"monitor\"`.");
    }
    limit(rdf, "SR 5.2", std::max<std::uint8_t>(conduit.min_strength, 1),
          fmt::format("{} is open from strength {} on", where, conduit.min_strength),
          fmt::format("Remove its `min_strength`, or set it to {}.", zone_.sl_t));
    if (!conduit.needs_tls) {
      limit(dc, "SR 4.1", 1, where + " needs no TLS", "Remove `min_tls = \"none\"`.");
    }
    if (conduit.to != zone_.name || !conduit.publishes) return;
    if (conduit.carries_commands && !conduit.names_roles) {
      limit(rdf, "SR 5.2", 2, where + " lets commands of every role into the zone",
            "Name the `roles` that may command.");
    }
    if (!conduit.is_bounded) {
      limit(ra, "SR 7.1", 3, where + " lets in as much as its clients send",
            "Give it `rate` (or `bytes`) and `max_payload`.");
    }
  }

  void judge_zone() {
    if (!zone_.checks_origin) {
      limit(uc, "SR 2.1", 1, "retained messages outlive the rights of who wrote them",
            "Remove `check_origin = false`.");
    }
    if (zone_.keeps_expired) {
      limit(uc, "SR 2.6", 2, "a client stays connected when its certificate has ended",
            "Set `on_expiry = \"disconnect\"`.");
    }
  }

  void judge_broker() {
    for (const std::string& role : facts_.wide_roles) {
      limit(uc, "SR 2.1", 2, fmt::format("role {} may publish to everything", role),
            "Name the topics it needs, or give it by break-glass for a time only.");
    }
    if (!facts_.has_audit) {
      const char* const what = "there is no audit log";
      const char* const remedy = "Set `audit.enabled = true`.";
      limit(uc, "SR 2.8", 0, what, remedy);
      limit(si, "SR 3.9", 1, what, remedy);
      limit(tre, "SR 6.1", 0, what, remedy);
    }
    if (!facts_.has_anomaly_rules) {
      limit(tre, "SR 6.2", 1, "nothing watches for unusual behaviour", "Add `[[anomaly]]` rules.");
    }
  }

  const ReportFacts& facts_;
  const ReportZone& zone_;
  ZoneReport report_;
};

}  // namespace

std::string_view foundational_requirement(std::size_t index) { return requirement_names.at(index); }

std::vector<ZoneReport> make_security_report(const ReportFacts& facts) {
  std::vector<ZoneReport> reports;
  for (const ReportZone& zone : facts.zones) {
    reports.push_back(ZoneReporter(facts, zone).report());
  }
  return reports;
}

}  // namespace lineshaft::auth
