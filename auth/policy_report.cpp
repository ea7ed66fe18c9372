#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "auth/policy_spec.h"
#include "broker/base/limits.h"

namespace lineshaft::auth {

void PolicyReport::error(std::string_view pointer, std::string message, std::string advice) {
  ++errors_;
  add(Diagnostic::Severity::error, pointer, std::move(message), std::move(advice));
}

void PolicyReport::lint(std::string_view pointer, std::string message, std::string advice) {
  add(Diagnostic::Severity::lint, pointer, std::move(message), std::move(advice));
}

void PolicyReport::add(Diagnostic::Severity severity, std::string_view pointer, std::string message,
                       std::string advice) {
  if (diagnostics_.size() >= limits::policy_diagnostics_max) {
    ++left_out_;
    return;
  }
  diagnostics_.push_back({severity, std::string(pointer), positions_.text(pointer),
                          std::move(message), std::move(advice)});
}

std::vector<Diagnostic> PolicyReport::take() {
  std::ranges::stable_sort(diagnostics_, {}, &Diagnostic::severity);
  if (left_out_ > 0) {
    const auto severity = has_errors() ? Diagnostic::Severity::error : Diagnostic::Severity::lint;
    diagnostics_.push_back(
        {severity, "", "", fmt::format("{} more", left_out_), "put these right first"});
  }
  return std::move(diagnostics_);
}

}  // namespace lineshaft::auth
