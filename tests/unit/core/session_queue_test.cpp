#include "broker/core/session_queue.h"

#include <cstdint>
#include <string>
#include <utility>

#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::core;

namespace {

QueueEntry entry(std::uint64_t seq, std::uint64_t persist_seq, Octets payload = "12345") {
  MessageFields fields;
  fields.topic = "a/b";
  fields.payload = payload;
  QueueEntry result;
  result.seq = seq;
  result.persist_seq = persist_seq;
  result.message = KeptMessage::make(fields, {});
  return result;
}

void put_inflight(SessionQueue& queue, int packet_id) {
  InflightEntry inflight;
  inflight.packet_id = static_cast<std::uint16_t>(packet_id);
  queue.inflight.push_back(std::move(inflight));
}

}  // namespace

TEST_CASE("a new queue is empty and its first packet identifier is 1", "[core][MQTT-2.2.1-3]") {
  SessionQueue queue;
  CHECK(queue.empty());
  CHECK(queue.waiting() == 0);
  CHECK(queue.take_packet_id() == 1);
  CHECK(queue.take_packet_id() == 2);
}

TEST_CASE("packet identifiers start again at 1, never 0, after the last", "[core][MQTT-2.2.1-3]") {
  SessionQueue queue;
  queue.next_packet_id = 65534;
  CHECK(queue.take_packet_id() == 65534);
  CHECK(queue.take_packet_id() == 65535);
  CHECK(queue.take_packet_id() == 1);
}

TEST_CASE("a packet identifier in flight is not taken again", "[core][MQTT-2.2.1-4]") {
  SessionQueue queue;
  for (const int used : {65535, 1, 2, 4}) put_inflight(queue, used);
  queue.next_packet_id = 65535;
  CHECK(queue.take_packet_id() == 3);
  CHECK(queue.take_packet_id() == 5);
}

TEST_CASE("a message in flight is found by its packet identifier", "[core]") {
  SessionQueue queue;
  for (const int id : {9, 4, 6}) put_inflight(queue, id);
  REQUIRE(queue.find_inflight(4) != nullptr);
  CHECK(queue.find_inflight(4)->packet_id == 4);
  CHECK(queue.find_inflight(6)->packet_id == 6);
  CHECK(queue.find_inflight(5) == nullptr);
  CHECK_FALSE(queue.empty());
  CHECK(queue.waiting() == 0);
}

TEST_CASE("an entry's size is its topic, properties and payload", "[core]") {
  MessageFields fields;
  fields.topic = "a/b";
  fields.properties = "\x01\x01";
  fields.payload = "12345";
  QueueEntry sized;
  sized.message = KeptMessage::make(fields, {});
  CHECK(sized.size_bytes() == 10);
}

TEST_CASE("the tail joins the head in order when nothing is spilled", "[core]") {
  SessionQueue queue;
  queue.head.push_back(entry(1, 0));
  queue.tail.push_back(entry(2, 0));
  queue.tail.push_back(entry(3, 0));
  CHECK(queue.waiting() == 3);
  queue.join();
  CHECK(queue.tail.empty());
  REQUIRE(queue.head.size() == 3);
  for (std::uint64_t seq = 1; seq <= 3; ++seq) CHECK(queue.head.pop_front().seq == seq);
}

TEST_CASE("the tail stays behind what is spilled", "[core]") {
  SessionQueue queue;
  queue.head.push_back(entry(1, 0));
  queue.spilled.push_back({2, 0, 8});
  queue.tail.push_back(entry(3, 0));
  queue.join();
  CHECK(queue.head.size() == 1);
  CHECK(queue.tail.size() == 1);
  CHECK(queue.waiting() == 3);
  queue.spilled.pop_front();
  queue.join();
  CHECK(queue.head.back().seq == 3);
}

TEST_CASE("only what is committed spills, from the front, and keeps what RAM must know", "[core]") {
  SessionQueue queue;
  queue.tail.push_back(entry(1, 10, std::string(100, 'x')));
  queue.tail.front().message->store_id = 77;
  queue.tail.push_back(entry(2, 11));
  queue.tail.push_back(entry(3, 12));
  queue.spill_committed(9);
  CHECK(queue.spilled.empty());
  queue.spill_committed(11);
  REQUIRE(queue.spilled.size() == 2);
  CHECK(queue.spilled[0].seq == 1);
  CHECK(queue.spilled[0].store_id == 77);
  CHECK(queue.spilled[0].size_bytes == 103);
  CHECK(queue.spilled[1].seq == 2);
  REQUIRE(queue.tail.size() == 1);
  CHECK(queue.tail.front().seq == 3);
  CHECK(queue.waiting() == 3);
}

TEST_CASE("an entry that is in no store never spills, nor what stands behind it", "[core]") {
  SessionQueue queue;
  queue.tail.push_back(entry(1, 0));
  queue.tail.push_back(entry(2, 10));
  queue.spill_committed(100);
  CHECK(queue.spilled.empty());
  CHECK(queue.tail.size() == 2);
}

TEST_CASE("an entry of a shared subscription stays in RAM, ready to be moved", "[core]") {
  SessionQueue queue;
  queue.tail.push_back(entry(1, 10));
  queue.tail.push_back(entry(2, 10));
  queue.tail.back().share = 5;
  queue.tail.push_back(entry(3, 10));
  queue.spill_committed(10);
  CHECK(queue.spilled.size() == 1);
  REQUIRE(queue.tail.size() == 2);
  CHECK(queue.tail.front().seq == 2);
}
