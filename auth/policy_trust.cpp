// The tables that say whom to believe. What they mean is compiled with the certificates; here they
// must only fit the zones.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "auth/policy_reader.h"

namespace lineshaft::auth {
namespace {

using nlohmann::json;

class TrustReader {
 public:
  TrustReader(std::span<const std::string> zones, PolicyReport& report)
      : zones_(zones), report_(report) {}

  void read_pki(const json& value) {
    TableReader table(report_, value, "/pki");
    table.find("trust");
    table.find("crl");
    table.find("pins");
    table.text("trust_domain");
    table.parsed("crl_stale_grace", parse_duration, "\"24h\" or \"30m\"");
    if (const json* issuers = table.find("issuers")) read_issuers(*issuers);
    table.finish();
  }

  /// They have their own table in the configuration; here only the zones they are open to.
  void read_listeners(const json& value) {
    if (!is_table(value, "/listeners", "write one table for each listener")) return;
    for (const auto& [name, listener] : value.items()) {
      TableReader table(report_, listener, join_pointer("/listeners", name));
      check_zone_names(table.words("zones"));
    }
  }

 private:
  bool is_table(const json& value, std::string_view pointer, std::string advice) {
    if (value.is_object()) return true;
    report_.error(pointer, fmt::format("expected a table, found a {}", value.type_name()),
                  std::move(advice));
    return false;
  }

  void check_zone_names(const std::optional<std::vector<TableReader::Word>>& words) {
    if (!words) return;
    for (const TableReader::Word& word : *words) {
      if (std::ranges::find(zones_, word.text) != zones_.end()) continue;
      report_.error(word.pointer, "there is no zone of this name", meant_advice(word.text, zones_));
    }
  }

  /// Each is ["ot"], or {"zones": ["ot"], "roles": ["edge"], "attested": true}.
  void read_issuers(const json& issuers) {
    constexpr std::string_view pointer = "/pki/issuers";
    if (!is_table(issuers, pointer, "write each CA and the zones it may vouch for")) return;
    TableReader lists(report_, issuers, std::string(pointer));
    for (const auto& [issuer, value] : issuers.items()) {
      if (!value.is_object()) {
        check_zone_names(lists.words(issuer));
        continue;
      }
      TableReader table(report_, value, join_pointer(pointer, issuer));
      table.require("zones", "the zones this CA may vouch for");
      check_zone_names(table.words("zones"));
      table.words("roles");
      table.boolean("attested");
      table.finish();
    }
  }

  std::span<const std::string> zones_;
  PolicyReport& report_;
};

}  // namespace

void check_trust(const json& document, std::span<const std::string> zones, PolicyReport& report) {
  TrustReader reader(zones, report);
  if (const auto pki = document.find("pki"); pki != document.end()) reader.read_pki(*pki);
  if (const auto listeners = document.find("listeners"); listeners != document.end()) {
    reader.read_listeners(*listeners);
  }
  const auto identity = document.find("identity");
  if (identity == document.end() || identity->is_array()) return;
  report.error("/identity", fmt::format("expected a list, found a {}", identity->type_name()),
               "write each rule as an [[identity]] table");
}

}  // namespace lineshaft::auth
