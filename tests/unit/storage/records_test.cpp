#include "storage/records.h"

#include <string>

#include "storage/keys.h"
#include "storage/owner.h"
#include "tests/unit/storage/store_fixture.h"

namespace lineshaft::storage::test {
namespace {

using namespace std::literals;

TEST_CASE("record R has exactly the documented bytes", "[storage]") {
  ValueRecord record;
  record.qos = QoS::at_least_once;
  record.utf8 = true;
  record.retain = true;
  record.seq = 0x0102030405060708;
  record.recv_ms = 2;
  record.src_ms = 3;
  record.publisher = 4;
  record.quality = Quality::stale;
  record.expires_ms = 5;
  record.origin_zone = 6;
  record.origin_hash = 7;
  record.properties = "\x01\x01";
  record.payload = "21.5";
  std::string bytes;
  encode_value(bytes, record);
  CHECK(bytes ==
        "\x01\x2D\x01\x02\x03\x04\x05\x06\x07\x08"
        "\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\x04\x01\xF4"
        "\0\0\0\0\0\0\0\x05\0\x06\0\0\0\0\0\0\0\x07\0\x02\x01\x01"
        "21.5"s);
}

TEST_CASE("tags this version does not know are kept", "[storage]") {
  ValueRecord record;
  record.ext = "\x7F\x02hi\x01\x00"sv;
  std::string bytes;
  encode_value(bytes, record);
  const auto decoded = decode_value(bytes);
  REQUIRE(decoded.has_value());
  CHECK(decoded->ext == record.ext);
  std::string again;
  encode_value(again, *decoded);
  CHECK(again == bytes);
}

TEST_CASE("an owner, a zone and tags of a later feature are no other format", "[storage]") {
  constexpr auto ext = "\x05\x10\x03own"sv;
  ValueRecord record;
  record.origin_zone = 6;
  record.origin_hash = 7;
  record.ext = ext.substr(1);
  std::string value;
  encode_value(value, record);
  CHECK(decode_retained("t", value).has_value());

  // Each of the others has an empty ext, one byte, at the place named here.
  const auto with_ext = [&ext](std::string bytes, std::size_t at) {
    REQUIRE(bytes.at(at) == '\0');
    return bytes.replace(at, 1, ext);
  };
  std::string session;
  encode_session(session, make_session("c", 1));
  CHECK(decode_session("c", with_ext(session, session.size() - 1)).has_value());
  std::string key;
  append_sub_key(key, 1, "f");
  std::string subscription;
  encode_subscription(subscription, {1, "f", {}, 0, false});
  CHECK(decode_subscription(key, with_ext(subscription, subscription.size() - 1)).has_value());
  std::string will;
  encode_will(will, {"c", make_message("w", "1"), 0, 0, {}});
  CHECK(decode_will("c", with_ext(will, 17)).has_value());
  key.clear();
  append_queue_key(key, 1, 2);
  std::string queue;
  encode_queue(queue, make_queue(1, 2, make_message("t", "x")));
  CHECK(decode_queue(key, with_ext(queue, 6)).has_value());
}

TEST_CASE("the owner of a session and of a will is kept, and nobody takes no room", "[storage]") {
  const auto alice =
      std::make_shared<core::Principal>(core::Principal{"alice", core::Proof::scram, 2});
  core::SessionRecord session = make_session("c", 1);
  std::string unowned;
  encode_session(unowned, session);
  CHECK(decode_session("c", unowned)->owner == nullptr);
  session.owner = alice;
  std::string owned;
  encode_session(owned, session);
  const auto read = decode_session("c", owned);
  REQUIRE(read.has_value());
  CHECK(read->owner->name == "alice");
  CHECK(read->owner->proof == core::Proof::scram);
  CHECK(read->owner->strength == 2);
  CHECK(owned.size() == unowned.size() + 9);
  // An owner that cannot be read must not become nobody.
  owned[owned.size() - 7] = '\x07';
  CHECK(decode_session("c", owned).error() == RecordFault::out_of_range);

  core::WillRecord will;
  will.client_id = "c";
  MessageFields fields;
  fields.topic = "t";
  will.message = KeptMessage::make(fields, {});
  will.owner = alice;
  std::string value;
  encode_will(value, will);
  CHECK(decode_will("c", value)->owner->name == "alice");
}

TEST_CASE("issuer, zone and roles of an owner are kept; older records have none", "[storage]") {
  core::Principal gateway{"gw-07", core::Proof::certificate, 3};
  core::SessionRecord session = make_session("c", 1);
  const auto encoded = [&session](core::Principal owner) {
    session.owner = std::make_shared<core::Principal>(std::move(owner));
    std::string bytes;
    encode_session(bytes, session);
    return bytes;
  };
  const std::string old = encoded(gateway);
  gateway.issuer_spki = std::string(32, '\0');
  gateway.serial = "5e";
  gateway.zone = "ot";
  gateway.roles = {"edge", "host"};
  const std::string bytes = encoded(gateway);
  const auto read = decode_session("c", bytes);
  REQUIRE(read.has_value());
  CHECK(read->owner->proof == core::Proof::certificate);
  CHECK(read->owner->issuer_spki == gateway.issuer_spki);
  CHECK(read->owner->serial == "5e");
  CHECK(read->owner->zone == "ot");
  CHECK(read->owner->roles == gateway.roles);
  CHECK(core::is_same(*read->owner, gateway));

  const auto without = decode_session("c", old);
  REQUIRE(without.has_value());
  CHECK(without->owner->name == "gw-07");
  CHECK(without->owner->zone.empty());
}

TEST_CASE("an owner whose zone cannot be read is not taken for one without", "[storage]") {
  core::Principal owner{"a", core::Proof::password, 1};
  owner.zone = "ot";
  owner.roles = {"edge"};
  const std::string ext = owner_ext(std::make_shared<core::Principal>(owner));
  core::PrincipalPtr read;
  REQUIRE(read_owner(ext, read));
  CHECK(read->roles == owner.roles);
  // The role claims one byte more than there is.
  std::string damaged = ext;
  damaged[damaged.size() - 5] = '\x05';
  core::PrincipalPtr nobody;
  CHECK_FALSE(read_owner(damaged, nobody));
  CHECK(nobody == nullptr);
  // Where it belongs, of nobody.
  CHECK_FALSE(read_owner(ext.substr(5), nobody));
  CHECK(nobody == nullptr);
}

TEST_CASE("an author is kept with its Client Identifier; older names have none", "[storage]") {
  std::string key;
  append_number_name_key(key, 7);
  std::string plain;
  encode_name(plain, {7, "press-7"});
  CHECK(plain == "\x01press-7");
  CHECK(decode_name(key, plain)->owner == nullptr);
  auto owner = std::make_shared<core::Principal>();
  owner->name = "gw";
  owner->proof = core::Proof::certificate;
  owner->zone = "ot";
  owner->tls = 13;
  owner->issuer_spki = std::string(32, '\0');
  std::string bytes;
  encode_name(bytes, {7, "press-7", owner});
  const auto read = decode_name(key, bytes);
  REQUIRE(read.has_value());
  CHECK(read->client_id == "press-7");
  REQUIRE(read->owner != nullptr);
  CHECK(is_same(*read->owner, *owner));
  CHECK(read->owner->tls == 13);
  for (std::size_t size = 0; size + 7 < bytes.size(); ++size) {
    CHECK(decode_name(key, bytes.substr(0, size)).has_error());
  }
}

TEST_CASE("what an interceptor keeps has a family and a key", "[storage]") {
  std::string key;
  append_item_key(key, "island", std::string_view("a\0b", 3));
  std::string bytes;
  encode_item(bytes, {"island", "x", "value"});
  const auto read = decode_item(key, bytes);
  REQUIRE(read.has_value());
  CHECK(read->family == "island");
  CHECK(read->key == std::string_view("a\0b", 3));
  CHECK(read->value == "value");
  CHECK(decode_item("no-key", bytes).has_error());
  CHECK(decode_item(key, "\x02value").has_error());
  CHECK(decode_item(key, "\x01").has_error());
  CHECK(decode_item(key, "").has_error());
}

TEST_CASE("a value of another format is refused, not guessed", "[storage]") {
  std::string bytes;
  encode_retained(bytes, {make_message("a", "x"), Quality::good});
  bytes[0] = 2;
  CHECK(decode_retained("a", bytes).error() == RecordFault::unknown_format);
  CHECK(decode_session("c", "\x02").error() == RecordFault::unknown_format);
  CHECK(decode_will("c", "\x09").error() == RecordFault::unknown_format);
}

TEST_CASE("a value that ends too early is refused at every length", "[storage]") {
  core::QueueRecord record = make_queue(1, 2, make_message("topic", ""));
  record.subscription_identifiers = {1, 300};
  record.share = "$share/g/topic";
  std::string key;
  append_queue_key(key, 1, 2);
  std::string bytes;
  encode_queue(bytes, record);
  REQUIRE(decode_queue(key, bytes).has_value());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK(decode_queue(key, std::string_view(bytes).substr(0, size)).has_error());
  }
}

TEST_CASE("fields that cannot be are refused", "[storage]") {
  std::string good;
  encode_retained(good, {make_message("a", "x"), Quality::good});
  const auto with = [&good](std::size_t at, char byte) {
    std::string bytes = good;
    bytes[at] = byte;
    return decode_retained("a", bytes);
  };
  CHECK(with(1, 0x6B).error() == RecordFault::out_of_range);    // QoS 3
  CHECK(with(1, '\xEA').error() == RecordFault::out_of_range);  // a flag of the future
  CHECK(with(31, 1).error() == RecordFault::out_of_range);      // quality 448
  CHECK(decode_retained("", good).error() == RecordFault::out_of_range);
  CHECK(decode_value(good).has_value());
}

TEST_CASE("expiry keeps its meaning to the second, also the shortest", "[storage]") {
  for (const std::uint32_t seconds : {0u, 1u, 86'400u, no_expiry_s - 1, no_expiry_s}) {
    MessageFields fields;
    fields.topic = "t";
    fields.expiry_interval_s = seconds;
    for (const std::int64_t received : {std::int64_t{0}, std::int64_t{1'700'000'000'999}}) {
      std::string bytes;
      encode_retained(bytes, {KeptMessage::make(fields, {wall(received), 1, 1}), Quality::good});
      const auto decoded = decode_retained("t", bytes);
      REQUIRE(decoded.has_value());
      CHECK(decoded->message->expiry_interval_s() == seconds);
    }
  }
}

TEST_CASE("times beyond the calendar are refused", "[storage]") {
  ValueRecord record;
  record.recv_ms = INT64_MAX;
  record.expires_ms = std::uint64_t{INT64_MAX} + 5000;
  std::string bytes;
  encode_value(bytes, record);
  CHECK(decode_value(bytes).error() == RecordFault::out_of_range);
}

TEST_CASE("the UTF-8 flag follows the Payload Format Indicator", "[storage]") {
  const auto utf8 = [](const std::string& properties) {
    MessageFields fields;
    fields.topic = "t";
    fields.properties = properties;
    std::string bytes;
    encode_retained(bytes, {KeptMessage::make(fields, {}), Quality::good});
    return decode_value(bytes)->utf8;
  };
  CHECK(utf8("\x01\x01"));
  CHECK(utf8("\x26\x00\x01k\x00\x01v\x03\x00\x02tt\x01\x01"s));
  CHECK_FALSE(utf8("\x01\x00"s));
  CHECK_FALSE(utf8("\x26\x00\x01\x01\x00\x01\x01"s));
  CHECK_FALSE(utf8(""));
}

}  // namespace
}  // namespace lineshaft::storage::test
