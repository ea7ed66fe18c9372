// `check`, `relate`, `explain` and `class_key` against the plain reference, on random policies.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "auth/policy_snapshot.h"
#include "broker/core/topic_name.h"
#include "tests/support/catch.h"
#include "tests/unit/auth/policy_random.h"
#include "tests/unit/auth/policy_reference.h"

namespace lineshaft::auth {

using reference::Answer;
using reference::Chance;
using reference::Question;

namespace {

/// A random policy as of one moment, compiled and plain.
struct Case {
  reference::Policy plain;
  Overrides overrides;
  WallTime now;
  PolicySnapshotPtr policy;
};

PolicySnapshotPtr compile(const reference::Policy& plain, const Overrides& overrides,
                          WallTime now) {
  const CompiledPolicy compiled = compile_policy(reference::to_json(plain), Positions{}, now);
  if (compiled.policy == nullptr) {
    UNSCOPED_INFO(to_string(compiled.diagnostics.front()));
    UNSCOPED_INFO(reference::to_json(plain).dump());
    return nullptr;
  }
  return compiled.policy->with(overrides, now);
}

Case random_case(Chance& chance) {
  Case one;
  one.plain = chance.policy();
  one.now = chance.time();
  one.overrides = chance.overrides(one.plain, one.now);
  one.policy = compile(one.plain, one.overrides, one.now);
  REQUIRE(one.policy != nullptr);
  return one;
}

/// What `check` says, in the reference's words.
Answer as_answer(const PolicySnapshot& policy, const Decision& decision) {
  Answer answer;
  answer.allow = decision.allow;
  answer.reason = decision.reason;
  answer.qos_max = static_cast<int>(decision.qos_max);
  answer.strips_retain = decision.strips_retain;
  answer.monitored = decision.monitored;
  answer.has_bucket = decision.bucket != no_bucket;
  if (decision.rule == no_rule) return answer;
  const Rule& rule = policy.rule(decision.rule);
  if (rule.kind != RuleKind::conduit) return answer;
  answer.conduit = std::stoi(rule.pointer.substr(rule.pointer.rfind('/') + 1));
  return answer;
}

Answer checked(const PolicySnapshot& policy, const Question& question) {
  return as_answer(policy, policy.check(question.who, question.client_id, question.op,
                                        question.topic, question.attributes));
}

std::string show(const Answer& answer) {
  return std::string(answer.allow ? "allow " : "deny ") + std::string(to_string(answer.reason)) +
         " qos " + std::to_string(answer.qos_max) + (answer.strips_retain ? " strips" : "") +
         (answer.monitored ? " monitored" : "") + (answer.has_bucket ? " bucket" : "") +
         " conduit " + std::to_string(answer.conduit);
}

std::string show(const Question& question) {
  std::string text = std::string(to_string(question.op)) + " " + std::string(question.topic) +
                     " by " + question.who.name + " of " + question.who.zone + " as";
  for (const std::string& role : question.who.roles) text += " " + role;
  return text + " client " + std::string(question.client_id) + " qos " +
         std::to_string(static_cast<int>(question.attributes.qos)) +
         (question.attributes.retain ? " retain" : "") + " size " +
         std::to_string(question.attributes.size_bytes);
}

Op random_op(Chance& chance) {
  if (chance.one_in(50)) return Op::admin;
  return chance.one_in(2) ? Op::deliver : chance.one_in(4) ? Op::will : Op::publish;
}

/// A rule that a decision names is one that could have decided.
bool rule_fits(const PolicySnapshot& policy, const Question& question, const Decision& decision) {
  if (decision.rule == no_rule) return true;
  const Rule& rule = policy.rule(decision.rule);
  switch (rule.kind) {
    case RuleKind::conduit:
      return true;
    case RuleKind::deny:
      return decision.reason == PolicyReason::role_deny;
    case RuleKind::publish:
      return question.op != Op::deliver;
    case RuleKind::subscribe:
      return question.op == Op::deliver;
    default:
      return false;
  }
}

/// What must be the same whatever the message, if the decision says so.
bool is_steady(const PolicySnapshot& policy, const Question& question) {
  const auto decide = [&](MessageAttributes attributes) {
    return policy.check(question.who, question.client_id, question.op, question.topic, attributes);
  };
  const Decision decision = decide(question.attributes);
  if (decision.attribute_sensitive) return true;
  for (const QoS qos : {QoS::at_most_once, QoS::at_least_once, QoS::exactly_once}) {
    for (const bool retain : {false, true}) {
      for (const std::uint32_t size : {0u, 1000u}) {
        // Why not may differ: the nearest conduit says so.
        const Decision other = decide({qos, retain, size});
        if (decision.allow ? other != decision : other.allow) return false;
      }
    }
  }
  return decision.bucket == no_bucket && !decision.monitored;
}

bool explains(const PolicySnapshot& policy, const Question& question) {
  const Explanation why = policy.explain(question.who, question.client_id, question.op,
                                         question.topic, question.attributes);
  const Decision decision = policy.check(question.who, question.client_id, question.op,
                                         question.topic, question.attributes);
  if (why.decision != decision) return false;
  const bool by_conduit =
      decision.rule != no_rule && policy.rule(decision.rule).kind == RuleKind::conduit;
  for (const auto& one : why.conduits) {
    if (by_conduit && one.rule == decision.rule && one.result != decision.reason) return false;
  }
  for (const auto& one : why.rules) {
    if (one.rule == decision.rule && !one.matched) return false;
    const bool denies = one.matched && policy.rule(one.rule).kind == RuleKind::deny;
    if (denies && decision.allow) return false;
  }
  return !by_conduit || !why.conduits.empty();
}

/// Asks `questions` of one case; returns how many differ from the reference.
std::size_t differences(const Case& one, Chance& chance, std::size_t questions) {
  std::size_t different = 0;
  for (std::size_t i = 0; i < questions; ++i) {
    const core::Principal who = chance.principal(one.plain);
    const std::string client_id = chance.client_id();
    const std::string topic = chance.topic();
    const Question question{who, client_id, random_op(chance), topic, chance.attributes()};
    const Answer expected = reference::answer(one.plain, one.overrides, one.now, question);
    different += checked(*one.policy, question) == expected ? 0 : 1;
  }
  return different;
}

void compare(std::uint64_t seed, std::size_t policies, std::size_t questions) {
  Chance chance(seed);
  std::map<PolicyReason, std::size_t> seen;
  std::size_t allowed = 0;
  for (std::size_t i = 0; i < policies; ++i) {
    const Case one = random_case(chance);
    for (std::size_t j = 0; j < questions; ++j) {
      const core::Principal who = chance.principal(one.plain);
      const std::string client_id = chance.client_id();
      const std::string topic = chance.topic();
      const Question question{who, client_id, random_op(chance), topic, chance.attributes()};
      const Decision decision =
          one.policy->check(who, client_id, question.op, topic, question.attributes);
      const Answer expected = reference::answer(one.plain, one.overrides, one.now, question);
      const Answer found = as_answer(*one.policy, decision);
      ++seen[decision.reason];
      allowed += decision.allow ? 1 : 0;
      const bool good = found == expected && rule_fits(*one.policy, question, decision);
      const bool deep =
          j % 4 != 0 || (is_steady(*one.policy, question) && explains(*one.policy, question));
      if (good && deep) continue;
      INFO(reference::to_json(one.plain).dump(1));
      INFO(show(question));
      INFO("expected " << show(expected) << "\n   found " << show(found));
      CHECK(found == expected);
      CHECK(is_steady(*one.policy, question));
      REQUIRE(explains(*one.policy, question));
      REQUIRE(good);
    }
  }
  // The dice must throw everything, or nothing is shown.
  for (int reason = 0; reason <= static_cast<int>(PolicyReason::quota); ++reason) {
    const auto one = static_cast<PolicyReason>(reason);
    const std::set<PolicyReason> decided_elsewhere = {
        PolicyReason::no_cert,        PolicyReason::cert_invalid,
        PolicyReason::crl_stale,      PolicyReason::revoked,
        PolicyReason::listener_zone,  PolicyReason::zone_claim_conflict,
        PolicyReason::name_unsafe,    PolicyReason::issuer_not_for_zone,
        PolicyReason::clientid_bound, PolicyReason::conduit_rate,
        PolicyReason::quota};
    if (decided_elsewhere.contains(one)) continue;
    INFO(to_string(one));
    CHECK(seen[one] > 0);
  }
  CHECK(allowed > policies * questions / 20);
}

/// SUBSET and DISJOINT are never contradicted by `check`; returns how often each was said.
std::map<Relation, std::size_t> relate_all(std::uint64_t seed, std::size_t policies) {
  Chance chance(seed);
  std::map<Relation, std::size_t> said;
  for (std::size_t i = 0; i < policies; ++i) {
    const Case one = random_case(chance);
    for (int j = 0; j < 20; ++j) {
      const core::Principal who = chance.principal(one.plain);
      const std::string client_id = chance.client_id();
      std::string filter = chance.filter(false);
      if (chance.one_in(12)) filter = "$lkv/" + filter;
      if (chance.one_in(16)) filter = "$SYS/broker/" + filter;
      const Relation relation = one.policy->relate(who, client_id, filter);
      ++said[relation];
      if (relation == Relation::overlap) continue;
      for (int k = 0; k < 12; ++k) {
        const std::string topic = chance.topic_of(filter);
        if (!core::topic_matches_filter(topic, filter)) continue;
        const MessageAttributes attributes = chance.attributes();
        const Decision decision = one.policy->check(who, client_id, Op::deliver, topic, attributes);
        const bool plain = !decision.attribute_sensitive && !decision.strips_retain &&
                           decision.qos_max == QoS::exactly_once;
        const bool sound = relation == Relation::subset ? decision.allow && plain : !decision.allow;
        if (sound) continue;
        INFO(reference::to_json(one.plain).dump(1));
        INFO(show(Question{who, client_id, Op::deliver, topic, attributes}));
        INFO(filter << " is said to be "
                    << (relation == Relation::subset ? "a subset" : "disjoint"));
        INFO(to_string(decision.reason));
        REQUIRE(sound);
      }
    }
  }
  return said;
}

void relate_soundly(std::uint64_t seed, std::size_t policies) {
  const auto said = relate_all(seed, policies);
  CHECK(said.at(Relation::subset) > policies / 10);
  CHECK(said.at(Relation::overlap) > policies / 10);
  CHECK(said.at(Relation::disjoint) > policies / 10);
}

}  // namespace

TEST_CASE("a decision is what the plain rules say", "[auth][policy]") { compare(1, 400, 80); }

TEST_CASE("a million decisions are what the plain rules say", "[.][long]") {
  compare(20261120, 5'000, 200);
}

TEST_CASE("what is said of a filter holds for its topics", "[auth][policy]") {
  relate_soundly(2, 300);
}

TEST_CASE("what is said of a filter holds for the topics of many", "[.][long]") {
  relate_soundly(20261121, 20'000);
}

TEST_CASE("principals of one class get the same decisions", "[auth][policy]") {
  Chance chance(3);
  std::size_t shared = 0;
  for (int i = 0; i < 80; ++i) {
    const Case one = random_case(chance);
    std::map<std::string, std::pair<core::Principal, std::string>> classes;
    for (int j = 0; j < 30; ++j) {
      const core::Principal who = chance.principal(one.plain);
      const std::string client_id = chance.client_id();
      const auto key = one.policy->class_key(who, client_id);
      const auto [known, is_new] = classes.try_emplace(key.key, who, client_id);
      if (is_new) continue;
      ++shared;
      for (int k = 0; k < 10; ++k) {
        const std::string topic = chance.topic();
        const Op op = random_op(chance);
        const MessageAttributes attributes = chance.attributes();
        const auto& [first, first_id] = known->second;
        Decision mine = one.policy->check(who, client_id, op, topic, attributes);
        Decision its = one.policy->check(first, first_id, op, topic, attributes);
        // All who may do nothing are one class, for whatever reason.
        if (key.key == "-") mine.reason = its.reason = PolicyReason::strength;
        if (mine == its) continue;
        INFO(reference::to_json(one.plain).dump(1));
        INFO(key.key << " " << topic);
        REQUIRE(mine == its);
      }
    }
  }
  CHECK(shared > 300);
}

// --- the comparison itself
// ------------------------------------------------------------------------

namespace {

using Mutation = std::function<bool(reference::Policy&, Chance&)>;

bool change(reference::Texts& texts, Chance& chance) {
  if (texts.empty()) return false;
  texts.erase(texts.begin() + static_cast<std::ptrdiff_t>(chance.below(texts.size())));
  return true;
}

template <class Part>
Mutation of_conduit(Part part) {
  return [part](reference::Policy& policy, Chance& chance) {
    if (policy.conduits.empty()) return false;
    return part(policy.conduits[chance.below(policy.conduits.size())], chance);
  };
}

template <class Part>
Mutation of_role(Part part) {
  return [part](reference::Policy& policy, Chance& chance) {
    return part(policy.roles[chance.below(policy.roles.size())], chance);
  };
}

template <class Part>
Mutation of_zone(Part part) {
  return [part](reference::Policy& policy, Chance& chance) {
    return part(policy.zones[chance.below(policy.zones.size())], chance);
  };
}

template <class T>
bool lose(std::optional<T>& value) {
  return std::exchange(value, std::nullopt).has_value();
}

std::map<std::string, Mutation> mutations() {
  using reference::Conduit;
  using reference::Role;
  using reference::Zone;
  std::map<std::string, Mutation> all;
  all["zone.sl_t"] = of_zone([](Zone& z, Chance&) { return z.sl_t > 1 && (--z.sl_t, true); });
  all["zone.owns"] = of_zone([](Zone& z, Chance& c) { return change(z.owns, c); });
  all["zone.command_topics"] =
      of_zone([](Zone& z, Chance& c) { return change(z.command_topics, c); });
  all["role.publish"] = of_role([](Role& r, Chance& c) { return change(r.publish, c); });
  all["role.subscribe"] = of_role([](Role& r, Chance& c) { return change(r.subscribe, c); });
  all["role.deny"] = of_role([](Role& r, Chance& c) { return change(r.deny, c); });
  all["role.sparkplug"] = of_role([](Role& r, Chance& c) { return change(r.sparkplug, c); });
  all["role.sys"] = of_role([](Role& r, Chance& c) { return change(r.sys, c); });
  all["conduit"] = [](reference::Policy& policy, Chance&) {
    return !policy.conduits.empty() && (policy.conduits.pop_back(), true);
  };
  all["conduit.from,to"] = of_conduit([](Conduit& c, Chance&) {
    std::swap(c.from, c.to);
    return true;
  });
  all["conduit.topics"] = of_conduit(
      [](Conduit& c, Chance& chance) { return c.topics.size() > 1 && change(c.topics, chance); });
  all["conduit.except"] =
      of_conduit([](Conduit& c, Chance& chance) { return change(c.except, chance); });
  all["conduit.via"] = of_conduit([](Conduit& c, Chance&) { return lose(c.via); });
  all["conduit.roles"] =
      of_conduit([](Conduit& c, Chance& chance) { return change(c.roles, chance); });
  all["conduit.min_strength"] =
      of_conduit([](Conduit& c, Chance&) { return lose(c.min_strength); });
  all["conduit.min_tls"] = of_conduit([](Conduit& c, Chance&) { return lose(c.min_tls); });
  all["conduit.sparkplug"] = of_conduit([](Conduit& c, Chance&) { return lose(c.sparkplug); });
  all["conduit.commands"] =
      of_conduit([](Conduit& c, Chance&) { return std::exchange(c.commands, false); });
  all["conduit.qos_max"] = of_conduit([](Conduit& c, Chance&) { return lose(c.qos_max); });
  all["conduit.retain"] = of_conduit([](Conduit& c, Chance&) { return lose(c.retain); });
  all["conduit.rate"] = of_conduit([](Conduit& c, Chance&) { return lose(c.rate); });
  all["conduit.max_payload"] = of_conduit([](Conduit& c, Chance&) { return lose(c.max_payload); });
  all["conduit.hours"] = of_conduit([](Conduit& c, Chance&) { return lose(c.hours); });
  all["conduit.until"] = of_conduit([](Conduit& c, Chance&) { return lose(c.until_s); });
  all["conduit.mode"] =
      of_conduit([](Conduit& c, Chance&) { return std::exchange(c.monitor, false); });
  return all;
}

}  // namespace

TEST_CASE("a change of any rule is noticed by the comparison", "[auth][policy]") {
  for (const auto& [name, mutate] : mutations()) {
    INFO(name);
    Chance chance(4);
    bool is_noticed = false;
    for (int i = 0; i < 3000 && !is_noticed; ++i) {
      Case one;
      one.plain = chance.policy();
      one.now = chance.time();
      reference::Policy other = one.plain;
      if (!mutate(other, chance)) continue;
      one.policy = compile(other, one.overrides, one.now);
      // Some changes are errors by themselves: an owner less may make no difference either.
      if (one.policy == nullptr) continue;
      is_noticed = differences(one, chance, 150) > 0;
    }
    CHECK(is_noticed);
  }
}

}  // namespace lineshaft::auth
