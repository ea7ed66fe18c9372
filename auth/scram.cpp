#include "auth/scram.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "auth/base64.h"
#include "auth/crypto.h"

namespace lineshaft::auth {
namespace {

constexpr std::size_t message_bytes_max = 4096;
constexpr std::size_t client_nonce_bytes_max = 256;
constexpr std::uint32_t usual_iterations = 100'000;
constexpr std::size_t usual_salt_bytes = 16;

/// "x=value" at the front of `text`, which loses it and the comma behind it.
std::optional<std::string_view> take_attribute(std::string_view& text, char name) {
  if (text.size() < 2 || text[0] != name || text[1] != '=') return std::nullopt;
  const std::size_t comma = text.find(',');
  const std::string_view value =
      text.substr(2, comma == std::string_view::npos ? comma : comma - 2);
  text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  return value;
}

/// "=2C" is a comma and "=3D" an equals sign.
std::optional<std::string> unescape_name(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    if (text.front() != '=') {
      name += text.front();
      text.remove_prefix(1);
      continue;
    }
    if (text.starts_with("=2C")) {
      name += ',';
    } else if (text.starts_with("=3D")) {
      name += '=';
    } else {
      return std::nullopt;
    }
    text.remove_prefix(3);
  }
  return name;
}

bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= client_nonce_bytes_max &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && c != ','; });
}

std::string exclusive_or(std::string one, std::string_view other) {
  for (std::size_t i = 0; i < one.size(); ++i) one[i] = static_cast<char>(one[i] ^ other[i]);
  return one;
}

}  // namespace

bool is_sasl_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

std::optional<ScramClientFirst> parse_client_first(std::string_view message) {
  if (message.size() > message_bytes_max) return std::nullopt;
  // "y": the client could bind to the channel and thinks that we cannot. It is right.
  if (!message.starts_with("n,") && !message.starts_with("y,")) return std::nullopt;
  const std::size_t end = message.find(',', 2);
  if (end == std::string_view::npos) return std::nullopt;
  ScramClientFirst first;
  first.gs2_header = message.substr(0, end + 1);
  const std::string_view acts_for = message.substr(2, end - 2);
  std::string_view rest = message.substr(end + 1);
  first.bare = rest;
  const auto user = take_attribute(rest, 'n');
  const auto nonce = take_attribute(rest, 'r');
  if (!user || !nonce || !is_nonce(*nonce)) return std::nullopt;
  if (!acts_for.empty() && acts_for != fmt::format("a={}", *user)) return std::nullopt;
  auto name = unescape_name(*user);
  if (!name || name->empty() || !is_sasl_plain(*name)) return std::nullopt;
  first.user = std::move(*name);
  first.nonce = *nonce;
  return first;
}

ScramExchange::ScramExchange(ScramClientFirst first, ScramKeys keys, bool exists,
                             std::string_view server_nonce)
    : first_(std::move(first)), keys_(std::move(keys)), exists_(exists), nonce_(first_.nonce) {
  nonce_ += server_nonce;
  server_first_ =
      fmt::format("r={},s={},i={}", nonce_, to_base64(keys_.salt, Padding::with), keys_.iterations);
}

std::optional<std::string> ScramExchange::finish(std::string_view client_final) const {
  if (client_final.size() > message_bytes_max) return std::nullopt;
  const std::size_t proof_at = client_final.rfind(",p=");
  if (proof_at == std::string_view::npos) return std::nullopt;
  const std::string_view without_proof = client_final.substr(0, proof_at);
  std::string_view rest = client_final;
  const auto binding = take_attribute(rest, 'c');
  const auto nonce = take_attribute(rest, 'r');
  const auto proof = from_base64(client_final.substr(proof_at + 3));
  if (!binding || !nonce || !proof || proof->size() != keys_.stored_key.size()) return std::nullopt;
  // The header that was sent first, so that nobody in between has changed it.
  if (from_base64(*binding) != first_.gs2_header || *nonce != nonce_) return std::nullopt;
  const std::string signed_text =
      fmt::format("{},{},{}", first_.bare, server_first_, without_proof);
  const std::string client_key = exclusive_or(*proof, hmac_sha256(keys_.stored_key, signed_text));
  const bool right = is_equal(sha256(client_key), keys_.stored_key);
  if (!right || !exists_) return std::nullopt;
  return "v=" + to_base64(hmac_sha256(keys_.server_key, signed_text), Padding::with);
}

ScramKeys invented_keys(std::string_view secret, std::string_view user, const ScramKeys* like) {
  ScramKeys keys;
  keys.iterations = like != nullptr ? like->iterations : usual_iterations;
  const std::size_t salt_bytes = like != nullptr ? like->salt.size() : usual_salt_bytes;
  keys.salt = hmac_sha256(secret, user);
  while (keys.salt.size() < salt_bytes) keys.salt += hmac_sha256(secret, keys.salt);
  keys.salt.resize(salt_bytes);
  keys.stored_key = hmac_sha256(secret, std::string("stored ") + std::string(user));
  keys.server_key = keys.stored_key;
  return keys;
}

}  // namespace lineshaft::auth
