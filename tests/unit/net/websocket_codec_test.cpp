#include "broker/net/websocket_codec.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/websocket_frames.h"

using lineshaft::net::binary_frame_head;
using lineshaft::net::close_frame;
using lineshaft::net::WebSocketReader;
using lineshaft::net::WebSocketStatus;
using lineshaft::test::client_frame;
using lineshaft::test::to_hex;
using lineshaft::test::wire;

namespace {

/// What a reader makes of a stream that comes in pieces of `piece` bytes.
struct Read {
  std::string payload;
  std::string pongs;
  bool ended = false;
  unsigned status = 0;
  std::string fault;

  bool operator==(const Read&) const = default;
};

void feed(WebSocketReader& reader, std::string piece, Read& read) {
  const std::size_t size = reader.feed(piece);
  read.payload.append(piece, 0, size);
  if (reader.pong_due()) reader.take_pong(read.pongs);
}

Read read_in_pieces(std::string_view stream, std::size_t piece) {
  WebSocketReader reader;
  Read read;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    feed(reader, std::string(stream.substr(at, piece)), read);
  }
  read.ended = reader.ended();
  read.status = static_cast<unsigned>(reader.status());
  read.fault = reader.fault();
  return read;
}

Read read_whole(std::string_view stream) { return read_in_pieces(stream, stream.size()); }

std::string numbered(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i * 7 + i / 256);
  return text;
}

}  // namespace

TEST_CASE("the payload of binary frames comes out unmasked and in order", "[net][MQTT-6.0.0-2]") {
  const std::string stream = client_frame(0x82, "Hello") + client_frame(0x82, "") +
                             client_frame(0x82, " world", "\x01\x02\x03\x04");
  CHECK(read_whole(stream) == Read{"Hello world", "", false, 0, ""});
}

TEST_CASE("payloads of every length around the three forms of the length field", "[net]") {
  std::string stream;
  std::string expected;
  for (const std::size_t size : {0, 1, 7, 8, 9, 125, 126, 127, 1000, 65535, 65536, 100'000}) {
    expected += numbered(size);
    stream += client_frame(0x82, numbered(size));
  }
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{5}, std::size_t{4096}, stream.size()}) {
    CAPTURE(piece);
    CHECK(read_in_pieces(stream, piece).payload == expected);
  }
}

TEST_CASE("fragments and control frames between them, cut in two at any byte", "[net]") {
  const std::string stream = client_frame(0x02, numbered(13)) +
                             client_frame(0x89, "are you there") +
                             client_frame(0x00, numbered(200)) + client_frame(0x8A, "unasked") +
                             client_frame(0x80, "end") + client_frame(0x82, "next") +
                             client_frame(0x88, wire("03E8 'bye'")) + client_frame(0x82, "late");
  const std::string pong = wire("8A0D 'are you there'");
  const Read expected{numbered(13) + numbered(200) + "endnext", pong, true, 1000, ""};
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    WebSocketReader reader;
    Read read;
    feed(reader, stream.substr(0, cut), read);
    feed(reader, stream.substr(cut), read);
    read.ended = reader.ended();
    read.status = static_cast<unsigned>(reader.status());
    CHECK(read == expected);
  }
  CHECK(read_in_pieces(stream, 1) == expected);
  CHECK(read_in_pieces(stream, 3) == expected);
}

TEST_CASE("what a client must not send ends the connection with the right code", "[net]") {
  struct Case {
    const char* what;
    std::string stream;
    unsigned status;
    const char* fault;
  };
  const std::string open_message = client_frame(0x02, "");
  const std::vector<Case> cases = {
      {"a frame without a mask", wire("82 01 41"), 1002, "RFC 6455 5.1"},
      {"a control frame without a mask", wire("89 00"), 1002, "RFC 6455 5.1"},
      {"a text frame", client_frame(0x81, "text"), 1003, "MQTT-6.0.0-1"},
      {"the first fragment of a text", client_frame(0x01, "te"), 1003, "MQTT-6.0.0-1"},
      {"RSV1, a compressed frame", client_frame(0xC2, "x"), 1002, "RFC 6455 5.2"},
      {"RSV2", client_frame(0xA2, "x"), 1002, "RFC 6455 5.2"},
      {"RSV3 on a ping", client_frame(0x99, "x"), 1002, "RFC 6455 5.2"},
      {"an unknown data opcode", client_frame(0x83, "x"), 1002, "RFC 6455 5.2"},
      {"an unknown control opcode", client_frame(0x8B, "x"), 1002, "RFC 6455 5.2"},
      {"a fragmented ping", client_frame(0x09, "x"), 1002, "RFC 6455 5.5"},
      {"a long ping", client_frame(0x89, numbered(126)), 1002, "RFC 6455 5.5"},
      {"a continuation of nothing", client_frame(0x80, "x"), 1002, "RFC 6455 5.4"},
      {"a message inside a message", open_message + client_frame(0x82, "x"), 1002, "RFC 6455 5.4"},
      {"a continuation of a message that has ended",
       open_message + client_frame(0x80, "") + client_frame(0x80, ""), 1002, "RFC 6455 5.4"},
      {"a length with its top bit", wire("82 FF 8000000000000000 00000000"), 1002, "RFC 6455 5.2"},
      {"125 in two bytes", wire("82 FE 007D 00000000"), 1002, "RFC 6455 5.2"},
      {"65535 in eight bytes", wire("82 FF 000000000000FFFF 00000000"), 1002, "RFC 6455 5.2"},
      {"half a code in Close", client_frame(0x88, "\x03"), 1002, "RFC 6455 5.5.1"},
      {"Close with a code nobody may send", client_frame(0x88, wire("03ED")), 1002, "RFC 6455 7.4"},
      {"Close with code 999", client_frame(0x88, wire("03E7")), 1002, "RFC 6455 7.4"},
      {"Close with code 1015", client_frame(0x88, wire("03F7")), 1002, "RFC 6455 7.4"},
      {"Close with code 5000", client_frame(0x88, wire("1388")), 1002, "RFC 6455 7.4"},
      {"Close with a reason that is no UTF-8", client_frame(0x88, wire("03E8 C328")), 1002,
       "RFC 6455 5.5.1"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    const std::string stream = client_frame(0x82, "before");
    const Read whole = read_whole(stream + one.stream + client_frame(0x82, "behind"));
    CHECK(whole.ended);
    CHECK(whole.status == one.status);
    CHECK(whole.fault == one.fault);
    CHECK(whole.payload == "before");
    CHECK(read_in_pieces(stream + one.stream, 1) == whole);
  }
}

TEST_CASE("the peer's Close is sent back with its code", "[net]") {
  for (const auto& [payload, status] :
       std::vector<std::pair<std::string, unsigned>>{{"", 0},
                                                     {wire("03E8"), 1000},
                                                     {wire("03E9"), 1001},
                                                     {wire("03EB 'no' 00"), 1003},
                                                     {wire("03F6"), 1014},
                                                     {wire("0BB8"), 3000},
                                                     {wire("1387 C3BC"), 4999}}) {
    CAPTURE(status);
    const Read read = read_whole(client_frame(0x88, payload));
    CHECK(read == Read{"", "", true, status, ""});
    CHECK(to_hex(close_frame(static_cast<WebSocketStatus>(read.status))) ==
          (status == 0 ? "8800" : "8802" + to_hex(payload.substr(0, 2))));
  }
}

TEST_CASE("of a flood of pings the last is answered", "[net]") {
  WebSocketReader reader;
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += client_frame(0x89, "ping " + std::to_string(i));
  CHECK(reader.feed(flood) == 0);
  REQUIRE(reader.pong_due());
  std::string out;
  reader.take_pong(out);
  CHECK(out == wire("8A08 'ping 999'"));
  CHECK_FALSE(reader.pong_due());
}

TEST_CASE("a claim of 2^62 bytes is taken as it comes", "[net]") {
  WebSocketReader reader;
  std::string head = wire("82 FF 4000000000000000 00000000 'abc'");
  CHECK(reader.feed(head) == 3);
  CHECK_FALSE(reader.ended());
  std::string more(1000, 'x');
  CHECK(reader.feed(more) == 1000);
}

TEST_CASE("the head of our frame has the shortest length", "[net]") {
  CHECK(to_hex(binary_frame_head(0).view()) == "8200");
  CHECK(to_hex(binary_frame_head(125).view()) == "827D");
  CHECK(to_hex(binary_frame_head(126).view()) == "827E007E");
  CHECK(to_hex(binary_frame_head(0xFFFF).view()) == "827EFFFF");
  CHECK(to_hex(binary_frame_head(0x10000).view()) == "827F0000000000010000");
  CHECK(to_hex(binary_frame_head(0x0123456789ABCDEF).view()) == "827F0123456789ABCDEF");
}

TEST_CASE("our Close frame carries its code", "[net]") {
  CHECK(to_hex(close_frame(WebSocketStatus::normal)) == "880203E8");
  CHECK(to_hex(close_frame(WebSocketStatus::too_big)) == "880203F1");
  CHECK(to_hex(close_frame(WebSocketStatus::none)) == "8800");
}
