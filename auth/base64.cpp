#include "auth/base64.h"

#include <openssl/evp.h>

#include <algorithm>

namespace lineshaft::auth {
namespace {

/// More is no salt and no key of ours, and must fit into OpenSSL's int.
constexpr std::size_t text_size_max = 64 * 1024;

bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

}  // namespace

std::string to_base64(std::string_view bytes, Padding padding) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  if (padding == Padding::without) text.erase(text.find_last_not_of('=') + 1);
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() > text_size_max) return std::nullopt;
  const bool padded = text.size() % 4 == 0;
  if (padded && text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  // One character alone carries only six bits.
  if (text.size() % 4 == 1 || !std::all_of(text.begin(), text.end(), is_base64)) {
    return std::nullopt;
  }
  std::string whole(text);
  const std::size_t missing = (4 - whole.size() % 4) % 4;
  whole.append(missing, '=');
  std::string bytes(whole.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(whole.data()),
                                   static_cast<int>(whole.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size) - missing);
  return bytes;
}

}  // namespace lineshaft::auth
