#include "broker/base/message.h"

#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.h"

using namespace lineshaft;

namespace {

MessageFields fields(Octets topic, Octets payload) {
  MessageFields result;
  result.topic = topic;
  result.payload = payload;
  return result;
}

WallTime wall(std::int64_t ms) { return WallTime{Milliseconds{ms}}; }

}  // namespace

TEST_CASE("a message holds topic, properties and payload back to back", "[base]") {
  MessageArena arena;
  MessageFields given = fields("acme/press/temp", "21.5");
  given.properties = "\x01\x01";
  const MessagePtr message = arena.make(given);
  CHECK(message->topic() == "acme/press/temp");
  CHECK(message->properties() == "\x01\x01");
  CHECK(message->payload() == "21.5");
  CHECK(message->topic().data() + message->topic().size() == message->properties().data());
  CHECK(message->properties().data() + 2 == message->payload().data());
  CHECK(message->topic().data() == reinterpret_cast<const char*>(message.get()) + sizeof(Message));
}

TEST_CASE("a message without properties and payload is whole", "[base]") {
  MessageArena arena;
  const MessagePtr message = arena.make(fields("a", {}));
  CHECK(message->topic() == "a");
  CHECK(message->properties().empty());
  CHECK(message->payload().empty());
  CHECK(message->expiry_interval_s() == no_expiry_s);
}

TEST_CASE("flags and expiry of a message come back as given, in a block and kept", "[base]") {
  MessageArena arena;
  for (const QoS qos : {QoS::at_most_once, QoS::at_least_once, QoS::exactly_once}) {
    for (const bool retain : {false, true}) {
      for (const bool request : {false, true}) {
        MessageFields given = fields("a", "1");
        given.qos = qos;
        given.retain = retain;
        given.request_response = request;
        given.expiry_interval_s = 7;
        const MessagePtr message = arena.make(given);
        const KeptMessagePtr kept = KeptMessage::keep(*message, {});
        for (const Message* each : {message.get(), static_cast<const Message*>(kept.get())}) {
          CHECK(each->qos() == qos);
          CHECK(each->retain() == retain);
          CHECK(each->request_response() == request);
          CHECK(each->expiry_interval_s() == 7);
        }
        CHECK_FALSE(message->has_own_allocation());
        CHECK(kept->has_own_allocation());
      }
    }
  }
}

TEST_CASE("a block that nobody holds is used again from its start", "[base]") {
  MessageArena arena;
  MessagePtr first = arena.make(fields("a", "1"));
  const Message* const place = first.get();
  first.reset();
  for (int i = 0; i < 100'000; ++i) {
    const MessagePtr next = arena.make(fields("b", "2"));
    REQUIRE(next.get() == place);
  }
}

TEST_CASE("a block is not used again while one of its messages is held", "[base]") {
  MessageArena arena;
  MessagePtr first = arena.make(fields("a", "held"));
  const MessagePtr copy = first;
  first.reset();
  for (int i = 0; i < 10'000; ++i) arena.make(fields("b", "fleeting"));
  CHECK(copy->payload() == "held");
}

TEST_CASE("messages of one block do not overlap and are aligned", "[base]") {
  MessageArena arena;
  std::vector<MessagePtr> held;
  std::vector<std::string> payloads;
  for (std::size_t size = 0; size < 3'000; size += 7) {  // several blocks
    payloads.emplace_back(size, static_cast<char>('a' + size % 26));
    held.push_back(arena.make(fields("acme/line", payloads.back())));
  }
  for (std::size_t i = 0; i < held.size(); ++i) {
    REQUIRE(held[i]->topic() == "acme/line");
    REQUIRE(held[i]->payload() == payloads[i]);
    REQUIRE(reinterpret_cast<std::uintptr_t>(held[i].get()) % alignof(Message) == 0);
  }
}

TEST_CASE("a full block lives on with its last message, also without the arena", "[base]") {
  MessagePtr early;
  MessagePtr late;
  {
    MessageArena arena;
    const std::string large(4'000, 'x');
    early = arena.make(fields("early", large));
    for (int i = 0; i < 40; ++i) late = arena.make(fields("late", large));
  }
  CHECK(early->topic() == "early");
  CHECK(late->topic() == "late");
  CHECK(late->payload() == std::string(4'000, 'x'));
}

TEST_CASE("messages released on another thread free their block for reuse", "[base]") {
  MessageArena arena;
  const Message* first = nullptr;
  std::vector<MessagePtr> batch;
  for (int i = 0; i < 100; ++i) {
    batch.push_back(arena.make(fields("a", "1")));
    if (i == 0) first = batch.back().get();
  }
  std::thread([taken = std::exchange(batch, {})]() mutable { taken.clear(); }).join();
  CHECK(arena.make(fields("b", "2")).get() == first);
}

TEST_CASE("two threads may hold and release copies of one message at once", "[base]") {
  MessageArena arena;
  std::vector<MessagePtr> shared;
  for (int i = 0; i < 2'000; ++i) shared.push_back(arena.make(fields("a/b", std::to_string(i))));
  std::vector<std::thread> threads;
  std::vector<int> wrong(2, 0);
  for (int& errors : wrong) {
    threads.emplace_back([copies = shared, &errors]() mutable {
      for (std::size_t i = 0; i < copies.size(); ++i) {
        errors += copies[i]->payload() != std::to_string(i);
        copies[i].reset();
      }
    });
  }
  shared.clear();
  for (int i = 0; i < 2'000; ++i) arena.make(fields("a/b", "other"));
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>{0, 0});
  const MessagePtr next = arena.make(fields("a/b", "last"));
  CHECK(next->payload() == "last");
}

TEST_CASE("a payload above 4 KiB has its own allocation", "[base]") {
  MessageArena arena;
  CHECK_FALSE(arena.make(fields("a", std::string(4096, 'x')))->has_own_allocation());
  const MessagePtr large = arena.make(fields("a", std::string(4097, 'x')));
  REQUIRE(large->has_own_allocation());
  // To keep it costs no second copy.
  CHECK(KeptMessage::keep(*large, {}).get() == large.get());
}

TEST_CASE("a message that no block can hold has its own allocation", "[base]") {
  MessageArena arena;
  MessageFields wide = fields("a", "1");
  const std::string properties(MessageArena::block_size_bytes, 'p');
  wide.properties = properties;
  const MessagePtr message = arena.make(wide);
  CHECK(message->has_own_allocation());
  CHECK(message->properties() == properties);
}

TEST_CASE("what is kept of a block's message is a copy with its record", "[base]") {
  KeptMessagePtr kept;
  {
    MessageArena arena;
    const MessagePtr message = arena.make(fields("a/b", "1"));
    kept = KeptMessage::keep(*message, {wall(5), 17, 3});
    CHECK(static_cast<const Message*>(kept.get()) != message.get());
  }
  CHECK(kept->topic() == "a/b");
  CHECK(kept->payload() == "1");
  CHECK(kept->received() == wall(5));
  CHECK(kept->seq() == 17);
  CHECK(kept->publisher() == 3);
  CHECK(kept->store_id == 0);
}

TEST_CASE("keeping a kept message again shares it and leaves its record alone", "[base]") {
  const KeptMessagePtr first = KeptMessage::make(fields("a", "1"), {wall(5), 17, 3});
  const KeptMessagePtr again = KeptMessage::keep(*first, {wall(9), 99, 9});
  CHECK(again == first);
  CHECK(again->seq() == 17);
  CHECK(again->publisher() == 3);
  // One without number, as the arena makes large ones, gets it when it is first kept.
  const KeptMessagePtr fresh = KeptMessage::make(fields("a", "1"), {});
  CHECK(KeptMessage::keep(*fresh, {wall(9), 99, 9})->seq() == 99);
}

TEST_CASE("a value nobody else holds is overwritten in place", "[base]") {
  MessageArena arena;
  KeptMessagePtr slot = KeptMessage::make(fields("a/b", "12345678"), {wall(1), 1, 1});
  const KeptMessage* const place = slot.get();
  const std::size_t footprint = slot->footprint();
  MessageFields next = fields("a/b", "1234567");
  next.retain = true;
  KeptMessage::replace(slot, *arena.make(next), {wall(2), 2, 2});
  CHECK(slot.get() == place);
  CHECK(slot->payload() == "1234567");
  CHECK(slot->retain());
  CHECK(slot->received() == wall(2));
  CHECK(slot->seq() == 2);
  CHECK(slot->publisher() == 2);
  // The room it had is still known: the longer value fits again.
  CHECK(slot->footprint() == footprint);
  KeptMessage::replace(slot, *arena.make(fields("a/b", "abcdefgh")), {wall(3), 3, 3});
  CHECK(slot.get() == place);
  CHECK(slot->payload() == "abcdefgh");
}

TEST_CASE("a value that somebody else holds is left as it is", "[base]") {
  MessageArena arena;
  KeptMessagePtr slot = KeptMessage::make(fields("a/b", "old"), {wall(1), 1, 1});
  const KeptMessagePtr reader = slot;
  KeptMessage::replace(slot, *arena.make(fields("a/b", "new")), {wall(2), 2, 2});
  CHECK(slot != reader);
  CHECK(slot->payload() == "new");
  CHECK(reader->payload() == "old");
  CHECK(reader->seq() == 1);
}

TEST_CASE("a value that is stored for several queues is left as it is", "[base]") {
  MessageArena arena;
  KeptMessagePtr slot = KeptMessage::make(fields("a/b", "old"), {wall(1), 1, 1});
  slot->store_id = 1;
  const KeptMessage* const place = slot.get();
  KeptMessage::replace(slot, *arena.make(fields("a/b", "new")), {wall(2), 2, 2});
  CHECK(slot.get() != place);
  CHECK(slot->payload() == "new");
  CHECK(slot->store_id == 0);
}

TEST_CASE("a value gets new room when it does not fit or would waste more than half", "[base]") {
  MessageArena arena;
  const auto footprint_after = [&](std::size_t before, std::size_t after) {
    KeptMessagePtr slot = KeptMessage::make(fields("a", std::string(before, 'x')), {});
    const std::string payload(after, 'y');
    KeptMessage::replace(slot, *arena.make(fields("a", payload)), {wall(2), 2, 2});
    CHECK(slot->payload() == payload);
    return slot->footprint() - sizeof(KeptMessage);
  };
  CHECK(footprint_after(99, 100) == 101);
  CHECK(footprint_after(99, 49) == 100);  // just half: in place
  CHECK(footprint_after(99, 48) == 49);
}

TEST_CASE("a message with its own allocation is shared, not copied, by replace", "[base]") {
  KeptMessagePtr slot;
  const KeptMessagePtr message = KeptMessage::make(fields("a", "1"), {});
  KeptMessage::replace(slot, *message, {wall(2), 2, 2});
  CHECK(slot == message);
  CHECK(slot->seq() == 2);
}

TEST_CASE("a kept message expires its interval after it was received", "[base][MQTT-3.3.2-5]") {
  MessageFields given = fields("a", "1");
  CHECK_FALSE(KeptMessage::make(given, {wall(1'000), 1, 0})->expires());
  given.expiry_interval_s = 60;
  const KeptMessagePtr short_lived = KeptMessage::make(given, {wall(1'000), 1, 0});
  CHECK(short_lived->expires());
  CHECK(short_lived->expires_at() == wall(61'000));
  // The largest interval that is not "never" does not wrap.
  given.expiry_interval_s = no_expiry_s - 1;
  const KeptMessagePtr long_lived = KeptMessage::make(given, {wall(0), 1, 0});
  CHECK(long_lived->expires());
  CHECK(long_lived->expires_at() == wall(4'294'967'294'000));
}
