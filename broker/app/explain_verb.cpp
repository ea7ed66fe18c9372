#include "broker/app/explain_verb.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "auth/zones_explanation.h"
#include "broker/app/terminal.h"
#include "broker/app/zones_setup.h"
#include "broker/core/topic_name.h"
#include "broker/net/tls_files.h"

namespace lineshaft::app {
namespace {

using Json = nlohmann::json;

/// One question to a compiled policy.
class Inquiry {
 public:
  Inquiry(const ZonesPolicy& zones, const ExplainOptions& question, WallTime now)
      : zones_(zones), question_(question), now_(now) {}

  /// Nothing after the reason was told.
  std::optional<Json> run(const Options& options) {
    const auto listener =
        std::ranges::find(options.listeners, question_.listener, &ListenerOptions::name);
    if (listener == options.listeners.end()) {
      complain(fmt::format("there is no listener {}", in_quotes(question_.listener)));
      return std::nullopt;
    }
    if (!is_question()) return std::nullopt;
    arrival_.listener = question_.listener;
    arrival_.now = now_;
    arrival_.tls = listener->tls.on() ? 13 : 0;
    if (question_.tls == "1.2") arrival_.tls = 12;
    if (question_.tls == "1.3") arrival_.tls = 13;
    if (question_.tls == "none") arrival_.tls = 0;
    const auto verdict = identity();
    if (!verdict) return std::nullopt;
    const auth::ZonesQuestion question{
        question_.op,
        question_.topic,
        client_id_,
        {static_cast<QoS>(question_.qos), question_.retain, question_.size_bytes}};
    return auth::explain_json(*zones_.policy, auth::to_json(*verdict, zones_.positions),
                              verdict->principal, question);
  }

 private:
  bool is_question() {
    const bool is_filter = question_.op == "subscribe";
    const bool is_valid = is_filter ? core::is_valid_topic_filter(question_.topic)
                                    : core::is_valid_topic_name(question_.topic);
    if (!is_valid) {
      complain(fmt::format("{} is not a Topic {}", in_quotes(question_.topic),
                           is_filter ? "Filter" : "Name"));
      return false;
    }
    const auto type = to_string(classify_topic(question_.topic));
    if (!question_.sparkplug.empty() && question_.sparkplug != type) {
      complain(fmt::format("the topic {} carries {} and not {}", in_quotes(question_.topic), type,
                           question_.sparkplug));
      return false;
    }
    return true;
  }

  /// With a Client Identifier that fits the rule, when none is given.
  std::optional<auth::IdentityVerdict> identity() {
    client_id_ = question_.client_id;
    auto verdict = judge();
    const bool is_chosen = !question_.client_id.empty();
    if (!verdict || is_chosen) return verdict;
    client_id_ = verdict->principal.name;
    verdict = judge();
    if (verdict->reason != auth::PolicyReason::clientid_bound) return verdict;
    client_id_ += "-1";
    return judge();
  }

  std::optional<auth::IdentityVerdict> judge() {
    arrival_.client_id = client_id_;
    const auth::IdentityRules& rules = *zones_.identity;
    if (!question_.user.empty()) {
      return auth::judge_name(rules, question_.user, core::Proof::password, arrival_);
    }
    if (question_.cert_file.empty()) {
      return auth::judge_name(rules, {}, core::Proof::none, arrival_);
    }
    const net::TlsFile file = net::read_tls_file(question_.cert_file);
    const std::string der = file.content ? auth::first_certificate_der(*file.content) : "";
    if (der.empty()) {
      complain(file.content ? question_.cert_file + " holds no certificate in PEM" : file.problem);
      return std::nullopt;
    }
    return auth::judge_certificate(rules, {der, rules.trust->issuer_of(der), false}, arrival_);
  }

  const ZonesPolicy& zones_;
  const ExplainOptions& question_;
  const WallTime now_;
  auth::Arrival arrival_;
  std::string client_id_;
};

}  // namespace

void print_explanation(nlohmann::json answer, bool as_json) {
  const std::string text = answer.at("text").get<std::string>();
  answer.erase("text");
  say(as_json ? answer.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text);
}

ExitCode explain(const ConfigSources& sources, const ExplainOptions& question, WallTime now) {
  try {
    const auto options = load_options(sources);
    const ZonesPolicy zones = load_zones(*options, now);
    if (zones.policy == nullptr) {
      complain(fmt::format("authorization is {} and not \"zones\": there is nothing to explain",
                           in_quotes(options->authorization)));
      return ExitCode::config;
    }
    auto answer = Inquiry(zones, question, now).run(*options);
    if (!answer) return ExitCode::usage;
    print_explanation(*answer, question.json);
    return answer->at("allow").get<bool>() ? ExitCode::ok : ExitCode::denied;
  } catch (const ConfigError& error) {
    std::fputs(error.what(), stderr);
    return ExitCode::config;
  }
}

}  // namespace lineshaft::app
