#include "auth/certificate_template.h"

#include <algorithm>
#include <utility>

namespace lineshaft::auth {
namespace {

constexpr std::array<std::string_view, claims_count> claim_names = {"zone", "role", "name"};

}  // namespace

std::string_view to_string(Claim claim) { return claim_names[static_cast<std::size_t>(claim)]; }

std::optional<ClaimTemplate> ClaimTemplate::parse(std::string_view text) {
  ClaimTemplate made;
  made.text_ = text;
  for (;;) {
    const std::size_t open = text.find('{');
    if (text.substr(0, open).find('}') != std::string_view::npos) return std::nullopt;
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return std::nullopt;
    const auto found = std::ranges::find(claim_names, text.substr(open + 1, close - open - 1));
    if (found == claim_names.end()) return std::nullopt;
    const auto claim = static_cast<Claim>(found - claim_names.begin());
    const bool adjoins = open == 0 && !made.parts_.empty();
    if (made.has(claim) || adjoins) return std::nullopt;
    made.parts_.push_back({std::string(text.substr(0, open)), claim});
    text.remove_prefix(close + 1);
  }
  made.end_ = text;
  return made;
}

std::optional<ClaimTemplate::Values> ClaimTemplate::match(std::string_view text) const {
  Values values;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (!text.starts_with(parts_[i].before)) return std::nullopt;
    text.remove_prefix(parts_[i].before.size());
    const std::string& next = i + 1 < parts_.size() ? parts_[i + 1].before : end_;
    const std::size_t size = next.empty() ? text.size() : text.find(next.front());
    if (size == 0 || size == std::string_view::npos) return std::nullopt;
    values[static_cast<std::size_t>(parts_[i].claim)] = text.substr(0, size);
    text.remove_prefix(size);
  }
  if (text != end_) return std::nullopt;
  return values;
}

bool ClaimTemplate::has(Claim claim) const {
  return std::ranges::any_of(parts_, [claim](const Part& one) { return one.claim == claim; });
}

}  // namespace lineshaft::auth
