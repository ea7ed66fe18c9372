// What the policy in force is asked and told from outside MQTT.
#include <cstdint>
#include <string>

#include "auth/json_fields.h"
#include "auth/zones_explanation.h"
#include "auth/zones_interceptor.h"
#include "broker/base/audit.h"
#include "broker/base/limits.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {

core::RequestAnswer ZonesInterceptor::on_request(std::string_view verb, std::string_view body,
                                                 const core::Subject* subject) {
  using State = core::RequestAnswer::State;
  take_restored();
  const core::RequestAnswer answer = answer_to(verb, body, subject);
  if (overrides_.take_changed()) {
    // What it was stands in the audit log already.
    renew();
    context_->policy_changed();
  } else if (answer.state != State::unknown_verb) {
    auto asked = nlohmann::json::parse(body, nullptr, false);
    if (!asked.is_object()) asked = nlohmann::json::object();
    audit({.type = answer.state == State::done ? "policy_asked" : "policy_order_refused",
           .identity = text_in(asked, "identity"),
           .client = text_in(asked, "client"),
           .address = text_in(asked, "by"),
           .op = "admin",
           .topic = text_in(asked, "topic"),
           .reason = verb,
           .is_repeatable = true});
  }
  return answer;
}

core::RequestAnswer ZonesInterceptor::answer_to(std::string_view verb, std::string_view body,
                                                const core::Subject* subject) {
  if (verb == "explain") return explain(body, subject);
  if (verb == "shadow") return {core::RequestAnswer::State::done, to_line(shadow_.report())};
  if (verb == "learn") return learn(body);
  return overrides_.request(
      verb, body, {*policy_, identity_ ? identity_->config.get() : nullptr, subject, *context_});
}

/// {"op": "pub" or "sub", "topic", and optionally "qos", "retain", "size"} for a client that is
/// here.
core::RequestAnswer ZonesInterceptor::explain(std::string_view body,
                                              const core::Subject* subject) const {
  using State = core::RequestAnswer::State;
  if (subject == nullptr) return {State::refused, R"({"error":"there is no such client"})"};
  const auto asked = nlohmann::json::parse(body, nullptr, false);
  const auto field = [&asked](const char* name) {
    return asked.is_object() && asked.contains(name) ? asked[name] : nlohmann::json();
  };
  const nlohmann::json op = field("op");
  const nlohmann::json topic = field("topic");
  if (!topic.is_string() || (op != "pub" && op != "sub")) {
    return {State::refused, R"({"error":"op is pub or sub, topic is a Topic Name"})"};
  }
  MessageAttributes attributes;
  const nlohmann::json qos = field("qos");
  if (qos.is_number_unsigned() && qos.get<std::uint64_t>() <= 2) {
    attributes.qos = static_cast<QoS>(qos.get<unsigned>());
  }
  attributes.retain = field("retain") == true;
  const nlohmann::json size = field("size");
  if (size.is_number_unsigned() && size.get<std::uint64_t>() <= 0xFFFFFFFF) {
    attributes.size_bytes = size.get<std::uint32_t>();
  }
  ZonesQuestion question{op == "pub" ? "publish" : "subscribe", topic.get<std::string>(),
                         std::string(subject->client_id), attributes};
  const core::ParsedShare share = core::parse_share(question.topic);
  if (op == "sub" && share.syntax == core::ShareSyntax::shared) {
    question.topic = std::string(share.shared.filter);
  }
  const bool is_valid = op == "pub" ? core::is_valid_topic_name(question.topic)
                                    : core::is_valid_topic_filter(question.topic);
  if (!is_valid) return {State::refused, R"({"error":"the topic is not valid"})"};
  const core::Principal& principal = subject->principal;
  const auto answer =
      explain_json(*policy_, to_json(principal, place_of(principal)), principal, question);
  return {State::done, to_line(answer)};
}

/// {"depth"}, 4 where it is not said.
core::RequestAnswer ZonesInterceptor::learn(std::string_view body) const {
  using State = core::RequestAnswer::State;
  const auto asked = nlohmann::json::parse(body, nullptr, false);
  std::size_t depth = 4;
  if (asked.is_object() && asked.contains("depth")) {
    const auto& said = asked["depth"];
    if (!said.is_number_unsigned() || said == 0 || said > limits::learned_levels_max) {
      return {State::refused, R"({"error":"the depth is a number from 1 to 8"})"};
    }
    depth = said.get<std::size_t>();
  }
  return {State::done, to_line(flows_.report(depth))};
}

}  // namespace lineshaft::auth
