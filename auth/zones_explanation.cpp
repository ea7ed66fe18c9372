#include "auth/zones_explanation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/x509.h>

#include <string_view>
#include <vector>

#include "auth/certificate_leaf.h"
#include "auth/json_fields.h"
#include "auth/pki_pem.h"
#include "auth/policy_report_text.h"
#include "auth/printable.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

using Json = nlohmann::json;

std::string_view to_string(core::Proof proof) {
  switch (proof) {
    case core::Proof::none:
      return "none";
    case core::Proof::password:
      return "password";
    case core::Proof::scram:
      return "scram";
    case core::Proof::psk:
      return "psk";
    case core::Proof::certificate:
      return "certificate";
  }
  return "unknown";
}

bool flag_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

int number_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<int>() : 0;
}

std::string words_of(const Json& json, const char* key) {
  std::vector<std::string> words;
  const auto found = json.find(key);
  if (found != json.end() && found->is_array()) {
    for (const Json& each : *found) {
      if (each.is_string()) words.push_back(each.get<std::string>());
    }
  }
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

std::string line(std::string_view label, std::string_view text) {
  return fmt::format("{:<12}{}\n", label, printable(std::string(text)));
}

/// What becomes of a subscription to a filter with wildcards, which belongs to no single zone.
Json relation_json(const PolicySnapshot& policy, const core::Principal& principal,
                   const ZonesQuestion& question) {
  const PolicyReason place = policy.may_connect(principal);
  const Relation relation = policy.relate(principal, question.client_id, question.topic);
  const ZoneFacts* zone = policy.zone(principal.zone);
  const bool is_refused_overlap =
      relation == Relation::overlap && zone != nullptr && zone->overlap == OverlapPolicy::deny;
  const bool allow =
      place == PolicyReason::allowed && relation != Relation::disjoint && !is_refused_overlap;
  PolicyReason reason = place;
  if (place == PolicyReason::allowed && !allow) reason = PolicyReason::role_no_allow;
  constexpr std::string_view words[] = {"nothing of it", "a part of it", "all of it"};
  return {{"allow", allow},
          {"reason", to_string(reason)},
          {"op", "subscribe"},
          {"topic", question.topic},
          {"receives", words[static_cast<std::size_t>(relation)]}};
}

std::string relation_text(const Json& json) {
  return line("operation:", "subscribe") + line("topic:", text_in(json, "topic")) +
         line("receives:", text_in(json, "receives")) +
         line(flag_of(json, "allow") ? "allow:" : "deny:", text_in(json, "reason"));
}

}  // namespace

Json to_json(const core::Principal& principal, PolicyReason reason) {
  Json json = {{"allow", reason == PolicyReason::allowed},
               {"reason", to_string(reason)},
               {"name", principal.name},
               {"proof", to_string(principal.proof)},
               {"strength", principal.strength},
               {"zone", principal.zone},
               {"roles", principal.roles},
               {"tls", principal.tls},
               {"listener", principal.listener},
               {"serial", principal.serial}};
  if (!principal.issuer_spki.empty()) json["issuer"] = to_spki_text(principal.issuer_spki);
  if (!principal.spki.empty()) json["spki"] = to_spki_text(principal.spki);
  return json;
}

Json to_json(const IdentityVerdict& verdict, const Positions& positions) {
  Json json = to_json(verdict.principal, verdict.reason);
  json["detail"] = verdict.detail;
  Json steps = Json::array();
  for (const ClaimStep& each : verdict.steps) {
    const std::string pointer = fmt::format("/identity/{}", each.extractor);
    const std::string at = positions.text(pointer);
    steps.push_back({{"at", at.empty() ? pointer : at},
                     {"values", each.values},
                     {"matched", each.matched},
                     {"zone", each.claims.zone},
                     {"roles", each.claims.roles},
                     {"name", each.claims.name}});
  }
  json["steps"] = std::move(steps);
  return json;
}

std::string identity_text(const Json& json) {
  std::string out = line("proof", text_in(json, "proof"));
  const auto steps = json.find("steps");
  if (steps != json.end() && steps->is_array()) {
    for (const Json& step : *steps) {
      const std::string found =
          flag_of(step, "matched")
              ? fmt::format("zone {}, roles {}, name {}", text_in(step, "zone"),
                            words_of(step, "roles"), text_in(step, "name"))
              : std::string("does not match");
      out += line("extraction", fmt::format("{}: {} -> {}", text_in(step, "at"),
                                            words_of(step, "values"), found));
    }
  }
  out += line("name", text_in(json, "name"));
  out += line("zone", text_in(json, "zone"));
  out += line("roles", words_of(json, "roles"));
  out += line("strength", fmt::format("{}", number_of(json, "strength")));
  if (const std::string detail = text_in(json, "detail"); !detail.empty()) {
    out += line("because", detail);
  }
  const std::string reason = text_in(json, "reason");
  if (!flag_of(json, "allow")) out += line("deny:", reason);
  return out;
}

std::string first_certificate_der(const std::string& pem) {
  const auto certificate = certificate_of(pem);
  unsigned char* bytes = nullptr;
  const int size = certificate ? i2d_X509(certificate.get(), &bytes) : 0;
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

Json explain_json(const PolicySnapshot& policy, Json identity, const core::Principal& principal,
                  const ZonesQuestion& question) {
  std::string text = identity_text(identity);
  bool allow = flag_of(identity, "allow");
  Json answer = {{"identity", std::move(identity)}};
  if (allow) {
    const bool receives = question.op == "subscribe";
    if (receives && core::has_wildcard(question.topic)) {
      answer["decision"] = relation_json(policy, principal, question);
      text += relation_text(answer["decision"]);
    } else {
      const Op op = receives ? Op::deliver : question.op == "will" ? Op::will : Op::publish;
      const Explanation why =
          policy.explain(principal, question.client_id, op, question.topic, question.message);
      answer["decision"] = to_json(policy, why);
      text += to_text(policy, why);
    }
    allow = flag_of(answer["decision"], "allow");
  }
  answer["allow"] = allow;
  answer["text"] = std::move(text);
  return answer;
}

}  // namespace lineshaft::auth
