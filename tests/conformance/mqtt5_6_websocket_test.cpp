// MQTT 5 and 3.1.1, chapter 6: using WebSocket as a network transport.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/mqtt/decoder.h"
#include "broker/net/websocket_layer.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_stream.h"
#include "tests/support/websocket_frames.h"

using namespace lineshaft;
using test::client_frame;
using test::ScriptedStream;
using test::wire;

namespace {

std::string upgrade_request(std::string_view subprotocols) {
  std::string text =
      "GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
  if (!subprotocols.empty()) {
    text += "Sec-WebSocket-Protocol: " + std::string(subprotocols) + "\r\n";
  }
  return text + "\r\n";
}

/// A client's connection, from its bytes to what the broker reads and answers.
struct Link {
  const net::WebSocketRules rules;
  ScriptedStream* socket;
  std::unique_ptr<net::WebSocketLayer> layer;
  std::string mqtt;
  net::IoState state = net::IoState::ok;

  explicit Link(const std::vector<std::string>& reads) {
    auto stream = std::make_unique<ScriptedStream>();
    socket = stream.get();
    stream->input.assign(reads.begin(), reads.end());
    layer = std::make_unique<net::WebSocketLayer>(std::move(stream), rules);
    while (state < net::IoState::ended && (!socket->input.empty() || layer->has_input())) {
      std::string buffer(70'000, '\0');
      const net::IoResult result = layer->read(buffer);
      state = result.state;
      mqtt.append(buffer, 0, result.size);
    }
    layer->write({});
  }
};

const std::string connect_packet = wire("10 [<MQTT> 05 02 0000 [] <c>]");

}  // namespace

TEST_CASE("MQTT in anything but binary frames ends the connection", "[MQTT-6.0.0-1]") {
  const std::string request = upgrade_request("mqtt");
  const Link binary({request, client_frame(0x82, connect_packet)});
  CHECK(binary.mqtt == connect_packet);
  CHECK(binary.state == net::IoState::ok);
  Link text({request, client_frame(0x81, connect_packet)});
  CHECK(text.mqtt.empty());
  CHECK(text.state == net::IoState::refused);
  CHECK(text.socket->take_output().ends_with(wire("88 02 03EB")));
  // In the other direction it is the same.
  Link answer({request});
  const std::string packet = wire("20 03 00 00 00");
  const iovec piece{const_cast<char*>(packet.data()), packet.size()};
  CHECK(answer.layer->write(std::span(&piece, 1)).size == packet.size());
  CHECK(answer.socket->take_output().ends_with(wire("82 05") + packet));
}

TEST_CASE("packets and frames need not agree", "[MQTT-6.0.0-2]") {
  const std::string request = upgrade_request("mqtt");
  const std::string stream = connect_packet + wire("C0 00 30 [<t> [] 'value'] E0 00");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    const Link joined({request, client_frame(0x82, stream.substr(0, cut)) +
                                    client_frame(0x82, stream.substr(cut))});
    CHECK(joined.mqtt == stream);
    const Link fragments({request + client_frame(0x02, stream.substr(0, cut)),
                          client_frame(0x80, stream.substr(cut))});
    CHECK(fragments.mqtt == stream);
  }
}

TEST_CASE("a client has to offer the subprotocol mqtt", "[MQTT-6.0.0-3]") {
  for (const char* const offer : {"", "chat", "mqtts", "MQTT"}) {
    Link refused({upgrade_request(offer) + client_frame(0x82, connect_packet)});
    CHECK(refused.state == net::IoState::refused);
    CHECK(refused.mqtt.empty());
    CHECK(refused.socket->take_output().starts_with("HTTP/1.1 400 "));
  }
}

TEST_CASE("the broker chooses the subprotocol mqtt", "[MQTT-6.0.0-4]") {
  for (const char* const offer : {"mqtt", "chat, mqtt", "mqttv3.1, mqtt"}) {
    Link link({upgrade_request(offer)});
    const std::string answer = link.socket->take_output();
    CHECK(answer.starts_with("HTTP/1.1 101 "));
    CHECK(answer.find("\r\nSec-WebSocket-Protocol: mqtt\r\n") != std::string::npos);
  }
}
