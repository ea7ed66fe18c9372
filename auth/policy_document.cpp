// The keys of a policy document and what each may hold. Every key has its line here; whatever else
// stands in the document is an error.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "auth/policy_reader.h"
#include "auth/policy_trie.h"
#include "broker/base/limits.h"

namespace lineshaft::auth {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

constexpr std::string_view unowned_zone = "unowned";
constexpr unsigned certificate_strength = 3;

const Words yes_no_words = {"deny", "allow"};
const Words via_words = {"both", "publish", "subscribe"};
const Words tls_words = {"none", "1.2", "1.3"};
const Words mode_words = {"enforce", "monitor"};
const Words client_id_words = {"bind", "equal", "prefix", "free"};
const Words sys_words = {"metrics", "clients", "audit"};
const Words overlap_words = {"filter", "deny"};
const Words on_revoke_words = {"suspend", "disconnect"};
const Words on_deny_words = {"refuse", "disconnect"};
const Words on_expiry_words = {"keep", "disconnect"};

Words type_words(bool with_star) {
  Words words;
  for (const SparkplugType type : sparkplug_types) words.emplace_back(to_string(type));
  if (with_star) words.emplace_back("*");
  return words;
}

/// Reads the tables of a document into a `PolicySpec`.
class DocumentReader {
 public:
  DocumentReader(PolicyReport& report, PolicySpec& spec) : report_(report), spec_(spec) {}

  void read(const json& document) {
    TableReader top(report_, document, "");
    if (top.table() == nullptr) return;
    if (const json* value = top.find("policy")) read_policy_table(*value, top.pointer_of("policy"));
    const json* zones = top.require("zones",
                                    "one table for each zone: without zones nobody may "
                                    "do anything");
    const json* roles = top.require("roles",
                                    "one table for each role: without roles nobody may "
                                    "do anything");
    if (zones != nullptr) read_zones(*zones, top.pointer_of("zones"));
    if (roles != nullptr) read_roles(*roles, top.pointer_of("roles"));
    if (const json* value = top.find("conduits")) read_conduits(*value, "/conduits");
    for (const std::string_view key : {"pki", "listeners", "identity", "anomaly"}) top.find(key);
    check_trust(document, zone_names_, report_);
    if (const json* value = top.find("users")) read_users(*value, "/users");
    top.finish();
    count_rules();
  }

 private:
  void read_policy_table(const json& value, std::string pointer);
  void read_zones(const json& value, const std::string& pointer);
  void read_zone(const std::string& name, const json& value, std::string pointer);
  void read_roles(const json& value, const std::string& pointer);
  void read_role(const std::string& name, const json& value, std::string pointer);
  SparkplugTypes read_types(TableReader& table, SparkplugTypes if_absent, SparkplugTypes always);
  void read_conduits(const json& value, const std::string& pointer);
  void read_conduit(const json& value, std::string pointer);
  void read_protection(TableReader& table, ConduitSpec& conduit);
  void read_limits(TableReader& table, ConduitSpec& conduit);
  void read_times(TableReader& table, ConduitSpec& conduit);
  std::optional<std::size_t> zone_end(TableReader& table, std::string_view key);
  void read_users(const json& value, const std::string& pointer);
  std::vector<std::size_t> role_list(TableReader& table);
  void check_name(std::string_view kind, const std::string& name, const std::string& pointer);
  void count_rules();

  PolicyReport& report_;
  PolicySpec& spec_;
  Words zone_names_;
  Words role_names_;
  ClientIdRule client_id_ = ClientIdRule::bind;
};

void DocumentReader::check_name(std::string_view kind, const std::string& name,
                                const std::string& pointer) {
  if (name == unowned_zone && kind == "zone") {
    report_.error(pointer, "\"unowned\" stands for topics without an owner",
                  "give the zone another name");
  } else if (!is_safe_name(name)) {
    report_.error(pointer, fmt::format("this is no name for a {}", kind),
                  "use 1 to 64 of A-Z a-z 0-9 . _ : @ -");
  }
}

void DocumentReader::read_policy_table(const json& value, std::string pointer) {
  TableReader table(report_, value, std::move(pointer));
  table.text("shadow");
  if (const auto rule = table.choice("client_id", client_id_words)) {
    client_id_ = static_cast<ClientIdRule>(*rule);
  }
  table.finish();
}

void DocumentReader::read_zones(const json& value, const std::string& pointer) {
  if (!value.is_object() || value.empty()) {
    report_.error(pointer, "there is no zone",
                  "write at least one zone: without zones nobody may do anything");
    return;
  }
  if (value.size() > limits::policy_zones_max) {
    report_.error(pointer, fmt::format("{} zones", value.size()),
                  fmt::format("at most {} are possible", limits::policy_zones_max));
    return;
  }
  for (const auto& [name, zone] : value.items()) {
    zone_names_.push_back(name);
    read_zone(name, zone, join_pointer(pointer, name));
  }
}

void DocumentReader::read_zone(const std::string& name, const json& value, std::string pointer) {
  check_name("zone", name, pointer);
  TableReader table(report_, value, std::move(pointer));
  ZoneSpec zone;
  ZoneFacts& facts = zone.facts;
  facts.name = name;
  zone.pointer = table.pointer();
  table.require("sl_t", "the zone's target level, sl_t = 1 to 4");
  if (const auto level = table.integer("sl_t", 1, 4)) {
    facts.sl_t = static_cast<std::uint8_t>(*level);
  }
  zone.owns = table.filters("owns", TableReader::VariableUse::none);
  zone.command_topics = table.filters("command_topics", TableReader::VariableUse::none);
  for (const FilterSpec& filter : zone.owns) {
    if (judged_topic(filter.text) != filter.text) {
      report_.error(filter.pointer, fmt::format("\"{}\" stands for other topics", filter.text),
                    "own those: who may use them may use this");
    }
  }
  const auto choose = [&]<class T>(T& fact, std::string_view key, const Words& words) {
    if (const auto chosen = table.choice(key, words)) fact = static_cast<T>(*chosen);
  };
  // Revoked while connected: at a high target level at once, below it work goes on.
  facts.on_expiry = facts.sl_t >= certificate_strength ? OnExpiry::disconnect : OnExpiry::keep;
  facts.client_id = client_id_;
  facts.checks_origin = table.boolean("check_origin").value_or(facts.sl_t >= 2);
  choose(facts.overlap, "overlap", overlap_words);
  choose(facts.on_revoke, "on_revoke", on_revoke_words);
  choose(facts.on_deny, "on_deny", on_deny_words);
  choose(facts.on_expiry, "on_expiry", on_expiry_words);
  choose(facts.client_id, "client_id", client_id_words);
  table.finish();
  spec_.zones.push_back(std::move(zone));
}

void DocumentReader::read_roles(const json& value, const std::string& pointer) {
  if (!value.is_object() || value.empty()) {
    report_.error(pointer, "there is no role",
                  "write at least one role: without roles nobody may do anything");
    return;
  }
  if (value.size() > limits::policy_roles_max) {
    report_.error(pointer, fmt::format("{} roles", value.size()),
                  fmt::format("at most {} are possible", limits::policy_roles_max));
    return;
  }
  for (const auto& [name, role] : value.items()) {
    role_names_.push_back(name);
    read_role(name, role, join_pointer(pointer, name));
  }
}

void DocumentReader::read_role(const std::string& name, const json& value, std::string pointer) {
  check_name("role", name, pointer);
  TableReader table(report_, value, std::move(pointer));
  RoleSpec role;
  role.name = name;
  role.pointer = table.pointer();
  role.publish = table.filters("publish", TableReader::VariableUse::of_role, name);
  role.subscribe = table.filters("subscribe", TableReader::VariableUse::of_role, name);
  role.deny = table.filters("deny", TableReader::VariableUse::of_role, name);
  for (const auto* list : {&role.publish, &role.subscribe}) {
    for (const FilterSpec& filter : *list) {
      if (judged_topic(filter.text) == filter.text) continue;
      report_.error(filter.pointer, fmt::format("\"{}\" stands for other topics", filter.text),
                    "allow those: who may use them may use this");
    }
  }
  role.publishes = read_types(table, sparkplug_data, sparkplug_data);
  if (const auto areas = table.words("sys")) {
    for (const TableReader::Word& area : *areas) {
      const auto found = std::ranges::find(sys_words, area.text);
      if (found == sys_words.end()) {
        report_.error(area.pointer, "there is no such part of $SYS",
                      meant_advice(area.text, sys_words));
        continue;
      }
      role.sys = static_cast<std::uint8_t>(role.sys | 1u << (found - sys_words.begin()));
    }
  }
  table.finish();
  spec_.roles.push_back(std::move(role));
}

/// A list of Sparkplug types; "*" is all. What is no Sparkplug message is always among them.
SparkplugTypes DocumentReader::read_types(TableReader& table, SparkplugTypes if_absent,
                                          SparkplugTypes always) {
  const auto words = table.words("sparkplug");
  if (!words) return if_absent;
  unsigned types = always | bit_of(SparkplugType::none);
  for (const TableReader::Word& word : *words) {
    const auto type = sparkplug_type(word.text);
    if (type) {
      types |= bit_of(*type);
    } else if (word.text == "*") {
      types = sparkplug_all;
    } else {
      report_.error(word.pointer, "there is no such Sparkplug type",
                    meant_advice(word.text, type_words(true)));
    }
  }
  return static_cast<SparkplugTypes>(types);
}

void DocumentReader::read_conduits(const json& value, const std::string& pointer) {
  if (!value.is_array()) {
    report_.error(pointer, fmt::format("expected a list, found a {}", value.type_name()),
                  "write each conduit as a [[conduits]] table");
    return;
  }
  if (value.size() > limits::policy_conduits_max) {
    report_.error(pointer, fmt::format("{} conduits", value.size()),
                  fmt::format("at most {} are possible", limits::policy_conduits_max));
    return;
  }
  for (std::size_t i = 0; i < value.size(); ++i) read_conduit(value[i], join_pointer(pointer, i));
}

std::optional<std::size_t> DocumentReader::zone_end(TableReader& table, std::string_view key) {
  if (table.require(key, "the zone's name") == nullptr) return std::nullopt;
  const auto name = table.text(key);
  if (!name) return std::nullopt;
  if (*name == "*") {
    report_.error(table.pointer_of(key), "a conduit leads from one zone to one other",
                  "write one conduit for each pair of zones");
    return std::nullopt;
  }
  const auto found = std::ranges::find(zone_names_, *name);
  if (found != zone_names_.end()) return static_cast<std::size_t>(found - zone_names_.begin());
  report_.error(table.pointer_of(key), "there is no zone of this name",
                meant_advice(*name, zone_names_));
  return std::nullopt;
}

std::vector<std::size_t> DocumentReader::role_list(TableReader& table) {
  std::vector<std::size_t> roles;
  const auto words = table.words("roles");
  if (!words) return roles;
  for (const TableReader::Word& role : *words) {
    const auto found = std::ranges::find(role_names_, role.text);
    if (found == role_names_.end()) {
      report_.error(role.pointer, "there is no role of this name",
                    meant_advice(role.text, role_names_));
    } else {
      roles.push_back(static_cast<std::size_t>(found - role_names_.begin()));
    }
  }
  return roles;
}

void DocumentReader::read_conduit(const json& value, std::string pointer) {
  TableReader table(report_, value, std::move(pointer));
  ConduitSpec conduit;
  conduit.pointer = table.pointer();
  const auto from = zone_end(table, "from");
  const auto to = zone_end(table, "to");
  table.require("topics", "the Topic Filters that may cross");
  conduit.topics = table.filters("topics", TableReader::VariableUse::of_conduit);
  conduit.except = table.filters("except", TableReader::VariableUse::of_conduit);
  if (const json* topics = table.find("topics"); topics != nullptr && topics->empty()) {
    report_.error(table.pointer_of("topics"), "a conduit without topics", "name what may cross");
  }
  if (const auto via = table.choice("via", via_words)) {
    conduit.via_publish = *via != 2;
    conduit.via_subscribe = *via != 1;
  }
  conduit.roles = role_list(table);
  if (const json* roles = table.find("roles"); roles != nullptr && roles->empty()) {
    report_.error(table.pointer_of("roles"), "an empty list of roles lets nobody through",
                  "name roles, or leave the key out: then any role will do");
  }
  conduit.types = read_types(table, sparkplug_data, 0);
  conduit.allows_commands = table.choice("commands", yes_no_words).value_or(0) == 1;
  if (from && to && *from == *to) {
    report_.error(conduit.pointer, "a conduit from a zone to itself",
                  "inside a zone roles decide; take the conduit out");
  }
  conduit.from = from.value_or(0);
  conduit.to = to.value_or(0);
  conduit.is_monitor = table.choice("mode", mode_words).value_or(0) == 1;
  const bool ends_known = from && to && spec_.zones.size() == zone_names_.size();
  if (ends_known) read_protection(table, conduit);
  read_limits(table, conduit);
  read_times(table, conduit);
  if (ends_known) {
    table.finish();
    spec_.conduits.push_back(std::move(conduit));
  }
}

void DocumentReader::read_protection(TableReader& table, ConduitSpec& conduit) {
  const ZoneFacts& from = spec_.zones[conduit.from].facts;
  const ZoneFacts& to = spec_.zones[conduit.to].facts;
  const std::uint8_t level = std::max(from.sl_t, to.sl_t);
  conduit.min_strength = level;
  if (const auto strength = table.integer("min_strength", 0, 4)) {
    conduit.min_strength = static_cast<std::uint8_t>(*strength);
    if (conduit.min_strength < level) {
      report_.lint(table.pointer_of("min_strength"),
                   fmt::format("{} is below {}, the higher sl_t of \"{}\" and \"{}\"", *strength,
                               level, from.name, to.name),
                   "leave it out, or write down why the weaker proof is enough");
    }
  }
  if (const auto tls = table.choice("min_tls", tls_words)) {
    conduit.min_tls = *tls == 0 ? 0 : *tls == 1 ? 12 : 13;
    if (*tls == 0 && level > 1) {
      report_.error(table.pointer_of("min_tls"),
                    fmt::format("without TLS only between zones of sl_t 1; here it is {}", level),
                    "write \"1.2\" or \"1.3\", or leave it out");
    }
  }
  if (conduit.is_monitor && level > 2) {
    report_.error(table.pointer_of("mode"),
                  fmt::format("\"monitor\" lets everything through, and sl_t is {}", level),
                  "it is for zones of sl_t 1 and 2: write \"enforce\"");
  }
}

void DocumentReader::read_limits(TableReader& table, ConduitSpec& conduit) {
  if (const auto qos = table.integer("qos_max", 0, 2)) conduit.qos_max = static_cast<QoS>(*qos);
  conduit.retain = table.boolean("retain").value_or(true);
  conduit.messages_per_s = table.parsed("rate", parse_rate, "\"20/s\" or \"100/min\"").value_or(0);
  conduit.bytes_per_s =
      table.parsed("bytes", parse_byte_rate, "\"5MB/s\" or \"64KiB/s\"").value_or(0);
  const json* payload = table.find("max_payload");
  if (payload == nullptr) return;
  constexpr std::uint64_t payload_max = 0xFFFFFFFF;
  if (!payload->is_string()) {
    const auto size = table.integer("max_payload", 0, payload_max);
    if (size) conduit.max_payload = static_cast<std::uint32_t>(*size);
    return;
  }
  const auto size = table.parsed("max_payload", parse_size, "65536 or \"64KiB\"");
  if (!size) return;
  if (*size > payload_max) {
    table.bad_value("max_payload", payload->get<std::string>(), "65536 or \"64KiB\"");
  }
  conduit.max_payload = static_cast<std::uint32_t>(std::min(*size, payload_max));
}

void DocumentReader::read_times(TableReader& table, ConduitSpec& conduit) {
  constexpr std::string_view hours_example = "\"mon-fri 06:00-18:00\" or \"22:00-06:00 +01:00\"";
  constexpr std::string_view until_example = "\"2026-12-01T18:00:00Z\"";
  conduit.until = table.parsed("until", parse_time, until_example);
  const json* hours = table.find("hours");
  if (hours == nullptr) return;
  if (hours->is_string()) {
    const auto window = table.parsed("hours", parse_window, hours_example);
    if (window) conduit.hours.push_back(*window);
    return;
  }
  const auto words = table.words("hours");
  if (!words) return;
  if (words->empty()) {
    report_.error(table.pointer_of("hours"), "an empty list of hours is no time at all",
                  "leave the key out: then it is open always");
  }
  for (const TableReader::Word& word : *words) {
    if (const auto window = parse_window(word.text)) {
      conduit.hours.push_back(*window);
    } else {
      report_.error(word.pointer, "this is no part of a week",
                    fmt::format("write it like {}", hours_example));
    }
  }
}

/// Whom they name is compiled with the certificates; here the names must lead somewhere.
void DocumentReader::read_users(const json& value, const std::string& pointer) {
  if (!value.is_object()) {
    report_.error(pointer, fmt::format("expected a table, found a {}", value.type_name()),
                  "write one table for each user");
    return;
  }
  for (const auto& [name, user] : value.items()) {
    TableReader table(report_, user, join_pointer(pointer, name));
    zone_end(table, "zone");
    role_list(table);
    table.finish();
  }
}

void DocumentReader::count_rules() {
  std::size_t count = spec_.zones.size() + spec_.roles.size() + spec_.conduits.size();
  for (const ZoneSpec& zone : spec_.zones) count += zone.owns.size() + zone.command_topics.size();
  for (const RoleSpec& role : spec_.roles) {
    count += role.publish.size() + role.subscribe.size() + role.deny.size();
  }
  for (const ConduitSpec& conduit : spec_.conduits) {
    count += conduit.topics.size() + conduit.except.size();
  }
  if (count <= limits::policy_rules_max) return;
  report_.error("", fmt::format("{} rules and filters", count),
                fmt::format("at most {} are possible", limits::policy_rules_max));
}

}  // namespace

PolicySpec read_policy(const json& document, PolicyReport& report) {
  PolicySpec spec;
  DocumentReader(report, spec).read(document);
  return spec;
}

bool ConduitSpec::is_active(WallTime now) const {
  if (until && now >= *until) return false;
  return hours.empty() ||
         std::ranges::any_of(hours, [&](const WeekWindow& window) { return window.contains(now); });
}

}  // namespace lineshaft::auth
