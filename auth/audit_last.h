#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/audit_record.h"

namespace lineshaft::auth {

/// What is remembered of the audit log outside its folder, so that a tail that was cut off, and a
/// folder that was deleted, are noticed.
struct AuditLast {
  AuditChain chain;
  /// `AuditKey::fingerprint` of the key that signs.
  std::string key;
};

/// A line of JSON.
std::string audit_last(const AuditLast& last);
/// nullopt: `audit_last` did not write it.
std::optional<AuditLast> parse_audit_last(std::string_view text);

}  // namespace lineshaft::auth
