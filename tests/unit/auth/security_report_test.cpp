#include "auth/security_report.h"

#include <algorithm>

#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

using Certificate = ReportListener::Certificate;

/// Indices of the foundational requirements.
constexpr std::size_t identification = 0, use = 1, integrity = 2, confidentiality = 3, flow = 4,
                      response = 5, availability = 6;

/// A plant without a gap: one zone, mutual TLS 1.3 with revocation lists and known keys.
ReportFacts best(std::uint8_t sl_t) {
  ReportFacts facts;
  ReportZone zone;
  zone.name = "ot";
  zone.sl_t = sl_t;
  zone.has_issuers = zone.knows_keys = true;
  facts.zones = {zone};
  ReportListener listener;
  listener.name = "plant";
  listener.zones = {"ot"};
  listener.has_tls = listener.is_tls_1_3_only = listener.checks_revocation = true;
  listener.limits_addresses = true;
  listener.certificate = Certificate::require;
  facts.listeners = {listener};
  facts.has_audit = facts.has_anomaly_rules = true;
  return facts;
}

ZoneReport report_of(const ReportFacts& facts) { return make_security_report(facts).at(0); }

bool names(const ZoneReport& report, std::string_view clause) {
  return std::ranges::any_of(report.limits,
                             [=](const ReportLimit& limit) { return limit.clause == clause; });
}

ReportConduit conduit() {
  ReportConduit conduit;
  conduit.where = "it -> ot";
  conduit.from = "it";
  conduit.to = "ot";
  conduit.publishes = conduit.is_bounded = true;
  return conduit;
}

}  // namespace

TEST_CASE("a configuration that has everything reaches the highest level", "[auth][report]") {
  const ZoneReport report = report_of(best(4));
  CHECK(report.zone == "ot");
  CHECK(report.limits.empty());
  CHECK_FALSE(report.has_gaps());
  for (const std::uint8_t level : report.achieved) CHECK(level == 4);
}

TEST_CASE("what keeps a level below the target is a gap, above it a remark", "[auth][report]") {
  ReportFacts facts = best(3);
  facts.listeners[0].is_tls_1_3_only = false;
  const ZoneReport good = report_of(facts);
  CHECK(good.achieved[confidentiality] == 3);
  CHECK(names(good, "SR 4.3"));
  CHECK_FALSE(good.has_gaps());
  facts.zones[0].sl_t = 4;
  const ZoneReport report = report_of(facts);
  REQUIRE(report.has_gaps());
  CHECK(report.is_gap(report.limits.front()));
  CHECK_FALSE(report.limits.front().remedy.empty());
}

TEST_CASE("strength is what the listener can ask for", "[auth][report]") {
  ReportFacts facts = best(1);
  facts.zones[0].knows_keys = false;
  CHECK(report_of(facts).achieved[identification] == 3);
  facts.listeners[0].checks_revocation = false;
  CHECK(report_of(facts).achieved[identification] == 2);
  facts.zones[0].has_users = true;
  facts.listeners[0].certificate = Certificate::none;
  CHECK(report_of(facts).achieved[identification] == 2);
  facts.listeners[0].has_tls = false;
  CHECK(report_of(facts).achieved[identification] == 1);
}

TEST_CASE("where clients may come with less, the zone's target is what counts", "[auth][report]") {
  ReportFacts facts = best(3);
  facts.zones[0].has_users = true;
  facts.listeners[0].certificate = Certificate::optional;
  // A password alone would be 2 and is refused at CONNECT.
  CHECK(report_of(facts).achieved[identification] == 3);
  facts.zones[0].sl_t = 1;
  CHECK(report_of(facts).achieved[identification] == 2);
}

TEST_CASE("a zone whose clients cannot get in anywhere is told", "[auth][report]") {
  ReportFacts facts = best(3);
  facts.listeners[0].checks_revocation = false;
  const ZoneReport report = report_of(facts);
  CHECK(report.achieved[identification] == 2);
  CHECK(report.limits.front().what.find("no client of this zone gets in") != std::string::npos);
  CHECK(report.limits.front().remedy.find("`crl`") != std::string::npos);
}

TEST_CASE("no TLS limits three requirements, but not on this machine", "[auth][report]") {
  ReportFacts facts = best(1);
  facts.zones[0].has_users = true;
  facts.listeners[0].has_tls = false;
  facts.listeners[0].certificate = Certificate::none;
  const ZoneReport open = report_of(facts);
  CHECK(open.achieved[integrity] == 1);
  CHECK(open.achieved[confidentiality] == 1);
  facts.listeners[0].is_local = true;
  const ZoneReport local = report_of(facts);
  CHECK(local.achieved[integrity] == 4);
  CHECK(local.achieved[confidentiality] == 4);
}

TEST_CASE("each weakness of a conduit counts for both of its zones", "[auth][report]") {
  ReportFacts facts = best(3);
  ReportZone it = facts.zones[0];
  it.name = "it";
  facts.zones.push_back(it);
  facts.conduits = {conduit()};
  for (const ZoneReport& report : make_security_report(facts)) CHECK_FALSE(report.has_gaps());

  facts.conduits[0].is_enforced = false;
  for (const ZoneReport& report : make_security_report(facts)) {
    CHECK(report.achieved[use] == 1);
    CHECK(report.achieved[flow] == 1);
  }
  facts.conduits[0] = conduit();
  facts.conduits[0].min_strength = 2;
  for (const ZoneReport& report : make_security_report(facts)) CHECK(report.achieved[flow] == 2);
  facts.conduits[0] = conduit();
  facts.conduits[0].needs_tls = false;
  for (const ZoneReport& report : make_security_report(facts)) {
    CHECK(report.achieved[confidentiality] == 1);
  }
}

TEST_CASE("commands and floods count for the zone they go to", "[auth][report]") {
  ReportFacts facts = best(3);
  ReportZone it = facts.zones[0];
  it.name = "it";
  facts.zones.push_back(it);
  facts.conduits = {conduit()};
  facts.conduits[0].carries_commands = true;
  facts.conduits[0].is_bounded = false;
  const auto reports = make_security_report(facts);
  CHECK(reports[0].achieved[flow] == 2);
  CHECK(reports[0].achieved[availability] == 3);
  CHECK(reports[1].achieved[flow] == 4);
  CHECK(reports[1].achieved[availability] == 4);
  facts.conduits[0].names_roles = true;
  CHECK(report_of(facts).achieved[flow] == 4);
}

TEST_CASE("what concerns the whole broker counts for every zone", "[auth][report]") {
  ReportFacts facts = best(2);
  facts.has_audit = false;
  CHECK(report_of(facts).achieved[use] == 0);
  CHECK(report_of(facts).achieved[response] == 0);
  facts.has_audit = true;
  facts.has_anomaly_rules = false;
  CHECK(report_of(facts).achieved[response] == 1);
  facts.wide_roles = {"admin"};
  CHECK(report_of(facts).achieved[use] == 2);
  facts.listeners[0].limits_addresses = false;
  CHECK(report_of(facts).achieved[availability] == 2);
  facts.zones[0].checks_origin = false;
  CHECK(report_of(facts).achieved[use] == 1);
}

TEST_CASE("a listener that does not let a zone in says nothing about it", "[auth][report]") {
  ReportFacts facts = best(4);
  ReportListener plain;
  plain.name = "plain";
  plain.zones = {"it"};
  facts.listeners.push_back(plain);
  CHECK_FALSE(report_of(facts).has_gaps());
}

}  // namespace lineshaft::auth
