// Births for who comes late: what of its budget a connection uses.
#include "sparkplug/snapshot.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/unit/sparkplug/plant.h"

namespace lineshaft::sparkplug {
namespace {

struct Reader {
  Plant plant;
  SnapshotBudget budget;
  std::vector<std::string> topics;
  bool may_have = true;

  Reader() {
    plant.nbirth(0);
    plant.dbirth(1, "D");
    plant.dbirth(2, "D2");
  }
  bool asks(std::string_view filter) {
    return send_snapshot(plant.machine, plant.number(), filter, plant.now.wall, budget,
                         [this](const MessagePtr& birth) {
                           if (may_have) topics.emplace_back(birth->topic());
                           return may_have;
                         });
  }
};

}  // namespace

TEST_CASE("a snapshot has the births a filter matches", "[sparkplug]") {
  Reader reader;
  const std::vector<std::string> all{"spBv1.0/G/NBIRTH/E", "spBv1.0/G/DBIRTH/E/D",
                                     "spBv1.0/G/DBIRTH/E/D2"};
  std::vector<std::string> expected;
  std::string filter;
  SECTION("all") {
    filter = GENERATE("#", "+/+/#", "spBv1.0/#", "spBv1.0/G/#", "spBv1.0/G/+/E/#");
    expected = all;
  }
  SECTION("the edge node's") {
    filter = GENERATE("spBv1.0/+/+/+", "spBv1.0/G/NBIRTH/E", "spBv1.0/G/NBIRTH/E/#");
    expected = {all[0]};
  }
  SECTION("devices'") {
    filter = GENERATE("spBv1.0/+/+/+/+", "spBv1.0/G/DBIRTH/#");
    expected = {all[1], all[2]};
  }
  SECTION("one") {
    filter = "spBv1.0/G/DBIRTH/E/D2";
    expected = {all[2]};
  }
  SECTION("none") {
    filter = GENERATE("spBv1.0/H/#", "spBv1.0/G/+/F/#", "spBv1.0/G", "G/#", "spBv1.0/G/NBIRTH/E/+");
  }
  CHECK(reader.asks(filter));
  CHECK(reader.topics == expected);
}

TEST_CASE("births a reader may not have do not use up what it is sent", "[sparkplug]") {
  Reader reader;
  reader.may_have = false;
  CHECK(reader.asks("#"));
  CHECK(reader.budget.sent == 0);
  CHECK(reader.budget.made > 0);
  reader.may_have = true;
  CHECK(reader.asks("#"));
  CHECK(reader.budget.sent * 2 == reader.budget.made);
}

TEST_CASE("an edge node that does not fit is left out as a whole", "[sparkplug]") {
  Reader reader;
  SECTION("of what is sent") { reader.budget.sent = SnapshotBudget::sent_max - 100; }
  SECTION("of what is made") { reader.budget.made = SnapshotBudget::made_max - 100; }
  CHECK_FALSE(reader.asks("#"));
  CHECK(reader.topics.empty());
  reader.budget.made = 0;
  CHECK(reader.asks("spBv1.0/G/DBIRTH/E/D"));
}

}  // namespace lineshaft::sparkplug
