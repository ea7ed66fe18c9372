#include "auth/password_hash.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "auth/base64.h"
#include "auth/crypto.h"

namespace lineshaft::auth {
namespace {

// A try costs 16 MiB and some 80 ms of one core, an attacker's as well as ours.
constexpr unsigned scrypt_log2_n = 14;
constexpr unsigned scrypt_r = 8;
constexpr unsigned scrypt_p = 1;
constexpr std::size_t scrypt_key_bytes = 32;
constexpr std::uint64_t scrypt_memory_bytes_max = 64 * 1024 * 1024;
constexpr std::uint32_t iterations_max = 5'000'000;
// The client does this work at each login, so it is kept below what a slow controller minds.
constexpr std::uint32_t scram_iterations = 100'000;
constexpr std::uint32_t scram_iterations_min = 4096;  // RFC 7677
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t salt_bytes_max = 128;
constexpr std::size_t key_bytes_min = 16;
constexpr std::size_t key_bytes_max = 128;
constexpr std::size_t scram_key_bytes = 32;

/// "$a$b$c" without its first character, at the dollars.
std::vector<std::string_view> split_fields(std::string_view text) {
  std::vector<std::string_view> fields;
  if (!text.starts_with('$')) return fields;
  text.remove_prefix(1);
  for (;;) {
    const std::size_t end = text.find('$');
    fields.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return fields;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::uint32_t> to_number(std::string_view text) {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || text.starts_with('0')) return std::nullopt;
  return value;
}

/// "name=number" at the front of `text`, which loses it and a comma behind it.
std::optional<std::uint32_t> take_number(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  const std::size_t end = text.find(',');
  const auto value = to_number(text.substr(0, end));
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return value;
}

bool has_size(const std::optional<std::string>& bytes, std::size_t min, std::size_t max) {
  return bytes && bytes->size() >= min && bytes->size() <= max;
}

std::optional<PasswordHash> parse_scrypt(std::string_view parameters,
                                         std::optional<std::string> salt,
                                         std::optional<std::string> key) {
  const auto log2_n = take_number(parameters, "ln=");
  const auto r = take_number(parameters, "r=");
  const auto p = take_number(parameters, "p=");
  if (!log2_n || !r || !p || !parameters.empty()) return std::nullopt;
  if (*log2_n < 1 || *log2_n > 20 || *r < 1 || *r > 32 || *p < 1 || *p > 16) return std::nullopt;
  if ((std::uint64_t{128} * *r << *log2_n) > scrypt_memory_bytes_max) return std::nullopt;
  return ScryptHash{*log2_n, *r, *p, std::move(*salt), std::move(*key)};
}

std::string derive(const ScryptHash& hash, std::string_view password) {
  return scrypt(password, hash.salt, hash.log2_n, hash.r, hash.p, hash.key.size());
}

std::string derive(const Pbkdf2Hash& hash, std::string_view password) {
  return pbkdf2(Digest::sha512, password, hash.salt, hash.iterations, hash.key.size());
}

}  // namespace

std::optional<PasswordHash> parse_password_hash(std::string_view text) {
  const auto fields = split_fields(text);
  if (fields.size() != 4) return std::nullopt;
  auto salt = from_base64(fields[2]);
  auto key = from_base64(fields[3]);
  if (!has_size(salt, 1, salt_bytes_max) || !has_size(key, key_bytes_min, key_bytes_max)) {
    return std::nullopt;
  }
  if (fields[0] == "scrypt") return parse_scrypt(fields[1], std::move(salt), std::move(key));
  const bool is_mosquittos = fields[0] == "7";
  if (!is_mosquittos && fields[0] != "pbkdf2-sha512") return std::nullopt;
  std::string_view parameters = fields[1];
  const auto iterations = take_number(parameters, is_mosquittos ? "" : "i=");
  if (!iterations || !parameters.empty() || *iterations > iterations_max) return std::nullopt;
  return Pbkdf2Hash{*iterations, std::move(*salt), std::move(*key), is_mosquittos};
}

std::optional<ScramKeys> parse_scram_keys(std::string_view text) {
  const auto fields = split_fields(text);
  if (fields.size() != 5 || fields[0] != "scram-sha256") return std::nullopt;
  std::string_view parameters = fields[1];
  const auto iterations = take_number(parameters, "i=");
  auto salt = from_base64(fields[2]);
  auto stored_key = from_base64(fields[3]);
  auto server_key = from_base64(fields[4]);
  if (!iterations || !parameters.empty() || *iterations < scram_iterations_min ||
      *iterations > iterations_max || !has_size(salt, 1, salt_bytes_max) ||
      !has_size(stored_key, scram_key_bytes, scram_key_bytes) ||
      !has_size(server_key, scram_key_bytes, scram_key_bytes)) {
    return std::nullopt;
  }
  return ScramKeys{*iterations, std::move(*salt), std::move(*stored_key), std::move(*server_key)};
}

std::string to_text(const PasswordHash& hash) {
  if (const auto* scrypt = std::get_if<ScryptHash>(&hash)) {
    return fmt::format("$scrypt$ln={},r={},p={}${}${}", scrypt->log2_n, scrypt->r, scrypt->p,
                       to_base64(scrypt->salt, Padding::without),
                       to_base64(scrypt->key, Padding::without));
  }
  const auto& pbkdf2 = std::get<Pbkdf2Hash>(hash);
  const Padding padding = pbkdf2.is_mosquittos ? Padding::with : Padding::without;
  return fmt::format("{}{}${}${}",
                     pbkdf2.is_mosquittos ? "$7$" : "$pbkdf2-sha512$i=", pbkdf2.iterations,
                     to_base64(pbkdf2.salt, padding), to_base64(pbkdf2.key, padding));
}

std::string to_text(const ScramKeys& keys) {
  return fmt::format(
      "$scram-sha256$i={}${}${}${}", keys.iterations, to_base64(keys.salt, Padding::without),
      to_base64(keys.stored_key, Padding::without), to_base64(keys.server_key, Padding::without));
}

PasswordHash unmatchable_hash() {
  return ScryptHash{scrypt_log2_n, scrypt_r, scrypt_p, random_bytes(salt_bytes),
                    random_bytes(scrypt_key_bytes)};
}

PasswordHash make_password_hash(std::string_view password) {
  ScryptHash hash = std::get<ScryptHash>(unmatchable_hash());
  hash.key = derive(hash, password);
  return hash;
}

ScramKeys make_scram_keys(std::string_view password) {
  return make_scram_keys(password, random_bytes(salt_bytes), scram_iterations);
}

ScramKeys make_scram_keys(std::string_view password, std::string salt, std::uint32_t iterations) {
  std::string salted = pbkdf2(Digest::sha256, password, salt, iterations, scram_key_bytes);
  std::string client_key = hmac_sha256(salted, "Client Key");
  ScramKeys keys{iterations, std::move(salt), sha256(client_key),
                 hmac_sha256(salted, "Server Key")};
  wipe(salted);
  wipe(client_key);
  return keys;
}

bool matches(const PasswordHash& hash, std::string_view password) {
  return std::visit(
      [&](const auto& one) {
        const std::string key = derive(one, password);
        return !key.empty() && is_equal(key, one.key);
      },
      hash);
}

void pretend_to_match(const PasswordHash& hash, std::string_view password) {
  matches(hash, password);
}

}  // namespace lineshaft::auth
