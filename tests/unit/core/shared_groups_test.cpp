#include "broker/core/shared_groups.h"

#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::core;

namespace {

SharedGroup::Member member(SessionIndex session, QoS qos = QoS::at_most_once) {
  SharedGroup::Member result;
  result.session = session;
  result.generation = 1;
  result.options.qos = qos;
  return result;
}

}  // namespace

TEST_CASE("the first member founds a group, the next ones join it", "[core][MQTT-4.8.2-1]") {
  SharedGroups groups;
  const auto founded = groups.join("", "$share/g/a/+", member(1));
  CHECK(founded.group_is_new);
  CHECK(founded.share != 0);
  const auto joined = groups.join("", "$share/g/a/+", member(2));
  CHECK_FALSE(joined.group_is_new);
  CHECK(joined.share == founded.share);
  CHECK(groups.size() == 1);
  const SharedGroup* const group = groups.find(founded.share);
  REQUIRE(group != nullptr);
  REQUIRE(group->members.size() == 2);
  CHECK(group->members[0].session == 1);
  CHECK(group->members[1].session == 2);
}

TEST_CASE("another share name or filter is another group", "[core]") {
  SharedGroups groups;
  const ShareId one = groups.join("", "$share/g/a", member(1)).share;
  const ShareId two = groups.join("", "$share/h/a", member(1)).share;
  const ShareId three = groups.join("", "$share/g/b", member(1)).share;
  CHECK(one != two);
  CHECK(one != three);
  CHECK(two != three);
  CHECK(groups.size() == 3);
  CHECK(groups.find("", "$share/h/a") == two);
  CHECK(groups.find("", "$share/x/a") == 0);
}

TEST_CASE("each zone has a group of its own", "[core]") {
  SharedGroups groups;
  const ShareId one = groups.join("ot", "$share/g/a", member(1)).share;
  const ShareId two = groups.join("it", "$share/g/a", member(2)).share;
  CHECK(one != two);
  CHECK(groups.find("ot", "$share/g/a") == one);
  CHECK(groups.find("it", "$share/g/a") == two);
  CHECK(groups.find("", "$share/g/a") == 0);
}

TEST_CASE("a member that subscribes again is one member with new options", "[core]") {
  SharedGroups groups;
  const ShareId share = groups.join("", "$share/g/a", member(1)).share;
  groups.join("", "$share/g/a", member(2));
  auto again = member(1, QoS::exactly_once);
  again.subscription_identifier = 9;
  CHECK_FALSE(groups.join("", "$share/g/a", again).group_is_new);
  const SharedGroup& group = *groups.find(share);
  REQUIRE(group.members.size() == 2);
  CHECK(group.members[0].options.qos == QoS::exactly_once);
  CHECK(group.members[0].subscription_identifier == 9);
  CHECK(group.members[1].options.qos == QoS::at_most_once);
}

TEST_CASE("a group ends with its last member and its number is not used again", "[core]") {
  SharedGroups groups;
  const ShareId share = groups.join("", "$share/g/a", member(1)).share;
  groups.join("", "$share/g/a", member(2));
  CHECK_FALSE(groups.leave(share, 1));
  CHECK_FALSE(groups.leave(share, 7));  // was no member
  REQUIRE(groups.find(share) != nullptr);
  CHECK(groups.find(share)->members.front().session == 2);
  CHECK(groups.leave(share, 2));
  CHECK(groups.find(share) == nullptr);
  CHECK(groups.find("", "$share/g/a") == 0);
  CHECK_FALSE(groups.leave(share, 2));
  // Queue entries name the old group: it must not come back under its number.
  const auto again = groups.join("", "$share/g/a", member(1));
  CHECK(again.group_is_new);
  CHECK(again.share != share);
}
