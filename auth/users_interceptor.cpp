#include "auth/users_interceptor.h"

#include <algorithm>

#include "auth/filter_relation.h"
#include "auth/policy_spec.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

/// Stands for a filter that meets every topic: "#" leaves out those that begin with '$'.
constexpr std::string_view everywhere;

bool is_everywhere(std::string_view filter) { return filter.empty(); }

}  // namespace

const std::vector<UserRule>* UsersInterceptor::own_rules(const core::Principal& principal) const {
  if (principal.is_anonymous()) return &policy_->rules.anonymous;
  const auto found = policy_->rules.users.find(principal.name);
  return found == policy_->rules.users.end() ? nullptr : &found->second;
}

/// Somebody with a name that is not in the users file any more. What is left of him, a session or a
/// will, has no rights either, whatever the rules say about his name.
bool UsersInterceptor::is_gone(const core::Principal& principal) const {
  return !principal.is_anonymous() && !policy_->users.contains(principal.name);
}

/// Calls `visit(rule, filter)` for each rule that says something about the subject.
template <class Visit>
void UsersInterceptor::for_each_rule(const core::Subject& subject, Visit visit) const {
  const auto each = [&](const UserRule& rule) {
    if (rule.pattern.find('%') == std::string::npos) {
      visit(rule, std::string_view(rule.pattern));
      return;
    }
    const std::string filter = expand(rule.pattern, subject.principal.name, subject.client_id);
    if (!filter.empty()) return visit(rule, std::string_view(filter));
    // A name that must not be put into a pattern allows nothing, and what is denied by it is denied
    // everywhere. Who has no name is not meant at all.
    const bool nameless = subject.principal.name.empty() && names_user(rule.pattern);
    if (rule.denies && !nameless) visit(rule, everywhere);
  };
  std::ranges::for_each(policy_->rules.everybody, each);
  if (const auto* own = own_rules(subject.principal)) std::ranges::for_each(*own, each);
}

core::PolicyClass UsersInterceptor::classify(const core::Subject& subject) {
  // All who are gone have the same rights.
  const bool gone = is_gone(subject.principal);
  bool by_user = false;
  bool by_client = false;
  const auto look = [&](const UserRule& rule) {
    by_user |= names_user(rule.pattern);
    by_client |= names_client(rule.pattern);
  };
  std::ranges::for_each(policy_->rules.everybody, look);
  if (const auto* own = own_rules(subject.principal)) {
    by_user = true;
    std::ranges::for_each(*own, look);
  }
  // No name contains a control character.
  std::string key = subject.principal.is_anonymous() ? "a" : "u";
  if (gone) key = "g";
  if (by_user && !gone) key += subject.principal.name;
  key += '\0';
  if (by_client && !gone) key += subject.client_id;
  return classes_.of(std::move(key));
}

core::ConnectVerdict UsersInterceptor::on_connect(const core::Subject& subject) {
  const core::Principal& principal = subject.principal;
  const bool welcome = principal.is_anonymous() ? policy_->allows_anonymous : !is_gone(principal);
  return {welcome ? ReasonCode::success : ReasonCode::not_authorized};
}

bool UsersInterceptor::may(const core::Subject& subject, Access access,
                           std::string_view topic) const {
  if (is_gone(subject.principal)) return false;
  // What stands for another topic is read by who may read that one.
  const std::string_view judged = judged_topic(topic);
  bool allowed = false;
  bool denied = false;
  for_each_rule(subject, [&](const UserRule& rule, std::string_view filter) {
    if (!covers(rule.access, access)) return;
    if (!is_everywhere(filter) && !core::topic_matches_filter(judged, filter)) return;
    (rule.denies ? denied : allowed) = true;
  });
  return allowed && !denied;
}

core::PublishVerdict UsersInterceptor::on_publish(const core::Subject& subject,
                                                  const Message& message) {
  const bool allowed = may(subject, Access::publish, message.topic());
  return {allowed ? ReasonCode::success : ReasonCode::not_authorized};
}

core::SubscribeVerdict UsersInterceptor::on_subscribe(const core::Subject& subject,
                                                      std::string_view filter) {
  // Of "$sparkplug/certificates/F" it is F that counts; above it each topic is looked at.
  std::string_view judged = judged_topic(filter);
  if (judged.starts_with("$sparkplug/")) judged = "#";
  bool allowed = false;
  bool denied = false;
  for_each_rule(subject, [&](const UserRule& rule, std::string_view rule_filter) {
    if (!covers(rule.access, Access::subscribe)) return;
    if (rule.denies) {
      denied |= is_everywhere(rule_filter) || contains(rule_filter, judged);
    } else {
      allowed |= intersects(rule_filter, judged);
    }
  });
  return {allowed && !denied ? ReasonCode::success : ReasonCode::not_authorized};
}

core::DeliverVerdict UsersInterceptor::on_deliver(const core::Subject& subject,
                                                  const Message& message) {
  return core::DeliverVerdict::all(may(subject, Access::subscribe, message.topic()));
}

}  // namespace lineshaft::auth
