#include "broker/net/proxy_layer.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/scripted_stream.h"

using namespace lineshaft;
using namespace lineshaft::net;
using lineshaft::test::ScriptedStream;

namespace {

struct Passed {
  IoState state = IoState::ok;
  std::string bytes;
  std::string address;
  std::string why;
};

/// What comes through the layer when `peer` sends `pieces`, until it is blocked or refuses.
Passed pass(const std::string& peer, const std::vector<std::string>& pieces) {
  const ProxyFactory factory({*AddressRange::parse("10.0.0.0/8"), *AddressRange::parse("::1")});
  auto socket = std::make_unique<ScriptedStream>();
  socket->input.assign(pieces.begin(), pieces.end());
  const core::Peer from{"plant", peer};
  const auto layer = factory.wrap(std::move(socket), from, nullptr);
  Passed passed;
  while (passed.state == IoState::ok) {
    std::string buffer(1000, '\0');
    const IoResult result = layer->read(buffer);
    passed.state = result.state;
    passed.bytes.append(buffer, 0, result.size);
  }
  core::Peer known = from;
  layer->describe(known);
  passed.address = known.address;
  if (passed.state == IoState::refused) passed.why = layer->refusal().why;
  return passed;
}

const std::string header = "PROXY TCP4 192.0.2.7 10.0.0.1 40312 1883\r\n";

}  // namespace

TEST_CASE("behind a trusted proxy the client has its own address", "[net][proxy]") {
  for (std::size_t cut = 0; cut <= header.size(); ++cut) {
    const Passed passed =
        pass("10.1.2.3:555", {header.substr(0, cut), header.substr(cut) + "mqtt"});
    CHECK(passed.state == IoState::blocked);
    CHECK(passed.bytes == "mqtt");
    CHECK(passed.address == "192.0.2.7:40312");
  }
  const Passed alone = pass("[::1]:555", {header});
  CHECK(alone.state == IoState::blocked);
  CHECK(alone.address == "192.0.2.7:40312");
  CHECK(pass("10.1.2.3:555", {header, "a", header}).bytes == "a" + header);
}

TEST_CASE("a header is read in one go however little a read asks for", "[net][proxy]") {
  const ProxyFactory factory({*AddressRange::parse("unix")});
  auto socket = std::make_unique<ScriptedStream>();
  socket->input.push_back(header + "hello");
  const auto layer = factory.wrap(std::move(socket), {"plant", "unix:uid=0"}, nullptr);
  std::string buffer(5, '\0');
  std::string bytes;
  while (bytes.size() < 5) {
    const IoResult result = layer->read(buffer);
    REQUIRE(result.state == IoState::ok);
    bytes.append(buffer, 0, result.size);
  }
  CHECK(bytes == "hello");
}

TEST_CASE("whose connection it is, is asked once, and nothing is handed on for who is refused",
          "[net][proxy]") {
  const ProxyFactory factory({*AddressRange::parse("10.0.0.1")});
  CHECK(factory.learns_address({"plant", "10.0.0.1:555"}));
  CHECK_FALSE(factory.learns_address({"plant", "10.0.0.2:555"}));
  for (const bool admits : {true, false}) {
    std::vector<std::string> asked;
    auto socket = std::make_unique<ScriptedStream>();
    socket->input = {header.substr(0, 10), header.substr(10) + "mqtt", "more"};
    const auto layer =
        factory.wrap(std::move(socket), {"plant", "10.0.0.1:555"}, [&](std::string_view address) {
          asked.emplace_back(address);
          return admits;
        });
    std::string buffer(1000, '\0');
    const IoResult first = layer->read(buffer);
    CHECK(first.state == (admits ? IoState::ok : IoState::failed));
    CHECK(first.size == (admits ? 4 : 0));
    if (admits) CHECK(layer->read(buffer).size == 4);
    CHECK(asked == std::vector<std::string>{"192.0.2.7:40312"});
  }
}

TEST_CASE("a proxy that does not know the client leaves its own address", "[net][proxy]") {
  const Passed passed = pass("10.1.2.3:555", {"PROXY UNKNOWN\r\nmqtt"});
  CHECK(passed.bytes == "mqtt");
  CHECK(passed.address == "10.1.2.3:555");
}

TEST_CASE("nobody else may speak for others, with a header or without", "[net][proxy]") {
  for (const char* const peer : {"11.0.0.1:555", "[::2]:555", "unix:uid=0", "unknown"}) {
    for (const std::string& bytes : {header, std::string("\x10\x0C")}) {
      const Passed passed = pass(peer, {bytes});
      CHECK(passed.state == IoState::refused);
      CHECK(passed.bytes.empty());
      CHECK(passed.address == peer);
      CHECK(passed.why.starts_with("the connection comes from an address"));
    }
  }
}

TEST_CASE("a trusted proxy without a header is refused", "[net][proxy]") {
  const Passed passed = pass("10.1.2.3:555", {"\x10\x0C"});
  CHECK(passed.state == IoState::refused);
  CHECK(passed.why == "it does not begin with a PROXY header");
}

TEST_CASE("an address range is a network, an address or unix", "[net][proxy]") {
  const auto contains = [](const char* range, const char* peer) {
    const auto parsed = AddressRange::parse(range);
    REQUIRE(parsed);
    return parsed->contains(peer);
  };
  CHECK(contains("10.0.0.0/8", "10.255.0.1:1"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.1:1"));
  CHECK(contains("192.0.2.7", "192.0.2.7:1"));
  CHECK_FALSE(contains("192.0.2.7", "192.0.2.8:1"));
  CHECK(contains("192.0.2.77/24", "192.0.2.8:1"));
  CHECK(contains("0.0.0.0/0", "1.2.3.4:1"));
  CHECK_FALSE(contains("0.0.0.0/0", "[::1]:1"));
  CHECK(contains("fd00::/8", "[fd12::1]:1"));
  CHECK_FALSE(contains("fd00::/8", "[fe80::1]:1"));
  CHECK(contains("::1", "[::1]:1"));
  CHECK(contains("unix", "unix:uid=1000"));
  CHECK_FALSE(contains("unix", "127.0.0.1:1"));
  CHECK_FALSE(contains("127.0.0.1", "unix:uid=1000"));
  for (const char* const wrong :
       {"", "10.0.0.0/33", "10.0.0/8", "localhost", "::1/129", "10.0.0.0/", "10.0.0.0/-1", "*"}) {
    CAPTURE(wrong);
    CHECK_FALSE(AddressRange::parse(wrong));
  }
}
