#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace lineshaft::auth {

/// `$scrypt$ln=14,r=8,p=1$SALT$KEY`: RFC 7914 in the PHC string format. What we make.
struct ScryptHash {
  unsigned log2_n = 0;
  unsigned r = 0;
  unsigned p = 0;
  std::string salt;
  std::string key;
};

/// `$pbkdf2-sha512$i=210000$SALT$KEY`, or mosquitto's `$7$ITERATIONS$SALT$KEY`.
struct Pbkdf2Hash {
  std::uint32_t iterations = 0;
  std::string salt;
  std::string key;
  bool is_mosquittos = false;
};

/// A password as it is stored: it can be checked, not read.
using PasswordHash = std::variant<ScryptHash, Pbkdf2Hash>;

/// `$scram-sha256$i=100000$SALT$STORED_KEY$SERVER_KEY`: what a server needs for SCRAM-SHA-256
/// (RFC 5802 section 3).
struct ScramKeys {
  std::uint32_t iterations = 0;
  std::string salt;
  std::string stored_key;
  std::string server_key;
};

/// Salts and keys in base64. nullopt: another form, or parameters out of bounds: one hash takes at
/// most 64 MiB and a bounded time.
std::optional<PasswordHash> parse_password_hash(std::string_view text);
std::optional<ScramKeys> parse_scram_keys(std::string_view text);
std::string to_text(const PasswordHash& hash);
std::string to_text(const ScramKeys& keys);

/// New ones with a random salt and the parameters of today.
PasswordHash make_password_hash(std::string_view password);
ScramKeys make_scram_keys(std::string_view password);
ScramKeys make_scram_keys(std::string_view password, std::string salt, std::uint32_t iterations);

/// With the parameters of today; no password is known for it.
PasswordHash unmatchable_hash();

/// Takes tens of milliseconds: not for a thread that serves sockets.
bool matches(const PasswordHash& hash, std::string_view password);

/// Does the work of `matches` with the parameters of `hash`, whatever comes of it.
void pretend_to_match(const PasswordHash& hash, std::string_view password);

}  // namespace lineshaft::auth
