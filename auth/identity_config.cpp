#include "auth/identity_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "auth/crypto.h"
#include "auth/identity_lint.h"
#include "auth/json_fields.h"
#include "auth/policy_reader.h"
#include "auth/policy_spec.h"
#include "auth/policy_trie.h"
#include "auth/policy_values.h"

namespace lineshaft::auth {
namespace {

using nlohmann::json;

constexpr std::string_view oid_prefix = "oid:";
constexpr std::string_view psk_prefix = "psk:";
constexpr std::string_view spiffe_prefix = "spiffe://";
constexpr const char* key_advice =
    "write \"sha256:\" and the SHA-256 of the public key in 64 hexadecimal digits";

const std::vector<std::string>& source_words() {
  static const std::vector<std::string> words = {"san_uri", "san_dns", "ou",     "o",   "cn",
                                                 "oid",     "issuer",  "serial", "spki"};
  return words;
}

const std::vector<std::string>& rule_words() {
  static const std::vector<std::string> words = {"bind", "equal", "prefix", "free"};
  return words;
}

bool is_oid(std::string_view text) {
  const bool digits =
      std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return digits && text.size() >= 3 && text.front() != '.' && text.back() != '.' &&
         text.find('.') != std::string_view::npos && text.find("..") == std::string_view::npos;
}

/// The first four bytes of a hash, never 0.
std::uint32_t digest_of(const std::string& text) {
  const std::string hash = sha256(text);
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(hash[i]);
  return number == 0 ? 1 : number;
}

class IdentityReader {
 public:
  IdentityReader(PolicyReport& report, const PolicySnapshot& policy, IdentityConfig& made)
      : report_(report), policy_(policy), made_(made) {
    for (const ZoneFacts& zone : policy.zones()) {
      zone_names_.push_back(zone.name);
      made.zones.emplace(zone.name,
                         IdentityConfig::Zone{zone.sl_t, zone.on_expiry, zone.client_id});
    }
  }

  void read(const json& document) {
    // What is no table was found by `compile_policy`.
    if (!document.is_object()) return;
    if (const json* pki = table_in(document, "pki")) read_pki(*pki);
    const auto identity = document.find("identity");
    if (identity != document.end()) read_extractors(*identity);
    if (const json* listeners = table_in(document, "listeners")) read_listeners(*listeners);
    if (const json* users = table_in(document, "users")) read_users(*users);
    check_extractors();
    if (!report_.has_errors()) check_identity(made_, policy_, report_);
    const json rules = identity == document.end() ? json() : *identity;
    made_.claims_digest = digest_of(to_line(rules) + made_.trust_domain);
  }

 private:
  const json* table_in(const json& document, const char* key) {
    const auto found = document.find(key);
    if (found == document.end()) return nullptr;
    if (found->is_object()) return &*found;
    report_.error(join_pointer("", std::string_view(key)),
                  fmt::format("expected a table, found a {}", found->type_name()),
                  "write it as a table of keys and values");
    return nullptr;
  }

  void read_pki(const json& value) {
    TableReader table(report_, value, "/pki");
    // Files: read by who has made the document.
    table.find("trust");
    table.find("crl");
    if (auto domain = table.text("trust_domain")) made_.trust_domain = std::move(*domain);
    if (const auto grace = table.parsed("crl_stale_grace", parse_duration, "\"24h\"")) {
      made_.crl_stale_grace = *grace;
    }
    if (const auto pins = table.words("pins")) {
      for (const TableReader::Word& pin : *pins) {
        if (auto hash = from_spki_text(pin.text)) {
          made_.pins.insert(std::move(*hash));
        } else {
          report_.error(pin.pointer, "this is not the hash of a key", key_advice);
        }
      }
    }
    if (const json* issuers = table.find("issuers"); issuers != nullptr && issuers->is_object()) {
      for (const auto& [key, zones] : issuers->items()) read_issuer(key, zones);
    }
    table.finish();
  }

  /// ["ot"], or {"zones": ["ot"], "roles": ["edge"], "attested": true}.
  void read_issuer(const std::string& key, const json& value) {
    const std::string pointer = join_pointer("/pki/issuers", key);
    auto hash = from_spki_text(key);
    if (!hash) return report_.error(pointer, "this is not the hash of a CA's key", key_advice);
    IdentityConfig::Issuer issuer;
    const json holder = value.is_object() ? value : json::object({{"zones", value}});
    TableReader table(report_, holder, value.is_object() ? pointer : "/pki/issuers");
    if (const auto zones = table.words("zones")) issuer.zones = known_zones(*zones, pointer);
    issuer.roles = read_roles(table);
    issuer.attested = table.boolean("attested").value_or(false);
    table.finish();
    if (issuer.zones.empty()) {
      report_.lint(pointer, "this CA may vouch for no zone", "name its zones: [\"...\"]");
    }
    // The same key in two files vouches for what both say.
    const bool is_new = !made_.issuers.contains(*hash);
    auto& known = made_.issuers[*hash];
    known.attested |= issuer.attested;
    const bool is_any = issuer.roles.empty() || (!is_new && known.roles.empty());
    known.roles.insert(known.roles.end(), issuer.roles.begin(), issuer.roles.end());
    if (is_any) known.roles.clear();
    known.zones.insert(known.zones.end(), issuer.zones.begin(), issuer.zones.end());
    std::ranges::sort(known.zones);
    known.zones.erase(std::unique(known.zones.begin(), known.zones.end()), known.zones.end());
  }

  std::vector<std::string> known_zones(const std::vector<TableReader::Word>& words,
                                       const std::string& pointer) {
    std::vector<std::string> zones;
    for (const TableReader::Word& word : words) {
      if (made_.zones.contains(word.text)) {
        zones.push_back(word.text);
      } else {
        report_.error(pointer, fmt::format("there is no zone \"{}\"", word.text),
                      meant_advice(word.text, zone_names_));
      }
    }
    return zones;
  }

  void read_extractors(const json& value) {
    if (!value.is_array()) {
      return report_.error("/identity",
                           fmt::format("expected a list, found a {}", value.type_name()),
                           "write each rule as an [[identity]] table");
    }
    for (std::size_t i = 0; i < value.size(); ++i) {
      read_extractor(value[i], join_pointer("/identity", i));
    }
  }

  void read_extractor(const json& value, const std::string& pointer) {
    TableReader table(report_, value, pointer);
    ClaimExtractor extractor;
    const bool has_source = read_source(table, extractor);
    const bool has_match = read_match(table, extractor);
    extractor.required = table.boolean("require").value_or(false);
    read_constants(table, extractor);
    table.finish();
    if (has_source && has_match) made_.extractors.push_back(std::move(extractor));
  }

  bool read_source(TableReader& table, ClaimExtractor& extractor) {
    table.require("from", "where the certificate says it, such as \"san_uri\"");
    auto from = table.text("from");
    if (!from) return false;
    if (from->starts_with(oid_prefix)) {
      extractor.oid = from->substr(oid_prefix.size());
      if (!is_oid(extractor.oid)) {
        report_.error(table.pointer_of("from"), "this is no object identifier",
                      "write it in digits: \"oid:1.3.6.1.4.1.99999.1\"");
        return false;
      }
      from = "oid";
    } else if (*from == "oid") {
      report_.error(table.pointer_of("from"), "the object identifier is missing",
                    "write it behind a colon: \"oid:1.3.6.1.4.1.99999.1\"");
      return false;
    }
    const auto found = std::ranges::find(source_words(), *from);
    if (found == source_words().end()) {
      report_.error(table.pointer_of("from"), "a certificate has no such place",
                    meant_advice(*from, source_words()));
      return false;
    }
    extractor.from = static_cast<ClaimSource>(found - source_words().begin());
    return true;
  }

  bool read_match(TableReader& table, ClaimExtractor& extractor) {
    table.require("match", "what stands there, such as \"{zone}\"");
    const auto text = table.text("match");
    if (!text) return false;
    auto match = ClaimTemplate::parse(*text);
    if (!match) {
      report_.error(table.pointer_of("match"), "this template is not understood",
                    "it has {zone}, {role} and {name} at most once each, and something between "
                    "two of them");
      return false;
    }
    const std::string domain = std::string(spiffe_prefix) + made_.trust_domain + "/";
    const bool foreign = !made_.trust_domain.empty() && text->starts_with(spiffe_prefix) &&
                         !text->starts_with(domain);
    if (foreign) {
      report_.error(table.pointer_of("match"), "this is not the trust domain of pki",
                    fmt::format("begin it with \"{}\"", domain));
      return false;
    }
    extractor.match = std::move(*match);
    return true;
  }

  void read_constants(TableReader& table, ClaimExtractor& extractor) {
    const auto clash = [&](Claim claim, std::string_view key) {
      if (!extractor.match.has(claim)) return;
      report_.error(table.pointer_of(key),
                    fmt::format("\"match\" says the {} as well", to_string(claim)),
                    "take one of them away");
    };
    if (auto zone = table.text("zone")) {
      clash(Claim::zone, "zone");
      known_zones({{*zone, table.pointer_of("zone")}}, table.pointer_of("zone"));
      extractor.constant.zone = std::move(*zone);
    }
    if (auto name = table.text("name")) {
      clash(Claim::name, "name");
      check_name(*name, table.pointer_of("name"));
      extractor.constant.name = std::move(*name);
    }
    extractor.constant.roles = read_roles(table);
    if (!extractor.constant.roles.empty()) clash(Claim::role, "roles");
  }

  std::vector<std::string> read_roles(TableReader& table) {
    std::vector<std::string> roles;
    const auto words = table.words("roles");
    if (!words) return roles;
    for (const TableReader::Word& word : *words) {
      if (!policy_.has_role(word.text)) {
        report_.error(word.pointer, fmt::format("there is no role \"{}\"", word.text),
                      "write a [roles.NAME] table, or another name");
      }
      roles.push_back(word.text);
    }
    std::ranges::sort(roles);
    return roles;
  }

  void check_name(const std::string& name, const std::string& pointer) {
    if (is_safe_name(name)) return;
    report_.error(pointer, "this name cannot stand in a Topic Filter",
                  "use 1 to 64 of A-Z a-z 0-9 . _ : @ -");
  }

  void read_listeners(const json& value) {
    for (const auto& [name, listener] : value.items()) {
      const std::string pointer = join_pointer("/listeners", name);
      // All else of it belongs to others.
      TableReader table(report_, listener, pointer);
      IdentityConfig::Listener made;
      if (const auto zones = table.words("zones")) made.zones = known_zones(*zones, pointer);
      if (const auto rule = table.choice("client_id", rule_words())) {
        made.client_id = static_cast<ClientIdRule>(*rule);
      }
      if (made.zones.empty()) {
        report_.lint(pointer, "no client can come in here: the listener is open to no zone",
                     "name its zones: zones = [\"...\"]");
      }
      made_.listeners.emplace(name, std::move(made));
    }
  }

  void read_users(const json& value) {
    for (const auto& [key, user] : value.items()) {
      const std::string pointer = join_pointer("/users", key);
      TableReader table(report_, user, pointer);
      IdentityConfig::User made;
      table.require("zone", "the user's zone");
      if (auto zone = table.text("zone")) {
        known_zones({{*zone, table.pointer_of("zone")}}, table.pointer_of("zone"));
        made.zone = std::move(*zone);
      }
      made.roles = read_roles(table);
      table.finish();
      const bool is_psk = key.starts_with(psk_prefix);
      const std::string name = is_psk ? key.substr(psk_prefix.size()) : key;
      check_name(name, pointer);
      (is_psk ? made_.psk : made_.users).emplace(name, std::move(made));
    }
  }

  /// Certificates that can never say who they are are most likely meant otherwise.
  void check_extractors() {
    if (made_.issuers.empty()) return;
    const auto says = [this](Claim claim) {
      return std::ranges::any_of(made_.extractors, [claim](const ClaimExtractor& one) {
        const bool constant = (claim == Claim::zone && !one.constant.zone.empty()) ||
                              (claim == Claim::name && !one.constant.name.empty());
        return constant || one.match.has(claim);
      });
    };
    for (const Claim claim : {Claim::zone, Claim::name}) {
      if (says(claim) || report_.has_errors()) continue;
      report_.error(
          "/identity",
          fmt::format("no rule says how a certificate claims its {}", to_string(claim)),
          fmt::format("add an [[identity]] table with {{{}}} in its match", to_string(claim)));
    }
  }

  PolicyReport& report_;
  const PolicySnapshot& policy_;
  IdentityConfig& made_;
  std::vector<std::string> zone_names_;
};

}  // namespace

CompiledIdentity compile_identity(const json& document, const Positions& positions,
                                  const PolicySnapshot& policy) {
  PolicyReport report(positions);
  auto made = std::make_shared<IdentityConfig>();
  IdentityReader(report, policy, *made).read(document);
  CompiledIdentity compiled;
  if (!report.has_errors()) compiled.identity = std::move(made);
  compiled.diagnostics = report.take();
  return compiled;
}

}  // namespace lineshaft::auth
