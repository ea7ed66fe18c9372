#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/audit_key.h"
#include "broker/base/audit.h"
#include "broker/base/time.h"

/// The audit log's lines: JSON objects that each hold the hash of the one before.
namespace lineshaft::auth {

/// The texts of a record, in the order in which they stand in a line.
enum class AuditField : std::uint8_t {
  type,
  zone,
  identity,
  client,
  address,
  op,
  topic,
  reason,
  rule,
};
inline constexpr std::size_t audit_fields_size = 9;

/// A record on its way to the log: one block of memory, so that who hands it in allocates once.
/// Longer texts than `limits::audit_text_size_bytes_max` are cut there and end in "...".
class AuditEntry {
 public:
  AuditEntry(const AuditRecord& record, WallTime at);

  std::string_view field(AuditField which) const;
  WallTime at() const { return at_; }
  std::uint32_t epoch() const { return epoch_; }
  /// How often it happened in that second.
  std::uint64_t count() const { return count_; }
  std::size_t size_bytes() const { return sizeof *this + texts_.size(); }

  /// The same but for address and topic.
  bool is_like(const AuditEntry& other) const;
  /// As the record of further `times` of the same.
  AuditEntry repeated(std::uint64_t times, WallTime at) const;

 private:
  std::string texts_;
  std::array<std::uint16_t, audit_fields_size> ends_{};
  std::uint32_t epoch_ = 0;
  std::uint64_t count_ = 1;
  WallTime at_;
};

/// The `rule` of an `audit.gap` whose reason is no accident of the disk: somebody changed the log.
inline constexpr std::string_view audit_finding = "finding";

/// Where a chain ends: the last record's number (from 1 on) and hash (32 raw bytes).
struct AuditChain {
  std::uint64_t seq = 0;
  std::string hash = std::string(32, '\0');
  bool operator==(const AuditChain&) const = default;
};

/// Appends the line of `entry` to `out` and the record to the chain. With a key the record is a
/// checkpoint: the line also holds a signature over number and hash.
void append_line(std::string& out, AuditChain& chain, const AuditEntry& entry,
                 std::string_view boot, const AuditKey* key = nullptr);

/// What a line says, as far as the chain needs it.
struct AuditLine {
  std::uint64_t seq = 0;
  std::string type;
  std::string time;
  std::string rule;
  std::uint64_t count = 0;
  /// Raw bytes; `signature` is empty but for a checkpoint.
  std::string previous;
  std::string hash;
  std::string signature;
  /// The hash that the line should have.
  std::string computed;
};

/// Understands a line without its line feed; nullopt: it was not written by `append_line`.
std::optional<AuditLine> parse_audit_line(std::string_view line);

/// The time of a line; nullopt: it is none.
std::optional<WallTime> parse_audit_time(const std::string& text);

/// The end of a chain, signed, to be kept elsewhere: the file "head" and $SYS/broker/audit/head.
std::string audit_head(const AuditChain& chain, std::string_view boot, const AuditKey& key);
/// nullopt: no head, or not signed by `key`.
std::optional<AuditChain> parse_audit_head(std::string_view json, const AuditKey& key);
/// Is this the signature of a checkpoint at the end of this chain? One of a head is not.
bool is_signed(const AuditChain& chain, std::string_view signature, const AuditKey& key);

}  // namespace lineshaft::auth
