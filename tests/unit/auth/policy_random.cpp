#include "tests/unit/auth/policy_random.h"

#include <algorithm>
#include <utility>

#include "auth/filter_relation.h"

namespace lineshaft::auth::reference {
namespace {

const Texts common_levels = {"p", "q", "a", "b"};
const Texts rare_levels = {"n1", "c1", "z0", "r0", "", "NCMD", "STATE", "spBv1.0"};
const Texts type_names = {"NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH",
                          "DDATA",  "NCMD",   "DCMD",  "STATE"};
const Texts zone_names = {"z0", "z1", "z2", "z3"};
const Texts role_names = {"r0", "r1", "r2", "r3", "r4"};
const Texts names = {"n1", "n2", "no good", "a/b", ""};
const Texts client_ids = {"c1", "c2", "c+", ""};
constexpr std::int64_t minutes_per_week = 7 * 24 * 60;

}  // namespace

std::string Chance::level() { return one_in(6) ? pick(rare_levels) : pick(common_levels); }

std::string Chance::topic() {
  switch (below(12)) {
    case 0:
      return "spBv1.0/" + pick(common_levels) + "/" + pick(type_names) + "/" + level();
    case 1:
      return "spBv1.0/STATE/" + level() + (one_in(3) ? "/" + level() : "");
    case 2:
      return one_in(2) ? "STATE/" + level() : "spBv1.0/a/" + pick(type_names);
    case 3: {
      const Texts roots = {"$SYS/broker/load",
                           "$SYS/broker/clients/c1/since",
                           "$SYS/broker/clients/all",
                           "$SYS/broker/audit/head",
                           "$SYS/other",
                           "$x/" + level()};
      return pick(roots);
    }
    case 4: {
      const Texts roots = {"$lkv/",   "$frame/10s/", "$quarantine/", "$sparkplug/certificates/",
                           "$frame/", "$sparkplug/"};
      return pick(roots) + (one_in(4) ? topic() : level() + "/" + level());
    }
    default:
      break;
  }
  std::string topic = level();
  for (std::size_t more = below(4); more > 0; --more) topic += "/" + level();
  // An empty level alone is no topic.
  return topic.empty() ? "p" : topic;
}

std::string Chance::filter(bool variables, bool role) {
  if (one_in(16)) return "#";
  std::string topic;
  do {
    topic = this->topic();
  } while (topic.starts_with('$') && (topic.starts_with("$SYS") || !topic.starts_with("$x")));
  std::string filter;
  std::size_t begin = 0;
  for (std::size_t depth = 0;; ++depth) {
    const std::size_t end = std::min(topic.find('/', begin), topic.size());
    std::string level = topic.substr(begin, end - begin);
    if (depth > 0) filter += '/';
    if (one_in(7)) return filter + "#";
    if (one_in(5)) level = "+";
    const Texts known = {"${name}", "${client_id}", "${zone}", "${zone}-${name}", "x${name}"};
    if (variables && one_in(8)) level = pick(known);
    if (role && one_in(16)) level = "${role}";
    filter += level;
    if (end == topic.size()) return filter;
    begin = end + 1;
  }
}

std::string Chance::topic_of(const std::string& filter) {
  std::string topic;
  std::size_t begin = 0;
  for (std::size_t depth = 0;; ++depth) {
    const std::size_t end = std::min(filter.find('/', begin), filter.size());
    const std::string level = filter.substr(begin, end - begin);
    if (level == "#" && !topic.empty() && one_in(4)) return topic;
    if (level == "#" && depth == 0) return this->topic();
    if (depth > 0) topic += '/';
    topic += level == "+" || level == "#" ? this->level() : level;
    if (level == "#") {
      for (std::size_t more = below(3); more > 0; --more) topic += "/" + this->level();
    }
    if (end == filter.size()) return topic.empty() ? "p" : topic;
    begin = end + 1;
  }
}

Texts Chance::filters(std::size_t max, bool variables, bool role) {
  Texts filters(below(max + 1));
  for (std::string& one : filters) one = filter(variables, role);
  return filters;
}

Texts Chance::types(std::size_t max) {
  Texts types(below(max + 1));
  for (std::string& one : types) one = one_in(8) ? "*" : pick(type_names);
  return types;
}

/// Owners that no two zones quarrel about.
void Chance::add_owns(Policy& policy) {
  for (Zone& zone : policy.zones) {
    for (std::size_t tries = 1 + below(4); tries > 0; --tries) {
      const std::string own = filter(false);
      const bool quarrels =
          std::any_of(policy.zones.begin(), policy.zones.end(), [&](const Zone& other) {
            return &other != &zone &&
                   std::any_of(other.owns.begin(), other.owns.end(), [&](const std::string& its) {
                     return specificity(its) == specificity(own) && intersects(its, own);
                   });
          });
      if (!quarrels) zone.owns.push_back(own);
    }
    zone.command_topics = filters(1, false);
  }
}

void Chance::limit(Conduit& conduit) {
  if (one_in(3)) conduit.qos_max = static_cast<int>(below(3));
  if (one_in(4)) conduit.retain = one_in(2);
  if (one_in(4)) conduit.rate = "20/s";
  if (one_in(4)) conduit.max_payload = static_cast<int>(below(2) * 100);
}

Conduit Chance::conduit(const Policy& policy) {
  Conduit conduit;
  const Zone& from = pick(policy.zones);
  const Zone* to = &from;
  while (to == &from) to = &pick(policy.zones);
  conduit.from = from.name;
  conduit.to = to->name;
  const int level = std::max(from.sl_t, to->sl_t);
  conduit.topics = filters(2, true);
  conduit.topics.push_back(filter(true));
  if (one_in(3)) conduit.except = filters(2, true);
  if (one_in(2)) conduit.via = pick(Texts{"both", "publish", "subscribe"});
  if (one_in(3)) conduit.roles = {pick(policy.roles).name};
  if (one_in(4)) conduit.min_strength = static_cast<int>(below(5));
  if (one_in(4)) conduit.min_tls = level == 1 && one_in(2) ? "none" : one_in(2) ? "1.2" : "1.3";
  if (one_in(3)) conduit.sparkplug = types(3);
  conduit.commands = one_in(3);
  if (one_in(2)) limit(conduit);
  if (one_in(5)) {
    conduit.hours =
        Hours{static_cast<int>(below(7)), static_cast<int>(below(7)), static_cast<int>(below(1440)),
              static_cast<int>(below(1441)), static_cast<int>(below(29)) * 60 - 840};
  }
  if (one_in(6)) {
    const std::int64_t until = time().time_since_epoch().count() / 1000;
    conduit.until_s = until;
  }
  conduit.monitor = level <= 2 && one_in(6);
  return conduit;
}

Policy Chance::policy() {
  Policy policy;
  policy.zones.resize(2 + below(3));
  for (std::size_t i = 0; i < policy.zones.size(); ++i) {
    policy.zones[i].name = zone_names[i];
    policy.zones[i].sl_t = 1 + static_cast<int>(below(one_in(2) ? 2 : 4));
  }
  add_owns(policy);
  policy.roles.resize(1 + below(role_names.size()));
  for (std::size_t i = 0; i < policy.roles.size(); ++i) {
    Role& role = policy.roles[i];
    role.name = role_names[i];
    role.publish = filters(4, true, true);
    role.subscribe = filters(4, true, true);
    if (one_in(4)) role.deny = filters(2, true, true);
    if (one_in(2)) role.sparkplug = types(2);
    if (one_in(3)) role.sys = {pick(Texts{"metrics", "clients", "audit"})};
  }
  for (std::size_t count = below(8); count > 0; --count) {
    policy.conduits.push_back(conduit(policy));
  }
  return policy;
}

WallTime Chance::time() {
  constexpr std::int64_t monday_min = 29'388'960;
  const auto minute = static_cast<std::int64_t>(below(minutes_per_week));
  return WallTime{Milliseconds{(monday_min + minute) * 60'000}};
}

Overrides Chance::overrides(const Policy& policy, WallTime now) {
  Overrides overrides;
  const auto until = [&] { return now + Milliseconds{one_in(3) ? -1 : 60'000}; };
  const auto issuer = [&] {
    return one_in(2) ? std::nullopt : std::optional<std::string>(one_in(2) ? "ca" : "");
  };
  if (one_in(8)) overrides.quarantined.push_back({{pick(names), issuer()}, until()});
  if (one_in(8)) overrides.islands.push_back(pick(policy.zones).name);
  if (one_in(4)) {
    overrides.break_glass.push_back({{pick(names), issuer()}, pick(role_names), until()});
  }
  return overrides;
}

core::Principal Chance::principal(const Policy& policy) {
  core::Principal who;
  who.name = one_in(3) ? pick(names) : "n1";
  who.proof = core::Proof::certificate;
  who.strength = static_cast<std::uint8_t>(one_in(3) ? below(5) : 4);
  who.zone = one_in(16) ? "nowhere" : pick(policy.zones).name;
  who.tls = one_in(4) ? 0 : one_in(2) ? 12 : 13;
  who.issuer_spki = one_in(2) ? "ca" : "";
  for (std::size_t count = below(3) + (one_in(8) ? 0 : 1); count > 0; --count) {
    who.roles.push_back(one_in(8) ? "unknown" : pick(policy.roles).name);
  }
  std::sort(who.roles.begin(), who.roles.end());
  return who;
}

std::string Chance::client_id() { return one_in(3) ? pick(client_ids) : "c1"; }

MessageAttributes Chance::attributes() {
  return {static_cast<QoS>(below(3)), one_in(2), static_cast<std::uint32_t>(below(3) * 75)};
}

}  // namespace lineshaft::auth::reference
