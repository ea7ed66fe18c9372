#pragma once

#include <openssl/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lineshaft::test {

/// A certificate and its key, in files.
struct Issued {
  std::string cert_file;
  std::string key_file;
  std::string certificate_pem;
  std::string key_pem;
  long serial = 0;
  std::string certificate_der;
};

/// A certificate authority of its own (EC P-256) that writes what it issues into a folder.
class TestPki {
 public:
  using Days = std::chrono::duration<long, std::ratio<86'400>>;

  explicit TestPki(std::filesystem::path folder, const std::string& name = "Test CA",
                   Days left = Days{3650});
  /// Below `root`.
  TestPki(std::filesystem::path folder, const std::string& name, TestPki& root);
  ~TestPki();
  TestPki(const TestPki&) = delete;
  TestPki& operator=(const TestPki&) = delete;

  /// A certificate for `localhost` and 127.0.0.1 and, as a client, for `name`. It begins two days
  /// ago and ends in `left`, which may be negative (at least -1 day).
  Issued issue(const std::string& name, Days left = Days{365}) {
    return issue(name, left, Shape{});
  }
  /// What is unusual about a certificate.
  struct Shape {
    /// Empty: the certificate does not say.
    const char* usage = "serverAuth,clientAuth";
    bool has_authority_key = true;
    std::string san = "DNS:localhost,IP:127.0.0.1";
    /// More of the subject, such as {"OU", "ot"}.
    std::vector<std::pair<std::string, std::string>> subject = {};
    /// Anything else, before it is signed.
    std::function<void(X509*)> change = {};
  };
  Issued issue(const std::string& name, Days left, const Shape& shape);
  /// A revocation list with these serials, in PEM; ends in `left`.
  std::string revocations(const std::vector<long>& serials, Days left = Days{30}) const;
  std::string revocations_der(const std::vector<long>& serials) const;
  /// What is unusual about a list.
  struct ListShape {
    Days left{30};
    long number = 1;
    /// When it was made.
    Days age{2};
    /// Of its issuing distribution point, as openssl.cnf has it; empty: it has none.
    const char* scope = "";
  };
  std::string revocations(const std::vector<long>& serials, const ListShape& shape) const;

  const std::string& ca_file() const { return ca_file_; }
  const std::string& ca_pem() const { return ca_pem_; }
  /// SHA-256 of the CA's SubjectPublicKeyInfo, 32 raw bytes.
  std::string spki() const;
  /// Of its own certificate.
  long serial() const;
  X509* certificate() const { return certificate_; }

 private:
  /// A certificate for `key`; by itself as long as there is no certificate of its own.
  X509* sign(const std::string& name, EVP_PKEY* key, bool is_ca, Days left, const Shape& shape);
  X509_CRL* list_of(const std::vector<long>& serials, const ListShape& shape) const;
  void write(const std::string& name);

  std::filesystem::path folder_;
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
  std::string ca_pem_;
  std::string ca_file_;
  long next_serial_ = 1;
};

/// Writes a file anew under a name of its own and renames it, mode 0600: a reader sees the old or
/// the new one, whole.
void replace_file(const std::string& path, const std::string& content);

}  // namespace lineshaft::test
