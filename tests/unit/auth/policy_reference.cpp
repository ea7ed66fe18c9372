#include "tests/unit/auth/policy_reference.h"

#include <algorithm>
#include <ctime>

#include "broker/core/topic_name.h"

namespace lineshaft::auth::reference {
namespace {

using nlohmann::json;

bool has(const Texts& texts, std::string_view text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

Texts levels_of(std::string_view topic) {
  Texts levels = {""};
  for (const char c : topic) {
    if (c == '/') {
      levels.emplace_back();
    } else {
      levels.back() += c;
    }
  }
  return levels;
}

bool is_harmless(std::string_view name) {
  const std::string_view good =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@-";
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of(good) == std::string_view::npos;
}

/// The filter with names for variables; nullopt: a name must not stand there.
std::optional<std::string> filled(std::string filter, const Question& question,
                                  std::string_view role) {
  const std::pair<std::string, std::string_view> known[] = {{"${name}", question.who.name},
                                                            {"${zone}", question.who.zone},
                                                            {"${role}", role},
                                                            {"${client_id}", question.client_id}};
  for (const auto& [variable, value] : known) {
    for (std::size_t at; (at = filter.find(variable)) != std::string::npos;) {
      if (!is_harmless(value)) return std::nullopt;
      filter.replace(at, variable.size(), value);
    }
  }
  return filter;
}

bool matches(const std::string& filter, const Question& question, std::string_view role,
             std::string_view topic, bool if_unsafe) {
  const auto plain = filled(filter, question, role);
  return plain ? core::topic_matches_filter(topic, *plain) : if_unsafe;
}

bool any_matches(const Texts& filters, const Question& question, std::string_view role,
                 std::string_view topic, bool if_unsafe = false) {
  return std::any_of(filters.begin(), filters.end(), [&](const std::string& filter) {
    return matches(filter, question, role, topic, if_unsafe);
  });
}

/// The topic and those it stands for, the last of them last.
Texts stands_for(std::string topic) {
  Texts all = {topic};
  for (;;) {
    const Texts levels = levels_of(topic);
    std::size_t cut = 0;
    if (levels.size() > 1 && (levels[0] == "$lkv" || levels[0] == "$quarantine")) cut = 1;
    if (levels.size() > 2 && levels[0] == "$frame") cut = 2;
    if (levels.size() > 2 && levels[0] == "$sparkplug" && levels[1] == "certificates") cut = 2;
    if (cut == 0) return all;
    std::string rest = levels[cut];
    for (std::size_t i = cut + 1; i < levels.size(); ++i) rest += "/" + levels[i];
    topic = rest;
    all.push_back(topic);
  }
}

std::string sparkplug_of(std::string_view topic) {
  const Texts levels = levels_of(topic);
  const Texts types = {"NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA", "NCMD", "DCMD"};
  if (levels.size() == 2 && levels[0] == "STATE") return "STATE";
  if (levels.size() < 2 || levels[0] != "spBv1.0") return "";
  if (levels.size() == 3 && levels[1] == "STATE") return "STATE";
  if (levels.size() > 2 && has(types, levels[2])) return levels[2];
  return levels[1] == "STATE" ? "STATE" : "";
}

bool is_data(std::string_view type) {
  return type.empty() || has({"NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA"}, type);
}

std::string sys_part(std::string_view topic) {
  const Texts levels = levels_of(topic);
  if (levels.size() < 2 || levels[1] != "broker") return "nobody's";
  if (levels.size() > 2 && has({"audit", "security", "policy"}, levels[2])) return "audit";
  if (levels.size() > 4 && levels[2] == "clients") return "clients";
  return "metrics";
}

bool is_open(const Conduit& conduit, WallTime now) {
  const std::int64_t now_s = now.time_since_epoch().count() / 1000;
  if (conduit.until_s && now_s >= *conduit.until_s) return false;
  if (!conduit.hours) return true;
  const Hours& hours = *conduit.hours;
  // Minute by minute backwards: did a window begin that has not ended?
  const std::int64_t local_min = now_s / 60 + hours.offset_min;
  const int length = hours.end_min > hours.start_min ? hours.end_min - hours.start_min
                                                     : hours.end_min + 1440 - hours.start_min;
  for (std::int64_t begin = local_min; begin > local_min - length; --begin) {
    if (begin % 1440 != hours.start_min) continue;
    const int weekday = static_cast<int>((begin / 1440 + 3) % 7);
    const bool wraps = hours.last_day < hours.first_day;
    const bool on = wraps ? weekday >= hours.first_day || weekday <= hours.last_day
                          : weekday >= hours.first_day && weekday <= hours.last_day;
    if (on) return true;
  }
  return false;
}

const Zone* find_zone(const Policy& policy, std::string_view name) {
  for (const Zone& zone : policy.zones) {
    if (zone.name == name) return &zone;
  }
  return nullptr;
}

bool is_limited(const Conduit& conduit) {
  return conduit.qos_max.value_or(2) < 2 || !conduit.retain.value_or(true) || conduit.rate ||
         conduit.max_payload;
}

/// The first condition behind via and topics that fails.
PolicyReason condition(const Policy& policy, const Conduit& conduit, const Question& question,
                       const Texts& roles, std::string_view topic, std::string_view owner) {
  const bool has_role = conduit.roles.empty() ||
                        std::any_of(roles.begin(), roles.end(),
                                    [&](const auto& role) { return has(conduit.roles, role); });
  // Who has no role at all never gets here.
  if (!has_role) return PolicyReason::conduit_role;
  const int level =
      std::max(find_zone(policy, conduit.from)->sl_t, find_zone(policy, conduit.to)->sl_t);
  if (question.who.strength < conduit.min_strength.value_or(level)) {
    return PolicyReason::conduit_strength;
  }
  const std::string tls = conduit.min_tls.value_or("1.2");
  if (question.who.tls < (tls == "none" ? 0 : tls == "1.2" ? 12 : 13)) {
    return PolicyReason::conduit_tls;
  }
  const std::string type = sparkplug_of(topic);
  const bool type_passes = !conduit.sparkplug ? is_data(type)
                                              : type.empty() || has(*conduit.sparkplug, type) ||
                                                    has(*conduit.sparkplug, "*");
  if (!type_passes) return PolicyReason::conduit_spb;
  const bool is_command =
      any_matches(find_zone(policy, owner)->command_topics, question, "", topic);
  if (is_command && !conduit.commands) return PolicyReason::conduit_command;
  const bool publishes = question.op != Op::deliver;
  const MessageAttributes& message = question.attributes;
  if (publishes && static_cast<int>(message.qos) > conduit.qos_max.value_or(2)) {
    return PolicyReason::conduit_qos;
  }
  if (publishes && message.retain && !conduit.retain.value_or(true)) {
    return PolicyReason::conduit_retain;
  }
  if (conduit.max_payload && message.size_bytes > static_cast<unsigned>(*conduit.max_payload)) {
    return PolicyReason::conduit_size;
  }
  return PolicyReason::allowed;
}

/// Everything a conduit asks; `allowed`, or the first thing that fails.
PolicyReason result(const Policy& policy, const Conduit& conduit, WallTime now,
                    const Question& question, const Texts& roles, std::string_view topic,
                    std::string_view owner) {
  const std::string via = conduit.via.value_or("both");
  const bool right_way =
      via == "both" || via == (question.op == Op::deliver ? "subscribe" : "publish");
  if (!right_way) return PolicyReason::conduit_via;
  const bool has_topic = any_matches(conduit.topics, question, "", topic) &&
                         !any_matches(conduit.except, question, "", topic, true);
  if (!has_topic) return PolicyReason::conduit_topic;
  const PolicyReason failed = condition(policy, conduit, question, roles, topic, owner);
  if (failed != PolicyReason::allowed) return failed;
  return is_open(conduit, now) ? PolicyReason::allowed : PolicyReason::conduit_time;
}

Answer no(PolicyReason reason) {
  Answer denial;
  denial.reason = reason;
  return denial;
}

Answer yes() {
  Answer allowance;
  allowance.allow = true;
  allowance.reason = PolicyReason::allowed;
  return allowance;
}

Answer through(const Conduit& conduit, std::size_t index, const Question& question) {
  Answer allowance = yes();
  allowance.conduit = static_cast<int>(index);
  allowance.has_bucket = conduit.rate.has_value();
  allowance.monitored = conduit.monitor;
  if (conduit.monitor || question.op != Op::deliver) return allowance;
  allowance.qos_max = conduit.qos_max.value_or(2);
  allowance.strips_retain = !conduit.retain.value_or(true);
  return allowance;
}

Answer across(const Policy& policy, const Overrides& overrides, WallTime now,
              const Question& question, const Texts& roles, std::string_view topic,
              const std::string& owner) {
  const bool delivers = question.op == Op::deliver;
  const std::string& from = delivers ? owner : question.who.zone;
  const std::string& to = delivers ? question.who.zone : owner;
  if (has(overrides.islands, from) || has(overrides.islands, to)) return no(PolicyReason::island);
  Answer denial = no(PolicyReason::no_conduit);
  for (const int turn : {0, 1, 2}) {
    for (std::size_t i = 0; i < policy.conduits.size(); ++i) {
      const Conduit& conduit = policy.conduits[i];
      const int its_turn = conduit.monitor ? 2 : is_limited(conduit) ? 1 : 0;
      if (conduit.from != from || conduit.to != to || its_turn != turn) continue;
      const PolicyReason failed = result(policy, conduit, now, question, roles, topic, owner);
      // Watching is about a conduit's conditions, not about where and when there is one.
      const bool watched = conduit.monitor && failed != PolicyReason::conduit_via &&
                           failed != PolicyReason::conduit_topic && is_open(conduit, now);
      if (failed == PolicyReason::allowed || watched) {
        Answer allowance = through(conduit, i, question);
        allowance.reason = failed;
        return allowance;
      }
      if (denial.reason == PolicyReason::no_conduit || failed > denial.reason) {
        denial.reason = failed;
        denial.conduit = static_cast<int>(i);
      }
    }
  }
  return denial;
}

Texts roles_of(const Policy& policy, const Overrides& overrides, WallTime now,
               const core::Principal& who) {
  Texts roles = who.roles;
  for (const Overrides::BreakGlass& lent : overrides.break_glass) {
    if (now < lent.until && lent.who.matches(who)) roles.push_back(lent.role);
  }
  Texts known;
  for (const Role& role : policy.roles) {
    if (has(roles, role.name)) known.push_back(role.name);
  }
  return known;
}

bool may_publish_type(const Role& role, std::string_view type) {
  return is_data(type) || has(role.sparkplug, type) || has(role.sparkplug, "*");
}

/// What the roles say, denials aside. `named`: a filter without wildcard and variable does.
PolicyReason by_roles(const std::vector<Role>& roles, const Question& question,
                      std::string_view topic, bool& named) {
  const std::string type = sparkplug_of(topic);
  bool allowed = false;
  bool wrong_type = false;
  for (const Role& role : roles) {
    const bool publishes = question.op != Op::deliver;
    for (const std::string& filter : publishes ? role.publish : role.subscribe) {
      if (!matches(filter, question, role.name, topic, false)) continue;
      if (publishes && !may_publish_type(role, type)) {
        wrong_type = true;
        continue;
      }
      allowed = true;
      named |= filter.find_first_of("+#$") == std::string::npos;
    }
  }
  if (allowed) return PolicyReason::allowed;
  return wrong_type ? PolicyReason::role_spb : PolicyReason::role_no_allow;
}

}  // namespace

std::pair<int, int> specificity(std::string_view filter) {
  int prefix = 0;
  int literals = 0;
  bool wild = false;
  for (const std::string& level : levels_of(filter)) {
    if (level == "+" || level == "#") {
      wild = true;
      continue;
    }
    ++literals;
    if (!wild) ++prefix;
  }
  return {prefix, literals};
}

std::string owner_of(const Policy& policy, std::string_view topic) {
  std::string owner;
  std::pair<int, int> best{-1, -1};
  for (const Zone& zone : policy.zones) {
    for (const std::string& filter : zone.owns) {
      if (!core::topic_matches_filter(topic, filter) || specificity(filter) <= best) continue;
      best = specificity(filter);
      owner = zone.name;
    }
  }
  return owner;
}

Answer answer(const Policy& policy, const Overrides& overrides, WallTime now,
              const Question& question) {
  const Zone* zone = find_zone(policy, question.who.zone);
  if (zone == nullptr) return no(PolicyReason::no_zone_claim);
  for (const Overrides::Quarantine& one : overrides.quarantined) {
    if (now < one.until && one.who.matches(question.who)) return no(PolicyReason::quarantined);
  }
  if (question.who.strength < zone->sl_t) return no(PolicyReason::strength);
  const Texts steps = stands_for(std::string(question.topic));
  const std::string topic = steps.back();
  const bool is_topic = !topic.empty() && topic.find_first_of("+#") == std::string::npos;
  if (!is_topic) return no(PolicyReason::topic_invalid);
  if (question.op == Op::admin) return no(PolicyReason::role_no_allow);
  const Texts names = roles_of(policy, overrides, now, question.who);
  std::vector<Role> roles;
  for (const Role& role : policy.roles) {
    if (has(names, role.name)) roles.push_back(role);
  }
  for (const Role& role : roles) {
    const bool is_denied = std::any_of(steps.begin(), steps.end(), [&](const std::string& step) {
      return any_matches(role.deny, question, role.name, step, true);
    });
    if (is_denied) return no(PolicyReason::role_deny);
  }
  if (levels_of(topic)[0] == "$SYS") {
    const bool reads = question.op == Op::deliver &&
                       std::any_of(roles.begin(), roles.end(), [&](const Role& role) {
                         return has(role.sys, sys_part(topic));
                       });
    return reads ? yes() : no(PolicyReason::role_no_allow);
  }
  bool named = false;
  const PolicyReason by_role = by_roles(roles, question, topic, named);
  if (by_role != PolicyReason::allowed) return no(by_role);
  const std::string owner = owner_of(policy, topic);
  if (owner == zone->name) return yes();
  if (owner.empty() && has(overrides.islands, zone->name)) return no(PolicyReason::island);
  if (owner.empty()) return named ? yes() : no(PolicyReason::topic_unowned);
  return across(policy, overrides, now, question, names, topic, owner);
}

namespace {

std::string clock_text(int minutes) {
  char text[8];
  std::snprintf(text, sizeof text, "%02d:%02d", minutes / 60 % 100, minutes % 60);
  return text;
}

std::string hours_text(const Hours& hours) {
  const Texts days = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  std::string text = days[static_cast<std::size_t>(hours.first_day)] + "-" +
                     days[static_cast<std::size_t>(hours.last_day)] + " " +
                     clock_text(hours.start_min) + "-" + clock_text(hours.end_min);
  if (hours.offset_min == 0) return text;
  return text + (hours.offset_min < 0 ? " -" : " +") + clock_text(std::abs(hours.offset_min));
}

std::string until_text(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

json conduit_json(const Conduit& conduit) {
  json out = {{"from", conduit.from}, {"to", conduit.to}, {"topics", conduit.topics}};
  if (!conduit.except.empty()) out["except"] = conduit.except;
  if (conduit.via) out["via"] = *conduit.via;
  if (!conduit.roles.empty()) out["roles"] = conduit.roles;
  if (conduit.min_strength) out["min_strength"] = *conduit.min_strength;
  if (conduit.min_tls) out["min_tls"] = *conduit.min_tls;
  if (conduit.sparkplug) out["sparkplug"] = *conduit.sparkplug;
  if (conduit.commands) out["commands"] = "allow";
  if (conduit.qos_max) out["qos_max"] = *conduit.qos_max;
  if (conduit.retain) out["retain"] = *conduit.retain;
  if (conduit.rate) out["rate"] = *conduit.rate;
  if (conduit.max_payload) out["max_payload"] = *conduit.max_payload;
  if (conduit.hours) out["hours"] = hours_text(*conduit.hours);
  if (conduit.until_s) out["until"] = until_text(*conduit.until_s);
  if (conduit.monitor) out["mode"] = "monitor";
  return out;
}

}  // namespace

json to_json(const Policy& policy) {
  json document = {
      {"zones", json::object()}, {"roles", json::object()}, {"conduits", json::array()}};
  for (const Zone& zone : policy.zones) {
    document["zones"][zone.name] = {
        {"sl_t", zone.sl_t}, {"owns", zone.owns}, {"command_topics", zone.command_topics}};
  }
  for (const Role& role : policy.roles) {
    document["roles"][role.name] = {{"publish", role.publish},
                                    {"subscribe", role.subscribe},
                                    {"deny", role.deny},
                                    {"sparkplug", role.sparkplug},
                                    {"sys", role.sys}};
  }
  for (const Conduit& conduit : policy.conduits) {
    document["conduits"].push_back(conduit_json(conduit));
  }
  return document;
}

}  // namespace lineshaft::auth::reference
