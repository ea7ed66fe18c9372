#include "bench/load/wire.h"

#include "tests/support/catch.h"

using namespace lineshaft::load;

TEST_CASE("a message comes out of the wire as it went in", "[bench]") {
  for (const std::uint8_t mqtt : {std::uint8_t{4}, std::uint8_t{5}}) {
    for (const std::uint8_t qos : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2}}) {
      const auto made = make_publish(mqtt, "a/b", qos, true, 200);
      ByteQueue out;
      put_publish(out, made, 515, {7, 8, 9, 10});
      const Frame frame = next_frame(out.data());
      REQUIRE(frame.state == FrameState::complete);
      CHECK(frame.size_bytes == out.data().size());
      PublishView view;
      REQUIRE(read_publish(frame, mqtt, view));
      CHECK(view.topic == "a/b");
      CHECK(view.qos == qos);
      CHECK(view.retain);
      CHECK(view.packet_id == (qos > 0 ? 515 : 0));
      REQUIRE(view.payload.size() == 200);
      PayloadHead head{};
      std::memcpy(&head, view.payload.data(), sizeof head);
      CHECK(head.sent_ns == 7);
      CHECK(head.sequence == 8);
      CHECK(head.publisher == 9);
      CHECK(head.run == 10);
    }
  }
}

TEST_CASE("a frame that is cut off anywhere waits for the rest", "[bench]") {
  ByteQueue out;
  put_publish(out, make_publish(5, "a/b", 1, false, 300), 1, {});
  for (std::size_t size = 0; size < out.data().size(); ++size) {
    CHECK(next_frame(out.data().first(size)).state == FrameState::incomplete);
  }
}

TEST_CASE("the broker's Receive Maximum is found among other properties", "[bench]") {
  // Session Present 0, reason 0, properties: Maximum QoS 1, Assigned Client Identifier "x",
  // User Property "k" = "v", Receive Maximum 20.
  const std::vector<std::uint8_t> packet{0x20, 0x13, 0, 0,   16, 0x24, 1,   0x12, 0, 1, 'x',
                                         0x26, 0,    1, 'k', 0,  1,    'v', 0x21, 0, 20};
  const Frame frame = next_frame(packet);
  REQUIRE(frame.state == FrameState::complete);
  ConnackView connack;
  REQUIRE(read_connack(frame, 5, connack));
  CHECK(connack.reason == 0);
  CHECK(connack.receive_maximum == 20);
}

TEST_CASE("a persistent MQTT 5 session asks for an expiry", "[bench]") {
  ByteQueue out;
  put_connect(out, {.mqtt = 5, .client_id = "c", .clean = false});
  const auto data = out.data();
  CHECK(next_frame(data).size_bytes == data.size());
  CHECK(data[9] == 0);      // no Clean Start
  CHECK(data[12] == 5);     // property length
  CHECK(data[13] == 0x11);  // Session Expiry Interval
}
