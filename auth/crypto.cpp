#include "auth/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "broker/base/assert.h"

namespace lineshaft::auth {
namespace {

const unsigned char* data_of(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* data_of(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace

std::string sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(data_of(bytes), bytes.size(), data_of(digest));
  return digest;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string code(SHA256_DIGEST_LENGTH, '\0');
  unsigned size = 0;
  const auto* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data_of(bytes),
                          bytes.size(), data_of(code), &size);
  LINESHAFT_ASSERT(done != nullptr && size == code.size());
  return code;
}

std::string pbkdf2(Digest digest, std::string_view password, std::string_view salt,
                   std::uint32_t iterations, std::size_t key_size) {
  std::string key(key_size, '\0');
  const EVP_MD* const md = digest == Digest::sha256 ? EVP_sha256() : EVP_sha512();
  const int done =
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), data_of(salt),
                        static_cast<int>(salt.size()), static_cast<int>(iterations), md,
                        static_cast<int>(key_size), data_of(key));
  LINESHAFT_ASSERT(done == 1);
  return key;
}

std::string scrypt(std::string_view password, std::string_view salt, unsigned log2_n, unsigned r,
                   unsigned p, std::size_t key_size) {
  const std::uint64_t n = std::uint64_t{1} << log2_n;
  // OpenSSL's own bound leaves out the small change.
  const std::uint64_t memory_max = 128 * r * (n + p + 2) + 1024 * 1024;
  std::string key(key_size, '\0');
  const int done = EVP_PBE_scrypt(password.data(), password.size(), data_of(salt), salt.size(), n,
                                  r, p, memory_max, data_of(key), key.size());
  return done == 1 ? key : std::string();
}

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  LINESHAFT_ASSERT(RAND_bytes(data_of(bytes), static_cast<int>(size)) == 1);
  return bytes;
}

bool is_equal(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace lineshaft::auth
