#include "storage/keys.h"

#include <string>

#include "tests/support/catch.h"

namespace lineshaft::storage {
namespace {

std::string queue_key(core::SessionId sid, std::uint64_t seq) {
  std::string key;
  append_queue_key(key, sid, seq);
  return key;
}

TEST_CASE("queue keys sort by session and then by sequence number", "[storage]") {
  CHECK(queue_key(1, 0xFFFFFFFFFFFFFFFF) < queue_key(2, 0));
  CHECK(queue_key(2, 255) < queue_key(2, 256));
  CHECK(queue_key(255, 0) < queue_key(256, 0));
}

TEST_CASE("every key is taken apart into what it was made of", "[storage]") {
  std::string key;
  append_sub_key(key, 42, "acme/+/#");
  const auto sub = parse_sub_key(key);
  REQUIRE(sub);
  CHECK(sub->sid == 42);
  CHECK(sub->filter == "acme/+/#");

  const auto queue = parse_queue_key(queue_key(7, 99));
  REQUIRE(queue);
  CHECK(queue->sid == 7);
  CHECK(queue->seq == 99);

  key.clear();
  append_inflight_key(key, 7, core::Direction::out, 0xFFFF);
  const auto inflight = parse_inflight_key(key);
  REQUIRE(inflight);
  CHECK(inflight->sid == 7);
  CHECK(inflight->direction == core::Direction::out);
  CHECK(inflight->packet_id == 0xFFFF);

  key.clear();
  append_payload_key(key, 0x0102030405060708);
  CHECK(parse_payload_key(key) == 0x0102030405060708u);

  key.clear();
  append_number_name_key(key, 17);
  CHECK(parse_number_name_key(key) == 17u);
}

TEST_CASE("bytes that are no key are refused", "[storage]") {
  const std::string short_key("\0\0\0\0\0\0\0", 7);
  CHECK_FALSE(parse_sub_key(short_key));
  CHECK_FALSE(parse_sub_key(short_key + "x"));  // a session without a filter
  CHECK_FALSE(parse_queue_key(queue_key(1, 2) + "x"));
  CHECK_FALSE(parse_queue_key(queue_key(1, 2).substr(1)));
  CHECK_FALSE(parse_payload_key(short_key));
  CHECK_FALSE(parse_payload_key(std::string(8, '\0')));
  CHECK_FALSE(parse_number_name_key("cclient"));
  CHECK_FALSE(parse_number_name_key("i123"));
  std::string inflight;
  append_inflight_key(inflight, 1, core::Direction::in, 5);
  inflight[8] = 2;  // a third direction
  CHECK_FALSE(parse_inflight_key(inflight));
}

}  // namespace
}  // namespace lineshaft::storage
