#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/password_hash.h"
#include "broker/core/authenticator.h"

namespace lineshaft::auth {

inline constexpr std::string_view scram_method = "SCRAM-SHA-256";

/// A name or password that SASLprep (RFC 4013) leaves as it is, whatever its tables say: ASCII
/// without control characters. Others would have to be normalised, and are refused: two clients
/// that write one name differently would else be two users, or one that cannot log in.
bool is_sasl_plain(std::string_view text);

/// The client's first message, "n,,n=user,r=nonce" (RFC 5802 section 7).
struct ScramClientFirst {
  /// "n,," or "y,,": without channel binding.
  std::string gs2_header;
  /// What follows it; part of what both sides sign.
  std::string bare;
  std::string user;
  std::string nonce;
};

/// nullopt: it is malformed, its user is not `is_sasl_plain`, it wants channel binding, an
/// extension, or to act for another user.
std::optional<ScramClientFirst> parse_client_first(std::string_view message);

/// The server's side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677), between its two messages.
class ScramExchange final : public core::AuthenticationState {
 public:
  /// `keys` of a user that does not exist are invented ones, with which `finish` always fails.
  ScramExchange(ScramClientFirst first, ScramKeys keys, bool exists, std::string_view server_nonce);

  /// The challenge: nonce, salt and iterations.
  const std::string& server_first() const { return server_first_; }
  const std::string& user() const { return first_.user; }

  /// What the server says at last when the client's proof is right; nullopt when it is not.
  std::optional<std::string> finish(std::string_view client_final) const;

 private:
  ScramClientFirst first_;
  ScramKeys keys_;
  bool exists_;
  std::string nonce_;
  std::string server_first_;
};

/// Keys for a user that does not exist: always the same salt for the same name, so that a challenge
/// does not tell. Iterations and size of the salt are those of `like`, a real user's; null: usual
/// ones.
ScramKeys invented_keys(std::string_view secret, std::string_view user, const ScramKeys* like);

}  // namespace lineshaft::auth
