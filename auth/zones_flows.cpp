#include "auth/zones_flows.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <set>
#include <utility>

#include "auth/json_fields.h"
#include "auth/policy_evaluation.h"
#include "auth/printable.h"
#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::auth {
namespace {

/// The first `depth` levels; "#" in the place of more.
std::string cut(std::string_view filter, std::size_t depth) {
  std::size_t end = 0;
  for (std::size_t level = 0; level < depth; ++level) {
    end = filter.find('/', end);
    if (end == std::string_view::npos) return std::string(filter);
    ++end;
  }
  return std::string(filter.substr(0, end)) + "#";
}

/// A TOML basic string: JSON's, but for DEL, which TOML wants escaped.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : to_line(nlohmann::json(text))) {
    if (c == 0x7F) {
      out += "\\u007F";
    } else {
      out += c;
    }
  }
  return out;
}

std::string quoted_list(const std::set<std::string>& texts) {
  std::vector<std::string> all;
  for (const std::string& each : texts) all.push_back(quoted(each));
  return fmt::format("[{}]", fmt::join(all, ", "));
}

bool is_about_roles(PolicyReason reason) {
  return reason == PolicyReason::role_no_allow || reason == PolicyReason::role_spb;
}

/// A conduit could change it, or the roles that keep it from being asked.
bool can_be_opened(PolicyReason reason) {
  const bool is_conduit =
      reason >= PolicyReason::no_conduit && reason <= PolicyReason::conduit_time;
  return is_conduit || is_about_roles(reason);
}

std::string utc_text(WallTime time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch());
  return fmt::format("{:%FT%TZ}", fmt::gmtime(static_cast<std::time_t>(seconds.count())));
}

}  // namespace

struct ZonesFlows::ConduitKey {
  std::string from;
  std::string to;
  bool is_publish = false;
  bool lacks_role = false;
  bool opens_commands = false;
  std::vector<std::string> roles;

  auto operator<=>(const ConduitKey&) const = default;
};

struct ZonesFlows::Conduit {
  std::set<std::string> topics;
  std::set<std::string> types;
  std::set<std::string> identities;
  bool has_command_topics = false;
  bool is_too_weak = false;
  std::uint64_t count = 0;
  PolicyReason reason = PolicyReason::allowed;
};

void ZonesFlows::saw(const PolicySnapshot& policy, const core::Principal& who, Op op,
                     std::string_view topic, const Decision& decision) {
  if (decision.allow ? !decision.monitored : !can_be_opened(decision.reason)) return;
  const std::string_view inner = judged_topic(topic);
  add(policy, who, is_publish(op), inner, inner, decision.reason);
}

void ZonesFlows::refused(const PolicySnapshot& policy, const core::Principal& who,
                         std::string_view filter, std::string_view example, PolicyReason reason) {
  if (!can_be_opened(reason)) return;
  add(policy, who, false, judged_topic(filter), judged_topic(example), reason);
}

void ZonesFlows::add(const PolicySnapshot& policy, const core::Principal& who, bool is_publish,
                     std::string_view filter, std::string_view topic, PolicyReason reason) {
  const TopicFacts facts = policy.facts_of(topic);
  if (facts.owner.empty() || facts.owner == who.zone || policy.zone(who.zone) == nullptr) return;
  Key key;
  key.from = is_publish ? who.zone : std::string(facts.owner);
  key.to = is_publish ? std::string(facts.owner) : who.zone;
  key.is_publish = is_publish;
  // A certificate may claim roles that the policy does not have.
  std::ranges::copy_if(who.roles, std::back_inserter(key.roles),
                       [&](const std::string& role) { return policy.has_role(role); });
  key.lacks_role = is_about_roles(reason);
  key.type = classify_topic(topic);
  key.is_command = facts.is_command;
  key.topic = cut(filter, limits::learned_levels_max);
  auto found = flows_.find(key);
  if (found == flows_.end() && flows_.size() >= limits::learned_flows_max) {
    count(Counter::learned_flows_left_out);
    if (left_out_++ == 0) {
      LINESHAFT_LOG(auth, warn, "learned_flows_full", {"max", limits::learned_flows_max},
                    {"effect", "others are counted and not learned, until the next reload"});
    }
    return;
  }
  if (found == flows_.end()) found = flows_.emplace(std::move(key), Seen{}).first;
  Seen& seen = found->second;
  if (seen.identity.empty()) seen.identity = who.name;
  seen.reason = reason;
  ++seen.count;
}

std::map<ZonesFlows::ConduitKey, ZonesFlows::Conduit> ZonesFlows::conduits(
    std::size_t depth) const {
  std::map<ConduitKey, Conduit> all;
  for (const auto& [flow, seen] : flows_) {
    const bool is_command_type = (bit_of(flow.type) & sparkplug_data) == 0;
    Conduit& conduit = all[{flow.from, flow.to, flow.is_publish, flow.lacks_role,
                            flow.is_command || is_command_type, flow.roles}];
    conduit.topics.insert(cut(flow.topic, depth));
    if (is_command_type) conduit.types.insert(std::string(to_string(flow.type)));
    conduit.identities.insert(seen.identity);
    conduit.has_command_topics |= flow.is_command;
    conduit.is_too_weak |= seen.reason == PolicyReason::conduit_strength;
    conduit.count += seen.count;
    conduit.reason = seen.reason;
  }
  return all;
}

nlohmann::json ZonesFlows::report(std::size_t depth) const {
  using nlohmann::json;
  json open = json::array(), shut = json::array();
  std::string text, comments;
  for (const auto& [key, conduit] : conduits(depth)) {
    const char* const via = key.is_publish ? "publish" : "subscribe";
    json one = {{"from", key.from},
                {"to", key.to},
                {"topics", conduit.topics},
                {"via", via},
                {"roles", key.roles},
                {"sparkplug", conduit.types},
                {"commands", conduit.has_command_topics},
                {"count", conduit.count},
                {"reason", to_string(conduit.reason)},
                {"identities", conduit.identities}};
    const std::string who = printable(fmt::format("{}", fmt::join(conduit.identities, ", ")));
    if (key.lacks_role) {
      shut.push_back(std::move(one));
      comments += printable(fmt::format("# {} -> {}, {} of {}: {}", key.from, key.to, via,
                                        fmt::join(conduit.topics, " "), who)) +
                  "\n";
      continue;
    }
    open.push_back(std::move(one));
    text += fmt::format("\n# Asked {} times, by {}; last {}.\n", conduit.count, who,
                        to_string(conduit.reason));
    if (conduit.is_too_weak) text += "# Some have proven too little for it: see min_strength.\n";
    if (key.opens_commands) text += "# This one opens commands.\n";
    text += fmt::format("[[conduits]]\nfrom = {}\nto = {}\ntopics = {}\nvia = \"{}\"\n",
                        quoted(key.from), quoted(key.to), quoted_list(conduit.topics), via);
    if (!key.roles.empty()) {
      text += fmt::format("roles = {}\n", quoted_list({key.roles.begin(), key.roles.end()}));
    }
    if (!conduit.types.empty()) text += fmt::format("sparkplug = {}\n", quoted_list(conduit.types));
    if (conduit.has_command_topics) text += "commands = \"allow\"\n";
  }
  std::string head = fmt::format("# Flows without a conduit since {}", utc_text(since_));
  head += open.empty() ? ": none.\n" : ". Read them, cut them down, then paste what is meant.\n";
  if (!comments.empty()) {
    text += "\n# These would also need roles that allow them:\n" + comments;
  }
  if (left_out_ > 0) text += fmt::format("\n# {} more questions did not fit.\n", left_out_);
  return {{"since", utc_text(since_)},
          {"conduits", std::move(open)},
          {"not_allowed_by_roles", std::move(shut)},
          {"left_out", left_out_},
          {"text", head + text}};
}

}  // namespace lineshaft::auth
