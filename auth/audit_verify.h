#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "auth/audit_key.h"
#include "auth/audit_last.h"
#include "auth/audit_record.h"

namespace lineshaft::auth {

/// Where the log is not what was written.
struct AuditFault {
  std::string file;
  /// From 1 on; 0: the file as a whole.
  std::size_t line = 0;
  std::string what;
};

/// What a log holds and whether it is whole.
struct AuditFindings {
  std::size_t files = 0;
  std::uint64_t records = 0;
  std::uint64_t first_seq = 0;
  /// The end of the chain.
  AuditChain chain;
  std::uint64_t checkpoints = 0;
  /// Of the last checkpoint whose signature is right; 0: none.
  std::uint64_t signed_seq = 0;
  std::uint64_t gaps = 0;
  std::uint64_t records_lost = 0;
  /// Bytes behind the last line feed: a write that goes on at this moment, or one that a crash cut
  /// short, which the broker takes away at its next start and tells.
  std::size_t torn_bytes = 0;
  /// At most `limits::audit_faults_max`.
  std::vector<AuditFault> faults;
  bool is_whole() const { return faults.empty(); }
};

/// Checks a log offline, or while the broker writes it: every hash, the order and completeness of
/// the numbers, every signature, and that the end which the file "head" (and `known`, if given)
/// names is there. `keys`: the public keys it may be signed with. `last`: what the broker remembers
/// of the log outside its folder. An `audit.gap` that tells of a change is a fault too: a start of
/// the broker heals nothing. Nullopt, with the errno in `error`: a file cannot be read.
std::optional<AuditFindings> verify_audit(const std::string& folder, std::span<const AuditKey> keys,
                                          const std::optional<AuditChain>& known, int& error,
                                          const std::optional<AuditLast>& last = std::nullopt);

}  // namespace lineshaft::auth
