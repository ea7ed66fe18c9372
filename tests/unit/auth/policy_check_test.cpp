#include "auth/policy_snapshot.h"
#include "tests/unit/auth/policy_fixture.h"

namespace lineshaft::auth {

using namespace policy_test;

TEST_CASE("inside a zone the roles decide", "[auth][policy]") {
  const auto policy = compiled(example_policy);
  const auto edge = somebody("ot", {"edge"});
  CHECK(decided(*policy, edge, Op::publish, "plant1/ot/press/temp") == "ALLOWED");
  CHECK(decided(*policy, edge, Op::deliver, "plant1/ot/press/temp") == "ALLOWED");
  CHECK(decided(*policy, edge, Op::publish, "plant1/it/erp") == "ROLE_NO_ALLOW");
  CHECK(decided(*policy, somebody("ot", {}), Op::publish, "plant1/ot/a") == "ROLE_NO_ALLOW");
  CHECK(decided(*policy, somebody("ot", {"gateway"}), Op::publish, "plant1/ot/a") ==
        "ROLE_NO_ALLOW");
}

TEST_CASE("between zones nothing flows without a conduit", "[auth][policy]") {
  const auto policy = compiled(example_policy);
  const auto gateway = somebody("dmz", {"gateway"});
  const auto analyst = somebody("it", {"reader"});
  const auto app = somebody("it", {"app"});
  CHECK(decided(*policy, gateway, Op::deliver, "plant1/ot/press/temp") == "ALLOWED");
  CHECK(decided(*policy, analyst, Op::deliver, "plant1/ot/press/temp") == "CONDUIT_TOPIC");
  CHECK(decided(*policy, analyst, Op::deliver, "plant1/ot/press/kpi/oee") == "ALLOWED");
  CHECK(decided(*policy, analyst, Op::deliver, "plant1/dmz/a") == "NO_CONDUIT");
  CHECK(decided(*policy, app, Op::publish, "plant1/ot/press/orders") == "ALLOWED");
  CHECK(decided(*policy, app, Op::deliver, "plant1/ot/press/orders") == "CONDUIT_TOPIC");
  CHECK(decided(*policy, app, Op::publish, "plant1/ot/press/orders",
                {QoS::at_most_once, false, 65537}) == "CONDUIT_SIZE");
  CHECK(decided(*policy, somebody("it", {"app"}, 2), Op::publish, "plant1/ot/press/orders") ==
        "CONDUIT_STRENGTH");
}

}  // namespace lineshaft::auth
