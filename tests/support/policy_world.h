#pragma once

#include <fmt/format.h>

#include <memory>
#include <string_view>
#include <utility>

#include "broker/base/metrics.h"
#include "broker/core/request.h"
#include "tests/support/answering_interceptor.h"
#include "tests/support/believing.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_client.h"

namespace lineshaft::test {

/// A broker whose interceptor answers what the test says.
struct PolicyWorld {
  Believing believing;
  std::shared_ptr<Answering> rules = std::make_shared<Answering>();
  ScriptedBroker broker;

  PolicyWorld() { broker.guard(&believing, rules); }

  /// Another policy from now on.
  void change(std::shared_ptr<Answering> later) {
    rules = std::move(later);
    broker.change_policy(rules);
  }
  ScriptedClient connect(std::string_view notation) { return broker.connect(notation); }
  /// A session of an hour; Clean Start, unless `flags` say otherwise. CONNACK has come.
  ScriptedClient in(std::string_view client_id, std::string_view user, const char* flags = "82") {
    ScriptedClient client = connect(
        fmt::format("10 [<MQTT> 05 {} 0000 [11 00000E10] <{}> <{}>]", flags, client_id, user));
    client.expect_connack();
    return client;
  }
  ScriptedClient in_3_1_1(std::string_view client_id, std::string_view user) {
    ScriptedClient client =
        connect(fmt::format("10 [<MQTT> 04 82 0000 <{}> <{}>]", client_id, user));
    client.expect("20020000");
    return client;
  }
};

}  // namespace lineshaft::test
