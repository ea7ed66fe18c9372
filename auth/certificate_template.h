#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lineshaft::auth {

/// What a certificate can claim about its owner.
enum class Claim : std::uint8_t { zone, role, name };
inline constexpr std::size_t claims_count = 3;
std::string_view to_string(Claim claim);

/// Where in a text the claims stand: "spiffe://plant1/zone/{zone}/role/{role}/{name}".
///
/// A text matches in one way or not at all: what stands for a claim is not empty and does not
/// contain the byte that follows its place in the template.
class ClaimTemplate {
 public:
  /// nullopt: a brace without its partner, an unknown name in braces, a claim twice, or two without
  /// anything between them.
  static std::optional<ClaimTemplate> parse(std::string_view text);

  /// What stands in the places of the claims, by `Claim`; empty for those it does not have.
  using Values = std::array<std::string_view, claims_count>;
  std::optional<Values> match(std::string_view text) const;

  bool has(Claim claim) const;
  const std::string& text() const { return text_; }

 private:
  /// `before`, then the claim.
  struct Part {
    std::string before;
    Claim claim;
  };

  std::string text_;
  std::vector<Part> parts_;
  std::string end_;
};

}  // namespace lineshaft::auth
