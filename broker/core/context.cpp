// What the core does for its interceptor: keep, publish, wake, answer.
#include <utility>

#include "broker/base/audit.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/topic_name.h"

namespace lineshaft::core {

/// The interceptor's view of the core.
class Core::InterceptorContext final : public Context {
 public:
  explicit InterceptorContext(Core& core) : core_(core) {}

  Now now() const override { return core_.now_; }
  bool persist(std::string_view family, std::string_view key, std::string_view value) override {
    return core_.keep_item(family, key, value);
  }
  bool publish(MessagePtr message, PrincipalPtr principal) override {
    return core_.add_message(std::move(message), std::move(principal));
  }
  void wake_at(WallTime at) override { core_.policy_.wake_at = at; }
  void policy_changed() override {
    // At once, for what is asked next; the rest follows when the running step is over.
    ++core_.policy_epoch_;
    core_.policy_.changed = true;
  }

 private:
  Core& core_;
};

Core::ContextPtr Core::make_context() {
  return {new InterceptorContext(*this),
          [](Context* context) { delete static_cast<InterceptorContext*>(context); }};
}

void Core::restore_items() {
  for (const auto& [place, value] : policy_.items) {
    interceptor_->on_restore(place.first, place.second, value);
  }
}

bool Core::keep_item(std::string_view family, std::string_view key, std::string_view value) {
  std::pair place{std::string(family), std::string(key)};
  const auto known = policy_.items.find(place);
  const bool is_new = known == policy_.items.end();
  if (value.empty()) {
    if (is_new) return true;
    policy_.items.erase(known);
    policy_.kept_seq = record(KeptItemErase{std::move(place.first), std::move(place.second)}, true);
    return true;
  }
  const std::size_t size = family.size() + key.size() + value.size();
  if (size > limits::kept_item_bytes_max ||
      (is_new && policy_.items.size() >= limits::kept_items_max)) {
    count(Counter::kept_items_refused_limit);
    LINESHAFT_LOG(core, error, "kept_item_refused", {"family", family}, {"key", key},
                  {"bytes", size}, {"effect", "it is forgotten at the next restart"});
    return false;
  }
  policy_.kept_seq = record(KeptItemRecord{place.first, place.second, std::string(value)}, true);
  policy_.items.insert_or_assign(std::move(place), value);
  return true;
}

bool Core::add_message(MessagePtr message, PrincipalPtr principal) {
  if (policy_.judges_added || policy_.added.size() >= limits::added_messages_max) {
    count(Counter::added_messages_refused);
    return false;
  }
  policy_.added.push_back({std::move(message), std::move(principal)});
  return true;
}

/// Behind the packet that caused them, through the policy like any other.
void Core::publish_added() {
  for (AddedMessage& added : std::exchange(policy_.added, {})) {
    const Message& message = *added.message;
    if (added.principal && interceptor_) {
      policy_.judges_added = true;
      const Subject subject{*added.principal, {}};
      const PublishVerdict verdict = interceptor_->on_publish(subject, message);
      policy_.judges_added = false;
      const bool system = starts_with_dollar(message.topic());
      if (system || is_failure(verdict.reason)) {
        count(Counter::added_messages_refused);
        audit(denial("added_message_denied", "publish", subject, message.topic(), verdict.reason,
                     verdict.cause));
        continue;
      }
    }
    Publication publication;
    publication.message = std::move(added.message);
    publication.author = &added.principal;
    publish_now(std::move(publication));
  }
}

/// The end of every step: what the interceptor asked for while it was asked.
void Core::serve_interceptor() {
  if (!policy_.added.empty()) publish_added();
  if (!policy_.changed || !interceptor_) return;
  begin_policy();
  sweep_policy();
}

/// Who sets the clock back, or corrects one that was ahead, prolongs whatever ends at a time. A
/// clock that stands still because it is behind the stored one does the same.
void Core::look_at_clock() {
  const Milliseconds ahead = now_.wall.time_since_epoch() - now_.steady.time_since_epoch();
  if (ahead >= clock_ahead_) {
    clock_ahead_ = ahead;
    return;
  }
  const Milliseconds back = clock_ahead_ - ahead;
  if (back < limits::clock_set_back) return;
  clock_ahead_ = ahead;
  count(Counter::clock_set_back);
  LINESHAFT_LOG(core, warn, "clock_set_back", {"by_ms", back.count()},
                {"effect", "what ends at a time lasts longer; roles that were lent end now"});
  if (interceptor_) interceptor_->on_clock_set_back();
}

void Core::on_policy_edge() {
  if (!interceptor_ || !policy_.wake_at || now_.wall < *policy_.wake_at) return;
  policy_.wake_at.reset();
  interceptor_->on_edge();
}

void Core::on_interceptor_request(std::uint64_t id, const InterceptorRequest& request) {
  RequestAnswer answer;
  policy_.kept_seq = 0;
  if (interceptor_) {
    Session* const session =
        request.client_id.empty() ? nullptr : sessions_.find(request.client_id);
    std::optional<Subject> subject;
    if (session != nullptr && !session->ended) subject.emplace(subject_of(*session));
    answer = interceptor_->on_request(request.verb, request.body, subject ? &*subject : nullptr);
  }
  // What it says is in force is on the disk: a quarantine comes back after a crash.
  if (waits_for(policy_.kept_seq)) {
    policy_.held_replies.push_back({policy_.kept_seq, {id, std::move(answer)}});
  } else {
    effects_->replies.push_back({id, std::move(answer)});
  }
}

}  // namespace lineshaft::core
