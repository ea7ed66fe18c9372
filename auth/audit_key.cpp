#include "auth/audit_key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "auth/crypto.h"
#include "auth/hex.h"
#include "auth/pki_pem.h"
#include "broker/base/assert.h"
#include "broker/base/secret_file.h"

namespace lineshaft::auth {
namespace {

constexpr std::size_t signature_size = 64;

EVP_PKEY* key_of(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

std::shared_ptr<void> owned(EVP_PKEY* key) {
  return {key, [](void* each) { EVP_PKEY_free(static_cast<EVP_PKEY*>(each)); }};
}

struct DigestContext {
  EVP_MD_CTX* value = EVP_MD_CTX_new();
  ~DigestContext() { EVP_MD_CTX_free(value); }
};

/// 0, or the errno. Under another name first, so that there is never half a key.
int write_new(const std::string& path, std::string_view text) {
  const std::string part = path + ".part";
  ::unlink(part.c_str());
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  const ssize_t size = ::write(file, text.data(), text.size());
  int error = size < 0 ? errno : size == static_cast<ssize_t>(text.size()) ? 0 : ENOSPC;
  if (error == 0 && ::fsync(file) != 0) error = errno;
  ::close(file);
  // A link, unlike a renaming, never takes the place of a key that is there.
  if (error == 0 && ::link(part.c_str(), path.c_str()) != 0) error = errno;
  ::unlink(part.c_str());
  return error;
}

}  // namespace

AuditKey AuditKey::generate() {
  EVP_PKEY* const key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  LINESHAFT_ASSERT(key != nullptr);
  return {owned(key), true};
}

std::optional<AuditKey> AuditKey::parse(std::string_view pem) {
  bool is_private = true;
  EVP_PKEY* key = PEM_read_bio_PrivateKey(pem_reader(pem).get(), nullptr, no_passphrase, nullptr);
  if (key == nullptr) {
    is_private = false;
    key = PEM_read_bio_PUBKEY(pem_reader(pem).get(), nullptr, no_passphrase, nullptr);
  }
  ERR_clear_error();
  if (key == nullptr) return std::nullopt;
  auto shared = owned(key);
  if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) return std::nullopt;
  return AuditKey(std::move(shared), is_private);
}

std::string AuditKey::sign(std::string_view text) const {
  const DigestContext context;
  std::string signature(signature_size, '\0');
  std::size_t size = signature.size();
  const bool done =
      EVP_DigestSignInit(context.value, nullptr, nullptr, nullptr, key_of(key_)) == 1 &&
      EVP_DigestSign(context.value, reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  LINESHAFT_ASSERT(done && size == signature_size);
  return signature;
}

bool AuditKey::verify(std::string_view text, std::string_view signature) const {
  const DigestContext context;
  const bool right =
      EVP_DigestVerifyInit(context.value, nullptr, nullptr, nullptr, key_of(key_)) == 1 &&
      EVP_DigestVerify(context.value, reinterpret_cast<const unsigned char*>(signature.data()),
                       signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                       text.size()) == 1;
  ERR_clear_error();
  return right;
}

std::string AuditKey::private_pem() const {
  return to_pem([this](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key_of(key_), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string AuditKey::public_pem() const {
  return to_pem([this](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key_of(key_)); });
}

std::string AuditKey::fingerprint() const {
  return to_hex(sha256(to_pem([this](BIO* bio) { return i2d_PUBKEY_bio(bio, key_of(key_)); })));
}

AuditKeyFile open_audit_key(const std::string& path) {
  AuditKeyFile file;
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    std::string pem = AuditKey::generate().private_pem();
    file.error = write_new(path, pem);
    wipe(pem);
    if (file.error != 0) {
      file.problem = fmt::format("the key that signs the audit log cannot be made at {}", path);
      return file;
    }
  }
  SecretFile secret = read_secret_file(path);
  if (!secret.content) {
    file.problem = std::move(secret.problem);
    return file;
  }
  file.key = AuditKey::parse(*secret.content);
  wipe(*secret.content);
  if (file.key && !file.key->is_private()) file.key.reset();
  if (!file.key) {
    file.problem = fmt::format(
        "{} holds no private Ed25519 key without a password. `openssl genpkey -algorithm ed25519` "
        "makes one; without the file the broker makes it.",
        path);
  }
  return file;
}

}  // namespace lineshaft::auth
