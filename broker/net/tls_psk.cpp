#include "broker/net/tls_psk.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "broker/net/tls_context.h"

namespace lineshaft::net {
namespace {

/// TLS_AES_128_GCM_SHA256: the one every TLS 1.3 client has.
constexpr unsigned char psk_cipher[] = {0x13, 0x01};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  // Growing would leave copies of a secret behind.
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

/// What is wrong with a line, or nothing; `entry` is filled.
std::string parse_line(std::string_view line, PskTable::Entry& entry) {
  // The key has no colon, an identity may.
  const std::size_t colon = line.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return "is not identity:key";
  if (colon > PskTable::identity_size_bytes_max) {
    return fmt::format("has an identity of more than {} bytes", PskTable::identity_size_bytes_max);
  }
  auto key = from_hex(line.substr(colon + 1));
  if (!key) return "has a key that is not hexadecimal";
  if (key->size() < PskTable::key_size_bytes_min || key->size() > PskTable::key_size_bytes_max) {
    return fmt::format("has a key of {} bytes, {} to {} are allowed", key->size(),
                       PskTable::key_size_bytes_min, PskTable::key_size_bytes_max);
  }
  entry = {std::string(line.substr(0, colon)), std::move(*key)};
  return {};
}

/// Where a session notes which entry of the table it was made from.
int entry_index() {
  static const int index = SSL_SESSION_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

const PskTable::Entry* find_entry(SSL* ssl, std::string_view identity) {
  const auto* context = static_cast<const TlsContext*>(SSL_get_app_data(ssl));
  return context != nullptr ? context->psk().find(identity) : nullptr;
}

/// TLS 1.2. 0: the identity is unknown, and OpenSSL tells the client nothing more.
unsigned int find_key(SSL* ssl, const char* identity, unsigned char* key, unsigned int size_max) {
  const PskTable::Entry* const entry = find_entry(ssl, identity != nullptr ? identity : "");
  if (entry == nullptr || entry->key.size() > size_max) return 0;
  std::memcpy(key, entry->key.data(), entry->key.size());
  return static_cast<unsigned int>(entry->key.size());
}

/// TLS 1.3. 1 without a session: go on as if no key had been offered.
int find_session(SSL* ssl, const unsigned char* identity, std::size_t size, SSL_SESSION** session) {
  *session = nullptr;
  const PskTable::Entry* const entry =
      find_entry(ssl, {reinterpret_cast<const char*>(identity), size});
  if (entry == nullptr) return 1;
  SSL_SESSION* const made = SSL_SESSION_new();
  const SSL_CIPHER* const cipher = SSL_CIPHER_find(ssl, psk_cipher);
  const auto* const key = reinterpret_cast<const unsigned char*>(entry->key.data());
  const bool ready =
      made != nullptr && cipher != nullptr &&
      SSL_SESSION_set1_master_key(made, key, entry->key.size()) == 1 &&
      SSL_SESSION_set_cipher(made, cipher) == 1 &&
      SSL_SESSION_set_protocol_version(made, TLS1_3_VERSION) == 1 &&
      SSL_SESSION_set_ex_data(made, entry_index(), const_cast<PskTable::Entry*>(entry)) == 1;
  if (!ready) {
    SSL_SESSION_free(made);
    return 0;
  }
  *session = made;
  return 1;
}

}  // namespace

std::variant<PskTable, std::string> PskTable::parse(std::string_view text) {
  PskTable table;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    Entry entry;
    if (const std::string wrong = parse_line(line, entry); !wrong.empty()) {
      return fmt::format("line {} {}", number, wrong);
    }
    const std::string identity = entry.identity;
    if (!table.entries_.emplace(identity, std::move(entry)).second) {
      return fmt::format("line {} repeats an identity", number);
    }
  }
  if (table.empty()) return std::string("it names no identity");
  return table;
}

PskTable::~PskTable() {
  for (auto& [identity, entry] : entries_) {
    OPENSSL_cleanse(entry.key.data(), entry.key.size());
  }
}

const PskTable::Entry* PskTable::find(std::string_view identity) const {
  const auto found = entries_.find(std::string(identity));
  return found != entries_.end() ? &found->second : nullptr;
}

void use_psk(SSL_CTX* context) {
  SSL_CTX_set_psk_server_callback(context, find_key);
  SSL_CTX_set_psk_find_session_callback(context, find_session);
}

std::optional<std::string> psk_identity_of(SSL* ssl) {
  const SSL_SESSION* const session = SSL_get_session(ssl);
  if (session == nullptr) return std::nullopt;
  const auto* entry =
      static_cast<const PskTable::Entry*>(SSL_SESSION_get_ex_data(session, entry_index()));
  if (entry != nullptr) return entry->identity;
  const char* const identity = SSL_get_psk_identity(ssl);
  if (identity == nullptr) return std::nullopt;
  return std::string(identity);
}

}  // namespace lineshaft::net
