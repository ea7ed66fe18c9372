#include "auth/policy_diagnostic.h"

#include <fmt/format.h>

namespace lineshaft::auth {

const Position* Positions::find(std::string_view pointer) const {
  for (;;) {
    const auto found = positions_.find(pointer);
    if (found != positions_.end()) return &found->second;
    const std::size_t slash = pointer.rfind('/');
    if (slash == std::string_view::npos) return nullptr;
    pointer = pointer.substr(0, slash);
  }
}

std::string Positions::text(std::string_view pointer) const {
  const Position* position = find(pointer);
  if (position == nullptr) return {};
  return fmt::format("{}:{}:{}", position->file, position->line, position->column);
}

std::string to_string(const Diagnostic& diagnostic) {
  const char* const kind =
      diagnostic.severity == Diagnostic::Severity::error ? "policy error" : "policy lint";
  std::string text = diagnostic.at.empty() ? fmt::format("{}: ", kind)
                                           : fmt::format("{}: {}: ", kind, diagnostic.at);
  text += fmt::format("{}: {}", diagnostic.pointer.empty() ? "/" : diagnostic.pointer,
                      diagnostic.message);
  if (!diagnostic.advice.empty()) text += "\n  " + diagnostic.advice;
  return text;
}

}  // namespace lineshaft::auth
