// What a document's values mean together: two owners of one topic, and what is hardly meant.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "auth/filter_relation.h"
#include "auth/policy_spec.h"
#include "auth/policy_trie.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

/// The filters all zones own, and who owns them.
struct Owners {
  struct Owner {
    std::size_t zone;
    const FilterSpec* filter;
  };
  PolicyTrie trie;
  std::vector<std::vector<Owner>> by_slot;

  explicit Owners(const PolicySpec& spec) {
    for (std::size_t zone = 0; zone < spec.zones.size(); ++zone) {
      for (const FilterSpec& filter : spec.zones[zone].owns) {
        const std::uint32_t slot = trie.insert(filter.text);
        by_slot.resize(trie.slot_count());
        by_slot[slot].push_back({zone, &filter});
      }
    }
    trie.freeze();
  }

  /// Calls `visit(owner)` for each owned filter that has topics in common with `filter`.
  template <class Visit>
  void for_each_relative(const std::string& filter, Visit visit) const {
    for (const PolicyTrie::Relative& relative : trie.relatives(filter, {})) {
      for (const Owner& owner : by_slot[relative.slot]) visit(owner);
    }
  }
};

void check_owners(const PolicySpec& spec, const Owners& owners, PolicyReport& report) {
  for (std::size_t zone = 0; zone < spec.zones.size(); ++zone) {
    for (const FilterSpec& filter : spec.zones[zone].owns) {
      const Specificity specificity = specificity_of(filter.text);
      owners.for_each_relative(filter.text, [&](const Owners::Owner& other) {
        // Each pair once.
        if (other.zone >= zone || specificity_of(other.filter->text) != specificity) return;
        report.error(
            filter.pointer,
            fmt::format("\"{}\" of zone \"{}\" and \"{}\" of zone \"{}\" own the same topics, and "
                        "neither is more particular",
                        filter.text, spec.zones[zone].facts.name, other.filter->text,
                        spec.zones[other.zone].facts.name),
            "write more of the topic's levels out in one of them");
      });
    }
  }
}

/// A sample of what the variables may stand for: with it a filter meets what it could ever meet,
/// unless a literal level is meant for one name.
std::string with_wildcards(std::string_view filter) {
  std::string widened;
  for (;;) {
    const std::size_t slash = filter.find('/');
    const std::string_view level = filter.substr(0, slash);
    widened += level.find("${") == std::string_view::npos ? level : std::string_view("+");
    if (slash == std::string_view::npos) return widened;
    widened += '/';
    filter.remove_prefix(slash + 1);
  }
}

bool is_written_out(std::string_view filter) {
  return !core::has_wildcard(filter) && filter.find("${") == std::string_view::npos;
}

/// A topic of nobody's that one may publish and another receive joins zones without a conduit.
void lint_open_topics(const PolicySpec& spec, const Owners& owners, PolicyReport& report) {
  if (spec.zones.size() < 2) return;
  std::map<std::string_view, std::string_view> receivers;
  for (const RoleSpec& role : spec.roles) {
    for (const FilterSpec& filter : role.subscribe) {
      if (is_written_out(filter.text)) receivers.try_emplace(filter.text, role.name);
    }
  }
  for (const RoleSpec& role : spec.roles) {
    for (const FilterSpec& filter : role.publish) {
      const auto receiver = receivers.find(filter.text);
      if (receiver == receivers.end()) continue;
      bool is_owned = false;
      owners.for_each_relative(std::string(judged_topic(filter.text)),
                               [&](const Owners::Owner&) { is_owned = true; });
      if (is_owned) continue;
      report.lint(filter.pointer,
                  fmt::format("\"{}\" is no zone's: from role \"{}\" to role \"{}\" it crosses "
                              "zones without a conduit",
                              filter.text, role.name, receiver->second),
                  "add it to a zone's owns, and a conduit for who else may use it");
    }
  }
}

void lint_roles(const PolicySpec& spec, const Owners& owners, PolicyReport& report) {
  for (const RoleSpec& role : spec.roles) {
    if (role.publish.empty() && role.subscribe.empty() && role.sys == 0) {
      report.lint(role.pointer, fmt::format("role \"{}\" may do nothing", role.name),
                  "give it publish or subscribe, or take it out");
    }
    for (const auto* list : {&role.publish, &role.subscribe}) {
      for (const FilterSpec& filter : *list) {
        // One topic, written out, may be nobody's.
        if (is_written_out(filter.text)) continue;
        bool is_owned = false;
        owners.for_each_relative(with_wildcards(filter.text),
                                 [&](const Owners::Owner&) { is_owned = true; });
        if (is_owned) continue;
        report.lint(filter.pointer, fmt::format("no zone owns a topic of \"{}\"", filter.text),
                    "add it to a zone's owns: what nobody owns is open to nobody");
      }
    }
  }
}

void lint_conduit(const PolicySpec& spec, const ConduitSpec& conduit, const Owners& owners,
                  WallTime now, PolicyReport& report) {
  const std::string& from = spec.zones[conduit.from].facts.name;
  const std::string& to = spec.zones[conduit.to].facts.name;
  for (const FilterSpec& filter : conduit.topics) {
    bool can_cross = false;
    owners.for_each_relative(with_wildcards(filter.text), [&](const Owners::Owner& owner) {
      can_cross |= conduit.via_subscribe && owner.zone == conduit.from;
      can_cross |= conduit.via_publish && owner.zone == conduit.to;
    });
    if (can_cross) continue;
    const char* const advice =
        !conduit.via_publish     ? "with via = \"subscribe\" the zone in \"from\" owns the topics"
        : !conduit.via_subscribe ? "with via = \"publish\" the zone in \"to\" owns the topics"
                                 : "one of the two zones must own the topics";
    report.lint(
        filter.pointer,
        fmt::format("nothing of \"{}\" can go from \"{}\" to \"{}\" here", filter.text, from, to),
        advice);
  }
  for (const FilterSpec& except : conduit.except) {
    const bool is_met = std::ranges::any_of(conduit.topics, [&](const FilterSpec& filter) {
      return intersects(with_wildcards(filter.text), with_wildcards(except.text));
    });
    if (is_met) continue;
    report.lint(
        except.pointer,
        fmt::format("\"{}\" takes nothing away: no topic of the conduit matches", except.text),
        "correct it, or take it out");
  }
  if (conduit.until && *conduit.until <= now) {
    report.lint(conduit.pointer, "its time is over: nothing passes any more", "take it out");
  }
  if (conduit.is_monitor) {
    report.lint(conduit.pointer, "in monitor mode it lets through what it only counts",
                "set mode = \"enforce\" when the counts are as they should be");
  }
}

}  // namespace

void check_meaning(const PolicySpec& spec, WallTime now, PolicyReport& report) {
  const Owners owners(spec);
  check_owners(spec, owners, report);
  lint_roles(spec, owners, report);
  lint_open_topics(spec, owners, report);
  for (const ConduitSpec& conduit : spec.conduits) {
    lint_conduit(spec, conduit, owners, now, report);
  }
}

}  // namespace lineshaft::auth
