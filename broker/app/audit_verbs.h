#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/app/config_loader.h"
#include "broker/app/exit_code.h"

namespace lineshaft::app {

/// What `lineshaft audit tail|verify|key` was told.
struct AuditCommand {
  enum class Act : std::uint8_t { tail, verify, key };
  Act act = Act::tail;
  /// Instead of the folder that the configuration names.
  std::optional<std::string> folder;
  /// verify: public keys, PEM; empty: the one beside the log.
  std::vector<std::string> keys;
  /// verify: an end that was kept elsewhere, SEQ:HASH or a head as in $SYS/broker/audit/head.
  std::string head;
  /// tail
  std::size_t lines = 20;
  bool follow = false;
  /// The lines as they are in the log; verify: the findings as JSON.
  bool json = false;
  /// tail: only records with this type, identity, client or zone.
  std::string type, identity, client, zone;
};

/// Reads the log of this configuration, whether a broker runs or not; never writes. Exit status of
/// `verify`: 0 whole, 65 not what was written, 66 there is nothing to read.
ExitCode read_audit(const ConfigSources& sources, const AuditCommand& command);

/// A line of the log for people; nullopt: it is filtered out, or (for `tail`, which judges nothing)
/// not JSON.
std::optional<std::string> audit_text(const std::string& line, const AuditCommand& command);

}  // namespace lineshaft::app
