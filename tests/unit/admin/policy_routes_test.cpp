#include "broker/admin/policy_routes.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/support/catch.h"
#include "tests/unit/admin/small_backend.h"

namespace lineshaft::admin::test {
namespace {

using PolicyState = core::RequestAnswer::State;

/// The answer to a POST of a member of the broker's group; none when nobody has answered.
std::optional<HttpResponse> tell(SmallBackend& backend, const std::string& verb,
                                 const std::string& body) {
  const Router router(api_routes(backend, {}));
  HttpRequest request{Method::post, "/api/v1/policy:" + verb, "", body, Caller::administrator};
  request.asker = "uid 1000";
  const auto found = router.find(request);
  REQUIRE(std::holds_alternative<const Route*>(found));
  std::optional<HttpResponse> answer;
  std::get<const Route*>(found)->handle(request, [&](const Render& page) { answer = page(); });
  return answer;
}

}  // namespace

TEST_CASE("the policy is told what was said, by whom, and about which session", "[admin]") {
  SmallBackend backend;
  backend.policy_answer = {PolicyState::done, R"({"allow":true})"};
  const auto answer =
      tell(backend, "why", R"({"client":"press","op":"pub","topic":"a","by":"somebody else"})");
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->body == "{\"allow\":true}\n");
  CHECK(backend.asked.verb == "explain");
  CHECK(backend.asked.client_id == "press");
  const auto body = nlohmann::json::parse(backend.asked.body);
  CHECK(body.at("by") == "uid 1000");
  CHECK(body.at("topic") == "a");
}

TEST_CASE("an order without a body is an order without details", "[admin]") {
  SmallBackend backend;
  CHECK(tell(backend, "overrides", "")->status == 200);
  CHECK(backend.asked.verb == "overrides");
  CHECK(backend.asked.client_id.empty());
}

TEST_CASE("what is no JSON object never reaches the policy", "[admin]") {
  SmallBackend backend;
  for (const char* body : {"[]", "{", "1", "\xff", R"({"client":"\xff"})"}) {
    INFO(body);
    CHECK(tell(backend, "island", body)->status == 400);
  }
  CHECK(backend.asked.verb.empty());
}

TEST_CASE("the policy's refusal, no policy and no core are different answers", "[admin]") {
  SmallBackend backend;
  backend.policy_answer = {PolicyState::refused, R"({"error":"there is no such zone"})"};
  const auto refused = tell(backend, "island", "{}");
  CHECK(refused->status == 422);
  CHECK(nlohmann::json::parse(refused->body).at("detail") == "there is no such zone");
  backend.policy_answer = {PolicyState::unknown_verb, {}};
  CHECK(tell(backend, "island", "{}")->status == 409);
  backend.refuses = true;
  CHECK(tell(backend, "island", "{}")->status == 503);
  backend.refuses = false;
  backend.silent = true;
  CHECK_FALSE(tell(backend, "island", "{}"));
}

TEST_CASE("the policy is told nothing over TCP and nothing by GET", "[admin]") {
  SmallBackend backend;
  const Router router(api_routes(backend, {}));
  const auto status = [&](Method method, Caller caller) {
    const auto found =
        router.find({method, "/api/v1/policy:quarantine", "localhost", "{}", caller});
    const auto* refused = std::get_if<HttpResponse>(&found);
    return refused == nullptr ? 200 : refused->status;
  };
  CHECK(status(Method::post, Caller::loopback) == 403);
  CHECK(status(Method::post, Caller::stranger) == 403);
  CHECK(status(Method::get, Caller::administrator) == 405);
  CHECK(status(Method::post, Caller::administrator) == 200);
}

}  // namespace lineshaft::admin::test
