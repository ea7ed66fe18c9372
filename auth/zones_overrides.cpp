#include "auth/zones_overrides.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <vector>

#include "auth/hex.h"
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

}  // namespace

/// The fields of a request.
struct ZonesOverrides::Asked {
  std::string key;
  Item item;
};

std::string_view ZonesOverrides::family_of_kind(Kind kind) {
  static constexpr std::array<std::string_view, 3> names = {"quarantine", "island", "break_glass"};
  return names[static_cast<std::size_t>(kind)];
}

std::string ZonesOverrides::encode(const Item& item) {
  json value{{"identity", item.who.name}, {"what", item.what}, {"reason", item.reason}};
  if (item.who.issuer_spki) value["issuer"] = to_hex(*item.who.issuer_spki);
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
  const auto issuer = stored.is_object() && stored.contains("issuer")
                          ? from_hex(text_in(stored, "issuer"))
                          : std::optional<std::string>();
  if (!stored.is_object() || (stored.contains("issuer") && !issuer)) {
    LINESHAFT_LOG(auth, error, "override_unreadable", {"kind", family}, {"key", key},
                  {"effect", "it does not hold any more"});
    return false;
  }
  Item item{{text_in(stored, "identity"), issuer},
            text_in(stored, "what"),
            WallTime::max(),
            text_in(stored, "reason")};
  const auto until = stored.find("until_ms");
  if (until != stored.end() && until->is_number_integer()) {
    item.until = WallTime{Milliseconds{until->get<std::int64_t>()}};
  }
  // A role that is lent without an end is not lent.
  if (kind == Kind::break_glass && item.until == WallTime::max()) return false;
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

void ZonesOverrides::tell(std::string_view type, Kind kind, const Item& item) {
  audit({.type = type,
         .identity = item.who.name,
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
    tell("override_over", at->first.first, at->second);
    context.persist(family_of_kind(at->first.first), at->first.second, {});
    at = items_.erase(at);
  }
}

core::RequestAnswer ZonesOverrides::put(Kind kind, const Asked& asked, const PolicySnapshot& policy,
                                        core::Context& context) {
  if (kind == Kind::island && policy.zone(asked.item.what) == nullptr) {
    return refused_because("there is no such zone");
  }
  if (kind == Kind::break_glass) {
    if (!policy.has_role(asked.item.what)) return refused_because("there is no such role");
    const WallTime latest = context.now().wall + limits::break_glass_max;
    if (asked.item.until > latest) return refused_because("a role is lent for 4 hours at most");
    if (asked.item.reason.empty()) return refused_because("a reason is needed");
  }
  if (!context.persist(family_of_kind(kind), asked.key, encode(asked.item))) {
    return refused_because("it cannot be kept: there are too many");
  }
  items_.insert_or_assign({kind, asked.key}, asked.item);
  changed_ = true;
  tell("override_set", kind, asked.item);
  LINESHAFT_LOG(auth, warn, "override_set", {"kind", family_of_kind(kind)},
                {"identity", asked.item.who.name}, {"what", asked.item.what},
                {"why", asked.item.reason});
  return {State::done, "{}"};
}

core::RequestAnswer ZonesOverrides::end(Kind kind, const Asked& asked, core::Context& context) {
  const auto found = items_.find({kind, asked.key});
  if (found == items_.end()) return refused_because("there is nothing to end");
  items_.erase(found);
  context.persist(family_of_kind(kind), asked.key, {});
  changed_ = true;
  tell("override_ended", kind, asked.item);
  LINESHAFT_LOG(auth, warn, "override_ended", {"kind", family_of_kind(kind)},
                {"identity", asked.item.who.name}, {"what", asked.item.what});
  return {State::done, "{}"};
}

core::RequestAnswer ZonesOverrides::list() const {
  json all = json::array();
  for (const auto& [place, item] : items_) {
    json one = json::parse(encode(item));
    one["kind"] = family_of_kind(place.first);
    all.push_back(std::move(one));
  }
  return {State::done, to_line(json{{"overrides", std::move(all)}})};
}

core::RequestAnswer ZonesOverrides::request(std::string_view verb, std::string_view body,
                                            const PolicySnapshot& policy, core::Context& context) {
  static constexpr std::array<std::string_view, 6> verbs = {
      "quarantine", "release", "island", "break_glass", "break_glass_end", "overrides"};
  if (std::ranges::find(verbs, verb) == verbs.end()) return {};
  if (verb == "overrides") return list();
  const json object = json::parse(body, nullptr, false);
  if (!object.is_object()) return refused_because("the body is no JSON object");
  Asked asked;
  asked.item.reason = text_in(object, "reason");
  const auto ttl = object.find("ttl_s");
  if (ttl != object.end()) {
    const bool sane = ttl->is_number_integer() && ttl->get<std::int64_t>() > 0 &&
                      ttl->get<std::int64_t>() < std::int64_t{1} << 32;
    if (!sane) return refused_because("ttl_s is a number of seconds above 0");
    asked.item.until = context.now().wall + Milliseconds{1000} * ttl->get<std::int64_t>();
  }
  if (verb == "island") {
    asked.key = asked.item.what = text_in(object, "zone");
    const auto on = object.find("on");
    if (on == object.end() || !on->is_boolean()) return refused_because("\"on\" is true or false");
    asked.item.until = WallTime::max();
    return on->get<bool>() ? put(Kind::island, asked, policy, context)
                           : end(Kind::island, asked, context);
  }
  asked.item.who.name = text_in(object, "identity");
  if (asked.item.who.name.empty()) return refused_because("an identity is needed");
  if (object.contains("issuer")) {
    asked.item.who.issuer_spki = from_hex(text_in(object, "issuer"));
    if (!asked.item.who.issuer_spki) return refused_because("the issuer is no hexadecimal number");
  }
  asked.key = text_in(object, "issuer") + "/" + asked.item.who.name;
  if (verb == "quarantine") return put(Kind::quarantine, asked, policy, context);
  if (verb == "release") return end(Kind::quarantine, asked, context);
  asked.item.what = text_in(object, "role");
  return verb == "break_glass" ? put(Kind::break_glass, asked, policy, context)
                               : end(Kind::break_glass, asked, context);
}

}  // namespace lineshaft::auth
