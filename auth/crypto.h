#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// OpenSSL's functions in terms of strings of bytes.
namespace lineshaft::auth {

enum class Digest : std::uint8_t { sha256, sha512 };

std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);

/// RFC 8018.
std::string pbkdf2(Digest digest, std::string_view password, std::string_view salt,
                   std::uint32_t iterations, std::size_t key_size);

/// RFC 7914. Needs 128 * r * 2^log2_n bytes. Empty when that memory cannot be had.
std::string scrypt(std::string_view password, std::string_view salt, unsigned log2_n, unsigned r,
                   unsigned p, std::size_t key_size);

/// Unpredictable bytes of the system.
std::string random_bytes(std::size_t size);

/// In a time that does not depend on where they differ.
bool is_equal(std::string_view one, std::string_view other);

/// Overwrites a secret before its memory goes.
void wipe(std::string& secret);

}  // namespace lineshaft::auth
