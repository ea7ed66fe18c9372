#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

namespace lineshaft::net {

/// Pre-shared keys by identity.
///
/// The file has a line `identity:key` per client, the key in hexadecimal with 16 to 64 bytes; empty
/// lines and lines that begin with `#` say nothing. mosquitto's `psk_file` has the same form.
class PskTable {
 public:
  /// The table, or what is wrong in which line (a sentence without full stop and without the key).
  static std::variant<PskTable, std::string> parse(std::string_view text);

  PskTable() = default;
  /// Wipes the keys.
  ~PskTable();
  PskTable(PskTable&&) = default;
  PskTable& operator=(PskTable&&) = default;

  struct Entry {
    std::string identity;
    std::string key;
  };
  /// Null for an unknown identity.
  const Entry* find(std::string_view identity) const;
  bool empty() const { return entries_.empty(); }

  static constexpr std::size_t key_size_bytes_min = 16;
  static constexpr std::size_t key_size_bytes_max = 64;
  /// OpenSSL takes no longer one in TLS 1.2.
  static constexpr std::size_t identity_size_bytes_max = 128;

 private:
  std::unordered_map<std::string, Entry> entries_;
};

/// Makes `context` ask the `PskTable` of the connection's `TlsContext`, in TLS 1.2 and 1.3.
void use_psk(SSL_CTX* context);

/// After a handshake: the identity whose key was used, if one was.
std::optional<std::string> psk_identity_of(SSL* ssl);

}  // namespace lineshaft::net
