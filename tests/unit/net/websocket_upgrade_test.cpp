#include "broker/net/websocket_upgrade.h"

#include <string>
#include <string_view>
#include <vector>

#include "broker/base/limits.h"
#include "tests/support/catch.h"

using lineshaft::net::WebSocketRules;
using lineshaft::net::WebSocketUpgrade;
using State = WebSocketUpgrade::State;
namespace limits = lineshaft::limits;

namespace {

/// The example of RFC 6455 section 1.3 with our subprotocol. Lines are replaced by what they begin
/// with; an empty text takes the line away, a new one goes to the end.
struct Example {
  std::vector<std::string> lines{"GET /mqtt HTTP/1.1",
                                 "Host: broker.plant.example:8080",
                                 "Upgrade: websocket",
                                 "Connection: Upgrade",
                                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                                 "Sec-WebSocket-Protocol: mqtt",
                                 "Sec-WebSocket-Version: 13"};

  Example& with(const std::string& start, const std::string& line) {
    for (std::string& each : lines) {
      if (!each.starts_with(start)) continue;
      each = line;
      return *this;
    }
    lines.push_back(line);
    return *this;
  }
  std::string text() const {
    std::string out;
    for (const std::string& line : lines) {
      if (!line.empty()) out += line + "\r\n";
    }
    return out + "\r\n";
  }
};

std::string answer_to(const std::string& request, const WebSocketRules& rules = {}) {
  WebSocketUpgrade upgrade(rules);
  upgrade.feed(request);
  return upgrade.answer();
}

unsigned status_of(const std::string& request, const WebSocketRules& rules = {}) {
  WebSocketUpgrade upgrade(rules);
  upgrade.feed(request);
  CHECK((upgrade.state() == State::accepted) == (upgrade.http_status() == 101));
  CHECK((upgrade.state() == State::refused) == !upgrade.why().empty());
  return upgrade.http_status();
}

}  // namespace

TEST_CASE("the example of the RFC is accepted, byte for byte", "[net][MQTT-6.0.0-4]") {
  CHECK(answer_to(Example{}.text()) ==
        "HTTP/1.1 101 Switching Protocols\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
}

TEST_CASE("an upgrade request may be cut anywhere, and frames may follow it at once", "[net]") {
  const WebSocketRules rules;
  const std::string request = Example{}.text();
  const std::string stream = request +
                             "\x82\x80"
                             "frames";
  for (std::size_t cut = 1; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    WebSocketUpgrade upgrade(rules);
    std::size_t taken = upgrade.feed(std::string_view(stream).substr(0, cut));
    CHECK(taken == std::min(cut, request.size()));
    CHECK((upgrade.state() == State::accepted) == (cut >= request.size()));
    if (upgrade.state() == State::needs_more) {
      taken += upgrade.feed(std::string_view(stream).substr(cut));
    }
    CHECK(taken == request.size());
    CHECK(upgrade.state() == State::accepted);
  }
}

TEST_CASE("clients write the same request in many ways", "[net][MQTT-6.0.0-3]") {
  struct Case {
    const char* start;
    const char* line;
    const char* subprotocol;
  };
  for (const Case& one : std::vector<Case>{
           {"GET", "GET /mqtt?token=x HTTP/1.1", "mqtt"},
           {"Upgrade", "upgrade: WebSocket", "mqtt"},
           {"Connection", "Connection: keep-alive, Upgrade", "mqtt"},
           {"Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: mqttv3.1, mqtt", "mqtt"},
           {"Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: mqttv3.1", "mqttv3.1"},
           {"Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: chat,mqtt", "mqtt"},
           {"Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: mqtt",
            "mqtt"},
           {"Sec-WebSocket-Extensions", "Sec-WebSocket-Extensions: permessage-deflate", "mqtt"},
           {"X-Forwarded-For", "X-Forwarded-For: 192.0.2.1", "mqtt"}}) {
    CAPTURE(one.line);
    const std::string answer = answer_to(Example{}.with(one.start, one.line).text());
    CHECK(answer.starts_with("HTTP/1.1 101 "));
    const std::string field = "Sec-WebSocket-Protocol: " + std::string(one.subprotocol) + "\r\n";
    CHECK(answer.find(field) != std::string::npos);
    CHECK(answer.find("Extensions") == std::string::npos);
  }
}

TEST_CASE("what is no upgrade to MQTT is refused with the right status", "[net][MQTT-6.0.0-3]") {
  struct Case {
    const char* start;
    const char* line;
    unsigned status;
  };
  for (const Case& one :
       std::vector<Case>{{"GET", "POST /mqtt HTTP/1.1", 405},
                         {"GET", "HEAD /mqtt HTTP/1.1", 405},
                         {"GET", "GET /mqtt HTTP/1.0", 400},
                         {"GET", "GET /mqtt", 400},
                         {"GET", "GET  HTTP/1.1", 400},
                         {"GET", "GET / HTTP/1.1", 404},
                         {"GET", "GET /mqtt/ HTTP/1.1", 404},
                         {"GET", "GET /MQTT HTTP/1.1", 404},
                         {"GET", "GET /mqtt%00 HTTP/1.1", 404},
                         {"GET", "GET http://broker.plant.example/mqtt HTTP/1.1", 404},
                         {"Host", "", 400},
                         {"Second", "Host: other.example", 400},
                         {"Content-Length", "Content-Length: 5", 400},
                         {"Transfer-Encoding", "Transfer-Encoding: chunked", 400},
                         {"Upgrade", "", 426},
                         {"Upgrade", "Upgrade: h2c", 426},
                         {"Connection", "", 426},
                         {"Connection", "Connection: keep-alive", 426},
                         {"Sec-WebSocket-Version", "", 426},
                         {"Sec-WebSocket-Version", "Sec-WebSocket-Version: 8", 426},
                         {"Sec-WebSocket-Key", "", 400},
                         {"Sec-WebSocket-Key", "Sec-WebSocket-Key: c2hvcnQ=", 400},
                         {"Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ-=", 400},
                         {"Second", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", 400},
                         {"Sec-WebSocket-Protocol", "", 400},
                         {"Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: mqtts, MQTT", 400},
                         {"Origin", "Origin: https://evil.example", 403},
                         {"Origin", "Origin: null", 403},
                         {"Origin", "Origin: a\r\nOrigin: b", 400},
                         {"X", "X y: 1", 400},
                         {"X", "X: 1\x01", 400},
                         {"X", "no colon", 400}}) {
    CAPTURE(one.line, one.start);
    CHECK(status_of(Example{}.with(one.start, one.line).text()) == one.status);
  }
}

TEST_CASE("a refusal says what to do and closes", "[net]") {
  const std::string old = answer_to(Example{}.with("Sec-WebSocket-V", "").text());
  CHECK(old.find("\r\nSec-WebSocket-Version: 13\r\n") != std::string::npos);
  CHECK(old.find("\r\nConnection: Upgrade, close\r\n") != std::string::npos);
  const std::string post = answer_to(Example{}.with("GET", "POST /mqtt HTTP/1.1").text());
  CHECK(post.find("\r\nAllow: GET\r\n") != std::string::npos);
  CHECK(post.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(post.ends_with("\r\n\r\na WebSocket is opened with GET.\n"));
}

TEST_CASE("any configured path is taken, and no other", "[net]") {
  const WebSocketRules rules{{"/", "/plant/mqtt"}, {}};
  CHECK(status_of(Example{}.with("GET", "GET / HTTP/1.1").text(), rules) == 101);
  CHECK(status_of(Example{}.with("GET", "GET /plant/mqtt HTTP/1.1").text(), rules) == 101);
  CHECK(status_of(Example{}.text(), rules) == 404);
}

TEST_CASE("an Origin is welcome when it is listed or names our own host", "[net]") {
  const WebSocketRules rules{{"/mqtt"}, {"https://grafana.plant.example", "null"}};
  const WebSocketRules all{{"/mqtt"}, {"*"}};
  const auto status = [](const char* origin, const WebSocketRules& which) {
    return status_of(Example{}.with("Origin", std::string("Origin: ") + origin).text(), which);
  };
  CHECK(status("https://grafana.plant.example", rules) == 101);
  CHECK(status("https://Grafana.Plant.Example", rules) == 101);
  CHECK(status("null", rules) == 101);
  CHECK(status("http://grafana.plant.example", rules) == 403);
  CHECK(status("https://grafana.plant.example:8443", rules) == 403);
  CHECK(status("https://grafana.plant.example.evil.example", rules) == 403);
  CHECK(status("http://broker.plant.example:8080", {}) == 101);
  CHECK(status("http://broker.plant.example", {}) == 403);
  CHECK(status("http://evil.example/://broker.plant.example:8080", {}) == 403);
  CHECK(status("https://evil.example", all) == 101);
}

TEST_CASE("over TLS a page of the same site came over https", "[net]") {
  WebSocketRules tls;
  tls.over_tls = true;
  const auto status = [](const char* scheme, const WebSocketRules& which) {
    return status_of(
        Example{}
            .with("Origin", std::string("Origin: ") + scheme + "://broker.plant.example:8080")
            .text(),
        which);
  };
  CHECK(status("https", tls) == 101);
  CHECK(status("HTTPS", tls) == 101);
  CHECK(status("http", tls) == 403);
  CHECK(status("ftp", tls) == 403);
  CHECK(status("http", {}) == 101);
  // A proxy in front may have taken TLS off.
  CHECK(status("https", {}) == 101);
  CHECK(status("ftp", {}) == 403);
}

TEST_CASE("bytes that are no HTTP are refused at the first one", "[net]") {
  CHECK(status_of("\x10") == 400);
  CHECK(status_of("\x16\x03\x01") == 400);
  CHECK(status_of("\r\n") == 400);
}

TEST_CASE("a request above its limit is refused and costs no more than the limit", "[net]") {
  const WebSocketRules rules;
  WebSocketUpgrade upgrade(rules);
  std::size_t sent = 0;
  while (upgrade.state() == State::needs_more) {
    sent +=
        upgrade.feed(sent == 0 ? std::string("GET /mqtt HTTP/1.1\r\nX: ") : std::string(64, 'x'));
  }
  CHECK(upgrade.http_status() == 431);
  CHECK(sent < limits::websocket_request_bytes_max + 64);
  CHECK(upgrade.received_bytes() == limits::websocket_request_bytes_max);

  std::string fits = Example{}.text();
  fits.insert(
      fits.size() - 2,
      "X: " + std::string(limits::websocket_request_bytes_max - fits.size() - 5, 'x') + "\r\n");
  REQUIRE(fits.size() == limits::websocket_request_bytes_max);
  CHECK(status_of(fits) == 101);
}
