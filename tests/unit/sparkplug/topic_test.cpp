#include "sparkplug/topic.h"

#include "tests/support/catch.h"

namespace lineshaft::sparkplug {

TEST_CASE("each form of a Sparkplug topic is taken apart",
          "[sparkplug][tck-id-topic-structure][tck-id-topics-nbirth-topic]"
          "[tck-id-topics-dbirth-topic]"
          "[tck-id-topics-ndata-topic][tck-id-topics-ddata-topic][tck-id-topics-ndeath-topic]"
          "[tck-id-topics-ddeath-topic][tck-id-topics-ncmd-topic][tck-id-topics-dcmd-topic]"
          "[tck-id-host-topic-phid-birth-topic]") {
  struct Case {
    std::string_view name;
    Topic topic;
  };
  const Case cases[] = {
      {"spBv1.0/G/NBIRTH/E", {MessageType::nbirth, "G", "E", ""}},
      {"spBv1.0/G/NDEATH/E", {MessageType::ndeath, "G", "E", ""}},
      {"spBv1.0/G/NDATA/E", {MessageType::ndata, "G", "E", ""}},
      {"spBv1.0/G/NCMD/E", {MessageType::ncmd, "G", "E", ""}},
      {"spBv1.0/G/DBIRTH/E/D", {MessageType::dbirth, "G", "E", "D"}},
      {"spBv1.0/G/DDEATH/E/D", {MessageType::ddeath, "G", "E", "D"}},
      {"spBv1.0/G/DDATA/E/D", {MessageType::ddata, "G", "E", "D"}},
      {"spBv1.0/G/DCMD/E/D", {MessageType::dcmd, "G", "E", "D"}},
      {"spBv1.0/STATE/scada 1", {MessageType::state, "", "scada 1", ""}},
      {"spBv1.0/STATE/NBIRTH/E", {MessageType::nbirth, "STATE", "E", ""}},
      {"spBv1.0/Werk Süd/DDATA/a b/$x", {MessageType::ddata, "Werk Süd", "a b", "$x"}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    const auto topic = parse_topic(one.name);
    REQUIRE(topic.has_value());
    CHECK(*topic == one.topic);
    CHECK(topic_name(*topic) == one.name);
  }
}

TEST_CASE("a topic that is not quite Sparkplug's is plain MQTT",
          "[sparkplug][tck-id-topic-structure-namespace-a]"
          "[tck-id-topic-structure-namespace-device-id-associated-message-types]"
          "[tck-id-topic-structure-namespace-device-id-non-associated-message-types]"
          "[tck-id-intro-group-id-chars][tck-id-intro-edge-node-id-chars]"
          "[tck-id-intro-device-id-chars]") {
  constexpr std::string_view names[] = {
      "",
      "spBv1.0",
      "spBv1.0/G",
      "spBv1.0/G/NBIRTH",
      "spBv1.0/G/NBIRTH/",
      "spBv1.0//NBIRTH/E",
      "spBv1.0/G/NBIRTH/E/D",
      "spBv1.0/G/NBIRTH/E/",
      "spBv1.0/G/DBIRTH/E",
      "spBv1.0/G/DBIRTH/E/",
      "spBv1.0/G/DBIRTH//D",
      "spBv1.0/G/DBIRTH/E/D/x",
      "spBv1.0/G/nbirth/E",
      "spBv1.0/G/STATE/E",
      "spBv1.0/G/none/E",
      "spBv1.0/G/NBIRTHS/E",
      "spBv1.0/STATE",
      "spBv1.0/STATE/",
      "spBv1.0/STATE/a/b",
      "spBv1.0/state/a",
      "spbv1.0/G/NBIRTH/E",
      "spBv1.0x/G/NBIRTH/E",
      "spAv1.0/G/NBIRTH/E",
      "STATE/scada",
      "/spBv1.0/G/NBIRTH/E",
      "spBv1.0/G/NBIRTH/+",
      "spBv1.0/#/NBIRTH/E",
      "$sparkplug/certificates/spBv1.0/G/NBIRTH/E",
  };
  for (const std::string_view name : names) {
    CAPTURE(name);
    CHECK_FALSE(parse_topic(name).has_value());
  }
  using namespace std::string_view_literals;
  CHECK_FALSE(parse_topic("spBv1.0/G/NBIRTH/E\0x"sv).has_value());
}

}  // namespace lineshaft::sparkplug
