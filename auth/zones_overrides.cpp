#include "auth/zones_overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "auth/json_fields.h"
#include "broker/base/audit.h"
#include "broker/base/limits.h"
#include "broker/base/log.h"

namespace lineshaft::auth {
namespace {

using nlohmann::json;
using State = core::RequestAnswer::State;

core::RequestAnswer refused_because(std::string_view why) {
  return {State::refused, json{{"error", why}}.dump()};
}

std::int64_t ms_of(WallTime time) { return time.time_since_epoch().count(); }

/// One and nobody else, or why not.
std::string settle(IdentityMatch& who, const IdentityConfig* identity) {
  if (identity == nullptr || who.is_whole()) return {};
  std::vector<IdentityMatch> all = possible_matches(*identity, who);
  if (all.empty()) return fmt::format("nobody can come in as {}", words_for(who));
  if (all.size() > 1) {
    std::string words;
    for (const IdentityMatch& one : all) words += (words.empty() ? "" : "; ") + words_for(one);
    return fmt::format("there can be several: {}. Say the zone, the issuer or the proof.", words);
  }
  who = std::move(all.front());
  return {};
}

}  // namespace

/// The fields of a request.
struct ZonesOverrides::Asked {
  std::string key;
  Item item;
  /// Who asks.
  std::string by;
};

std::string_view ZonesOverrides::family_of_kind(Kind kind) {
  static constexpr std::array<std::string_view, 3> names = {"quarantine", "island", "break_glass"};
  return names[static_cast<std::size_t>(kind)];
}

std::string ZonesOverrides::encode(const Item& item) {
  json value{{"what", item.what}, {"reason", item.reason}};
  add_match(value, item.who);
  if (item.until != WallTime::max()) value["until_ms"] = ms_of(item.until);
  return to_line(value);
}

bool ZonesOverrides::restore(std::string_view family, std::string_view key,
                             std::string_view value) {
  std::optional<Kind> kind;
  for (const Kind one : {Kind::quarantine, Kind::island, Kind::break_glass}) {
    if (family_of_kind(one) == family) kind = one;
  }
  if (!kind) return false;
  const json stored = json::parse(value, nullptr, false);
  std::string problem = "it is no JSON object";
  auto who = stored.is_object() ? read_match(stored, problem) : std::nullopt;
  if (!who) {
    LINESHAFT_LOG(auth, error, "override_unreadable", {"kind", family}, {"key", key},
                  {"why", problem}, {"effect", "it does not hold any more"});
    return false;
  }
  Item item{std::move(*who), text_in(stored, "what"), WallTime::max(), text_in(stored, "reason")};
  const auto until = stored.find("until_ms");
  if (until != stored.end() && until->is_number_integer()) {
    item.until = WallTime{Milliseconds{until->get<std::int64_t>()}};
  }
  // A role that is lent without an end is not lent.
  if (*kind == Kind::break_glass && item.until == WallTime::max()) return false;
  items_.insert_or_assign({*kind, std::string(key)}, std::move(item));
  return true;
}

Overrides ZonesOverrides::active() const {
  Overrides result;
  for (const auto& [place, item] : items_) {
    switch (place.first) {
      case Kind::quarantine:
        result.quarantined.push_back({item.who, item.until});
        break;
      case Kind::island:
        result.islands.push_back(item.what);
        break;
      case Kind::break_glass:
        result.break_glass.push_back({item.who, item.what, item.until});
        break;
    }
  }
  return result;
}

void ZonesOverrides::tell(std::string_view type, Kind kind, const Item& item, std::string_view by) {
  audit({.type = type,
         .zone = item.who.zone ? std::string_view(*item.who.zone) : std::string_view(),
         .identity = item.who.name,
         .address = by,
         .op = "admin",
         .topic = item.what,
         .reason = family_of_kind(kind),
         .rule = item.reason});
}

void ZonesOverrides::expire(WallTime now, core::Context& context) {
  for (auto at = items_.begin(); at != items_.end();) {
    if (now < at->second.until) {
      ++at;
      continue;
    }
    tell("override_over", at->first.first, at->second, {});
    LINESHAFT_LOG(auth, warn, "override_over", {"kind", family_of_kind(at->first.first)},
                  {"who", words_for(at->second.who)}, {"what", at->second.what});
    context.persist(family_of_kind(at->first.first), at->first.second, {});
    at = items_.erase(at);
  }
}

bool ZonesOverrides::end_lent(core::Context& context) {
  return std::erase_if(items_, [&](const auto& one) {
           const auto& [place, item] = one;
           if (place.first != Kind::break_glass) return false;
           tell("override_over", place.first, item, {});
           context.persist(family_of_kind(place.first), place.second, {});
           return true;
         }) > 0;
}

core::RequestAnswer ZonesOverrides::put(Kind kind, const Asked& asked, const Setting& setting) {
  Item item = asked.item;
  if (kind == Kind::break_glass) {
    if (!setting.policy.has_role(item.what)) return refused_because("there is no such role");
    const WallTime latest = setting.context.now().wall + limits::break_glass_max;
    if (item.until > latest) return refused_because("a role is lent for 4 hours at most");
    if (item.reason.empty()) return refused_because("a reason is needed");
  }
  const auto known = items_.find({kind, asked.key});
  // A rule makes nothing shorter: who is shut out earns no end by going on.
  if (asked.by == by_anomaly && known != items_.end() && known->second.until >= item.until) {
    return {State::done, "{}"};
  }
  item.is_kept = setting.context.persist(family_of_kind(kind), asked.key, encode(item));
  if (!item.is_kept) {
    // What takes rights away holds all the same, as long as it can.
    const auto unkept =
        std::ranges::count_if(items_, [](const auto& each) { return !each.second.is_kept; });
    if (kind == Kind::break_glass || unkept >= limits::unkept_overrides_max) {
      return refused_because("it cannot be kept: there are too many");
    }
  }
  const bool is_kept = item.is_kept;
  tell("override_set", kind, item, asked.by);
  LINESHAFT_LOG(auth, warn, "override_set", {"kind", family_of_kind(kind)},
                {"who", words_for(item.who)}, {"what", item.what}, {"why", item.reason},
                {"by", asked.by}, {"survives_restart", is_kept ? "yes" : "no"});
  items_.insert_or_assign({kind, asked.key}, std::move(item));
  changed_ = true;
  return {State::done, is_kept ? "{}" : R"({"kept":false})"};
}

core::RequestAnswer ZonesOverrides::end(Kind kind, const Asked& asked, core::Context& context) {
  auto found = items_.find({kind, asked.key});
  if (found == items_.end() && kind != Kind::island) {
    const auto fits = [&](const auto& each) {
      return each.first.first == kind && each.second.who.may_be(asked.item.who);
    };
    if (std::ranges::count_if(items_, fits) > 1) {
      return refused_because("there are several of that name: say the zone, issuer or proof");
    }
    found = std::ranges::find_if(items_, fits);
  }
  if (found == items_.end()) return refused_because("there is nothing to end");
  Item item = std::move(found->second);
  context.persist(family_of_kind(kind), found->first.second, {});
  items_.erase(found);
  changed_ = true;
  item.reason = asked.item.reason;
  tell("override_ended", kind, item, asked.by);
  LINESHAFT_LOG(auth, warn, "override_ended", {"kind", family_of_kind(kind)},
                {"who", words_for(item.who)}, {"what", item.what}, {"by", asked.by});
  return {State::done, "{}"};
}

core::RequestAnswer ZonesOverrides::list() const {
  json all = json::array();
  for (const auto& [place, item] : items_) {
    json one = json::parse(encode(item));
    one["kind"] = family_of_kind(place.first);
    if (!item.is_kept) one["kept"] = false;
    all.push_back(std::move(one));
  }
  return {State::done, to_line(json{{"overrides", std::move(all)}})};
}

core::RequestAnswer ZonesOverrides::switch_island(Asked asked, bool on, const Setting& setting) {
  if (!on) return end(Kind::island, asked, setting.context);
  if (setting.policy.zone(asked.item.what) == nullptr) {
    return refused_because("there is no such zone");
  }
  return put(Kind::island, asked, setting);
}

core::RequestAnswer ZonesOverrides::request(std::string_view verb, std::string_view body,
                                            const Setting& setting) {
  static constexpr std::array<std::string_view, 6> verbs = {
      "quarantine", "release", "island", "break_glass", "break_glass_end", "overrides"};
  if (std::ranges::find(verbs, verb) == verbs.end()) return {};
  if (verb == "overrides") return list();
  const json object = json::parse(body, nullptr, false);
  if (!object.is_object()) return refused_because("the body is no JSON object");
  Asked asked;
  asked.by = text_in(object, "by");
  asked.item.reason = text_in(object, "reason");
  if (verb == "island") {
    asked.key = asked.item.what = text_in(object, "zone");
    const auto on = object.find("on");
    if (on == object.end() || !on->is_boolean()) return refused_because("\"on\" is true or false");
    return switch_island(std::move(asked), on->get<bool>(), setting);
  }
  const auto ttl = object.find("ttl_s");
  if (ttl != object.end()) {
    const bool sane = ttl->is_number_integer() && ttl->get<std::int64_t>() > 0 &&
                      ttl->get<std::int64_t>() < std::int64_t{1} << 32;
    if (!sane) return refused_because("ttl_s is a number of seconds above 0");
    asked.item.until = setting.context.now().wall + Milliseconds{1000} * ttl->get<std::int64_t>();
  }
  std::string problem;
  auto who = read_match(object, problem);
  if (!who) return refused_because(problem);
  if (who->name.empty() && setting.subject != nullptr) who = match_of(setting.subject->principal);
  if (who->name.empty()) return refused_because("an identity or a client that is here is needed");
  const bool is_put = verb == "quarantine" || verb == "break_glass";
  if (is_put) problem = settle(*who, setting.identity);
  if (!problem.empty()) return refused_because(problem);
  asked.key = key_of(*who);
  asked.item.who = std::move(*who);
  const bool is_quarantine = verb == "quarantine" || verb == "release";
  const Kind kind = is_quarantine ? Kind::quarantine : Kind::break_glass;
  if (!is_put) return end(kind, asked, setting.context);
  asked.item.what = text_in(object, "role");
  return put(kind, asked, setting);
}

}  // namespace lineshaft::auth
