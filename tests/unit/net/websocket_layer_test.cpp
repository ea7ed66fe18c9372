#include "broker/net/websocket_layer.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/limits.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_stream.h"
#include "tests/support/websocket_frames.h"

using namespace lineshaft;
using namespace lineshaft::net;
using lineshaft::test::client_frame;
using lineshaft::test::ScriptedStream;
using lineshaft::test::to_hex;
using lineshaft::test::wire;

namespace {

const std::string request =
    "GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n";

/// A layer on a socket that a test plays.
struct World {
  WebSocketRules rules;
  ScriptedStream* socket;
  std::unique_ptr<WebSocketLayer> layer;

  World() {
    auto stream = std::make_unique<ScriptedStream>();
    socket = stream.get();
    layer = std::make_unique<WebSocketLayer>(std::move(stream), rules);
  }
  /// Reads once; the payload, or the state in words.
  std::string read() {
    std::string buffer(1000, '\0');
    const IoResult result = layer->read(buffer);
    if (result.state == IoState::ok) return buffer.substr(0, result.size);
    const char* const words[] = {"ok", "(blocked)", "(ended)", "(refused)", "(failed)"};
    return words[static_cast<std::size_t>(result.state)];
  }
  std::string read(const std::string& bytes) {
    socket->input.push_back(bytes);
    return read();
  }
  IoResult write(const std::vector<std::string>& texts) {
    std::vector<iovec> pieces;
    for (const std::string& text : texts) {
      pieces.push_back({const_cast<char*>(text.data()), text.size()});
    }
    return layer->write(pieces);
  }
  World& upgraded() {
    REQUIRE(read(request) == "(blocked)");
    REQUIRE(layer->write({}).state == IoState::ok);
    REQUIRE(socket->take_output().starts_with("HTTP/1.1 101 "));
    return *this;
  }
};

}  // namespace

TEST_CASE("the answer to the upgrade is the layer's own and leaves first", "[net][websocket]") {
  World world;
  CHECK(world.read(request.substr(0, 50)) == "(blocked)");
  CHECK(world.layer->unsent_bytes() == 0);
  CHECK(world.read(request.substr(50)) == "(blocked)");
  CHECK(world.layer->unsent_bytes() > 100);
  CHECK_FALSE(world.layer->has_input());
  CHECK(world.write({"mqtt"}).size == 4);
  CHECK(world.socket->take_output().ends_with("\r\n\r\n\x82\x04mqtt"));
  CHECK(world.layer->unsent_bytes() == 0);
}

TEST_CASE("frames that came with the request are read with it", "[net][websocket]") {
  World world;
  CHECK(world.read(request + client_frame(0x82, "CONNECT")) == "CONNECT");
  CHECK(world.read(client_frame(0x82, "more")) == "more");
}

TEST_CASE("one flush is one frame", "[net][websocket]") {
  World world;
  world.upgraded();
  const IoResult written = world.write({"ab", "", "cde"});
  CHECK(written.state == IoState::ok);
  CHECK(written.size == 5);
  CHECK(to_hex(world.socket->take_output()) == to_hex(wire("82 05 'abcde'")));
  CHECK(world.socket->writes == 2);  // the 101 and the frame
}

TEST_CASE("a frame the socket took a part of is gone on with", "[net][websocket]") {
  const std::string payload(300, 'p');
  for (std::size_t room = 0; room < 305; ++room) {
    CAPTURE(room);
    World world;
    world.upgraded();
    world.socket->room = room;
    std::size_t taken = world.write({payload}).size;
    CHECK(taken == (room > 4 ? room - 4 : 0));
    // A ping in between: its answer has to wait until the frame is complete.
    CHECK(world.read(client_frame(0x89, "!")) == "(blocked)");
    world.socket->room = 1000;
    const std::string all = payload + "later";
    while (taken < all.size()) {
      const IoResult more = world.write({all.substr(taken)});
      REQUIRE(more.size > 0);
      taken += more.size;
    }
    CHECK(world.socket->take_output() ==
          wire("827E012C") + payload + wire("8A01 '!'") + wire("8205 'later'"));
  }
}

TEST_CASE("more than a frame may hold is split", "[net][websocket]") {
  World world;
  world.upgraded();
  const std::string payload(limits::websocket_frame_bytes_max + 1, 'x');
  REQUIRE(world.write({payload}).size == limits::websocket_frame_bytes_max);
  REQUIRE(world.write({payload.substr(payload.size() - 1)}).size == 1);
  CHECK(world.socket->take_output().ends_with(wire("82 01 'x'")));
}

TEST_CASE("a ping is answered, and a flood of them costs nothing while the socket is full",
          "[net][websocket]") {
  World world;
  world.upgraded();
  CHECK(world.read(client_frame(0x89, "one")) == "(blocked)");
  CHECK(world.layer->unsent_bytes() > 0);
  world.write({});
  CHECK(world.socket->take_output() == wire("8A03 'one'"));
  world.socket->room = 0;
  for (int i = 0; i < 1000; ++i) {
    CHECK(world.read(client_frame(0x89, "ping")) == "(blocked)");
    world.write({});
    CHECK(world.layer->unsent_bytes() < 10);
  }
  world.socket->room = 1000;
  world.write({});
  // The one that was in front of the full socket, and the last.
  CHECK(world.socket->take_output() == wire("8A04 'ping' 8A04 'ping'"));
}

TEST_CASE("the peer's Close comes behind its payload and is sent back", "[net][websocket]") {
  World world;
  world.upgraded();
  CHECK(world.read(client_frame(0x82, "bye") + client_frame(0x88, wire("0BB8"))) == "bye");
  REQUIRE(world.layer->has_input());
  CHECK(world.read() == "(ended)");
  CHECK(world.socket->take_output() == wire("88 02 0BB8"));
  CHECK(world.socket->finished);
  // Nothing follows it, also not what had waited.
  CHECK(world.write({"late"}).state == IoState::failed);
  CHECK(world.write({}).state == IoState::ok);
  CHECK(world.socket->take_output().empty());
}

TEST_CASE("a violation comes behind its payload and is told", "[net][websocket]") {
  World world;
  world.upgraded();
  CHECK(world.read(client_frame(0x82, "bye") + client_frame(0x81, "text")) == "bye");
  REQUIRE(world.layer->has_input());
  CHECK(world.read() == "(refused)");
  CHECK_FALSE(world.layer->has_input());
  CHECK(world.layer->refusal().why == "MQTT-6.0.0-1");
  CHECK(world.layer->finish().state == IoState::ok);
  CHECK(world.socket->take_output() == wire("88 02 03EB"));
}

TEST_CASE("a request that is refused gets its answer and no Close frame", "[net][websocket]") {
  World world;
  CHECK(world.read("GET /other HTTP/1.1\r\nHost: a\r\n\r\n") == "(refused)");
  CHECK(world.layer->refusal().layer == "ws");
  CHECK(world.layer->write({}).state == IoState::ok);
  CHECK(world.layer->finish().state == IoState::ok);
  const std::string out = world.socket->take_output();
  CHECK(out.starts_with("HTTP/1.1 404 "));
  CHECK(out.ends_with(".\n"));
}

TEST_CASE("our Close frame says why, once, and waits for the socket", "[net][websocket]") {
  struct Case {
    ReasonCode reason;
    const char* close;
  };
  for (const Case& one :
       {Case{ReasonCode::success, "880203E8"}, Case{ReasonCode::session_taken_over, "880203E8"},
        Case{ReasonCode::server_shutting_down, "880203E9"},
        Case{ReasonCode::malformed_packet, "880203EA"},
        Case{ReasonCode::protocol_error, "880203EA"},
        Case{ReasonCode::packet_too_large, "880203F1"}}) {
    World world;
    world.upgraded().layer->close_because(one.reason);
    world.socket->room = 3;
    CHECK(world.layer->finish().state == IoState::blocked);
    CHECK_FALSE(world.socket->finished);
    world.socket->room = 10;
    CHECK(world.layer->finish().state == IoState::ok);
    CHECK(world.socket->finished);
    CHECK(to_hex(world.socket->take_output()) == one.close);
  }
}

TEST_CASE("inside a frame that was begun there is no Close frame", "[net][websocket]") {
  World world;
  world.upgraded();
  world.socket->room = 4;
  world.write({"abcdef"});
  world.socket->room = 100;
  CHECK(world.layer->finish().state == IoState::ok);
  CHECK(world.socket->take_output() == wire("82 06 'ab'"));
}

TEST_CASE("a Close of the peer inside our frame is answered behind it", "[net][websocket]") {
  for (const std::size_t room : {std::size_t{4}, std::size_t{100}}) {
    World world;
    world.upgraded();
    world.socket->room = 4;
    CHECK(world.write({"abcdef"}).size == 2);
    CHECK(world.read(client_frame(0x88, wire("0BB8"))) == "(blocked)");
    CHECK_FALSE(world.layer->has_input());
    // What comes behind it is thrown away.
    CHECK(world.read(client_frame(0x82, "more")) == "(blocked)");
    world.socket->room = room;
    IoResult written = world.write({"cdef", "never"});
    CHECK(written.size == 4);
    if (room == 4) {
      CHECK(written.state == IoState::blocked);
      world.socket->room = 100;
      written = world.write({"never"});
      CHECK(written.size == 0);
    }
    CHECK(written.state == IoState::failed);
    CHECK(world.socket->take_output() == wire("82 06 'abcdef' 88 02 0BB8"));
    CHECK(world.socket->finished);
  }
}

TEST_CASE("what the layer below says goes up", "[net][websocket]") {
  World world;
  world.upgraded();
  world.socket->end = IoState::refused;
  CHECK(world.read() == "(refused)");
  CHECK(world.layer->refusal().layer == "scripted");
  CHECK(world.layer->finish().state == IoState::ok);
  CHECK(world.socket->take_output().empty());
}
