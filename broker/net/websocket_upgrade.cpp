#include "broker/net/websocket_upgrade.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/version.hpp>
#include <sstream>

#include "broker/base/limits.h"

namespace lineshaft::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

using Request = http::request<http::empty_body>;

constexpr std::string_view request_end = "\r\n\r\n";
constexpr unsigned http_1_1 = 11;
/// Subprotocols, the preferred one first [MQTT-6.0.0-3]. Clients of MQTT 3.1 ask for the old name.
constexpr std::array<std::string_view, 2> subprotocols{"mqtt", "mqttv3.1"};

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

bool same_but_case(std::string_view a, std::string_view b) { return beast::iequals(a, b); }
bool same(std::string_view a, std::string_view b) { return a == b; }

/// The comma-separated list over all fields of the name holds `token`.
bool lists(const Request& request, http::field name, std::string_view token,
           bool (*equal)(std::string_view, std::string_view)) {
  const auto [first, last] = request.equal_range(name);
  return std::any_of(first, last, [token, equal](const auto& field) {
    const http::token_list tokens(field.value());
    return std::any_of(tokens.begin(), tokens.end(),
                       [token, equal](const auto& one) { return equal(view(one), token); });
  });
}

/// 16 bytes in base64, which end in two fill characters and four bits that nobody needs.
bool is_key(std::string_view key) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return key.size() == 24 && key.substr(22) == "==" &&
         key.substr(0, 22).find_first_not_of(alphabet) == std::string_view::npos;
}

/// RFC 6455 section 4.2.2; SHA-1 keeps no secret here, it shows that this is a WebSocket server.
std::string accept_value(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    return {};
  }
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> encoded;
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

std::string_view path_of(const Request& request) {
  const std::string_view target = view(request.target());
  return target.substr(0, target.find('?'));
}

/// A page of the same site: its origin names the host that the request was sent to.
bool is_same_site(std::string_view origin, std::string_view host, bool over_tls) {
  const std::size_t end = origin.find("://");
  if (end == std::string_view::npos || !same_but_case(origin.substr(end + 3), host)) return false;
  const std::string_view scheme = origin.substr(0, end);
  return same_but_case(scheme, "https") || (!over_tls && same_but_case(scheme, "http"));
}

bool is_welcome(std::string_view origin, std::string_view host, const WebSocketRules& rules) {
  if (is_same_site(origin, host, rules.over_tls)) return true;
  return std::any_of(rules.origins.begin(), rules.origins.end(), [origin](const std::string& one) {
    return one == "*" || same_but_case(one, origin);
  });
}

template <class Body>
std::string text_of(const http::response<Body>& response) {
  std::ostringstream out;
  out << response;
  return out.str();
}

struct UpgradeRefusal {
  http::status status = http::status::ok;
  std::string_view why;
};

UpgradeRefusal check_upgrade(const Request& request, const WebSocketRules& rules) {
  using http::field;
  using http::status;
  if (request.method() != http::verb::get) {
    return {status::method_not_allowed, "a WebSocket is opened with GET"};
  }
  if (request.version() != http_1_1 || request.count(field::host) != 1) {
    return {status::bad_request, "a WebSocket needs HTTP/1.1 and one Host field"};
  }
  if (request.has_content_length() || request.chunked()) {
    return {status::bad_request, "a request for a WebSocket has no body"};
  }
  if (std::find(rules.paths.begin(), rules.paths.end(), path_of(request)) == rules.paths.end()) {
    return {status::not_found, "the path is not one of this listener's ws_paths"};
  }
  if (!lists(request, field::upgrade, "websocket", same_but_case) ||
      !lists(request, field::connection, "upgrade", same_but_case)) {
    return {status::upgrade_required, "there is only MQTT over WebSocket here"};
  }
  if (request[field::sec_websocket_version] != "13") {
    return {status::upgrade_required, "the WebSocket version is not 13"};
  }
  if (request.count(field::sec_websocket_key) != 1 ||
      !is_key(view(request[field::sec_websocket_key]))) {
    return {status::bad_request, "Sec-WebSocket-Key is not 16 bytes in base64"};
  }
  const auto origins = request.count(field::origin);
  if (origins > 1) return {status::bad_request, "more than one Origin field"};
  if (origins == 1 &&
      !is_welcome(view(request[field::origin]), view(request[field::host]), rules)) {
    return {status::forbidden, "the Origin is not one of this listener's ws_origins"};
  }
  return {};
}

/// Ours that the client offers too; empty if none is.
std::string_view choose_subprotocol(const Request& request) {
  const auto* const found =
      std::find_if(subprotocols.begin(), subprotocols.end(), [&request](std::string_view one) {
        return lists(request, http::field::sec_websocket_protocol, one, same);
      });
  return found == subprotocols.end() ? std::string_view{} : *found;
}

}  // namespace

std::size_t WebSocketUpgrade::feed(std::span<const char> bytes) {
  const std::size_t before = request_.size();
  const std::size_t room = limits::websocket_request_bytes_max - before;
  request_.append(bytes.data(), std::min(bytes.size(), room));
  // Somebody who speaks MQTT or TLS here need not wait for the deadline.
  const bool starts_like_http = request_.empty() || (request_[0] >= 'A' && request_[0] <= 'Z');
  if (!starts_like_http) {
    refuse(400, "this is no HTTP");
    return bytes.size();
  }
  const std::size_t from = before < request_end.size() ? 0 : before - request_end.size() + 1;
  const std::size_t end = request_.find(request_end, from);
  if (end != std::string::npos) {
    request_.resize(end + request_end.size());
    const std::size_t taken = request_.size() - before;
    decide();
    return taken;
  }
  if (request_.size() == limits::websocket_request_bytes_max) {
    refuse(431, "the request is too long");
  }
  return bytes.size();
}

void WebSocketUpgrade::decide() {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(limits::websocket_request_bytes_max);
  beast::error_code error;
  parser.put(boost::asio::buffer(request_), error);
  if (error || !parser.is_header_done()) {
    return refuse(400, "the request is not valid HTTP");
  }
  const Request& request = parser.get();
  const UpgradeRefusal refusal = check_upgrade(request, rules_);
  if (refusal.status != http::status::ok) {
    return refuse(static_cast<unsigned>(refusal.status), refusal.why);
  }
  const std::string_view subprotocol = choose_subprotocol(request);
  if (subprotocol.empty()) {
    return refuse(400, "the client does not offer the subprotocol mqtt (Sec-WebSocket-Protocol)");
  }
  http::response<http::empty_body> response(http::status::switching_protocols, http_1_1);
  response.set(http::field::upgrade, "websocket");
  response.set(http::field::connection, "Upgrade");
  response.set(http::field::sec_websocket_accept,
               accept_value(view(request[http::field::sec_websocket_key])));
  response.set(http::field::sec_websocket_protocol, subprotocol);  // [MQTT-6.0.0-4]
  answer_ = text_of(response);
  http_status_ = response.result_int();
  state_ = State::accepted;
}

void WebSocketUpgrade::refuse(unsigned http_status, std::string_view why) {
  const auto status = static_cast<http::status>(http_status);
  http::response<http::string_body> response(status, http_1_1);
  response.set(http::field::connection, "close");
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  if (status == http::status::method_not_allowed) response.set(http::field::allow, "GET");
  if (status == http::status::upgrade_required) {
    response.set(http::field::connection, "Upgrade, close");
    response.set(http::field::upgrade, "websocket");
    response.set(http::field::sec_websocket_version, "13");
  }
  response.body() = std::string(why) + ".\n";
  response.prepare_payload();
  answer_ = text_of(response);
  http_status_ = http_status;
  why_ = why;
  state_ = State::refused;
}

}  // namespace lineshaft::net
