#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "auth/zones_interceptor.h"
#include "tests/unit/auth/policy_fixture.h"

/// What the tests of the zones at the core's points of decision share.
namespace lineshaft::auth::policy_test {

/// The core as an interceptor sees it.
class TestContext final : public core::Context {
 public:
  Now at{Instant{Milliseconds{1'000'000}}, friday};
  std::map<std::pair<std::string, std::string>, std::string> items;
  std::optional<WallTime> wakes_at;
  int changes = 0;
  /// The store takes nothing more.
  bool is_full = false;

  Now now() const override { return at; }
  bool persist(std::string_view family, std::string_view key, std::string_view value) override {
    const std::pair place{std::string(family), std::string(key)};
    if (value.empty()) {
      items.erase(place);
    } else if (is_full) {
      return false;
    } else {
      items[place] = value;
    }
    return true;
  }
  bool publish(MessagePtr, core::PrincipalPtr) override { return true; }
  void wake_at(WallTime time) override { wakes_at = time; }
  void policy_changed() override { ++changes; }

  void pass(Milliseconds time) {
    at.steady += time;
    at.wall += time;
  }
};

inline KeptMessagePtr message(std::string_view topic, std::string_view payload = "x",
                              QoS qos = QoS::at_most_once, bool retain = false) {
  MessageFields fields;
  fields.topic = topic;
  fields.payload = payload;
  fields.qos = qos;
  fields.retain = retain;
  return KeptMessage::make(fields, {});
}

/// The example with other fields of a zone, role or conduit.
inline std::string with(std::string_view pointer, nlohmann::json value) {
  auto document = nlohmann::json::parse(example_policy);
  document[nlohmann::json::json_pointer(std::string(pointer))] = std::move(value);
  return document.dump();
}

}  // namespace lineshaft::auth::policy_test
