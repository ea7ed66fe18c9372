#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "broker/app/config_loader.h"
#include "broker/app/exit_code.h"
#include "broker/base/time.h"

/// The verbs that ask or tell the access policy of a running broker.
namespace lineshaft::app {

/// What `lineshaft why|island|quarantine|breakglass|shadow|learn` was told.
struct PolicyCommand {
  enum class Act : std::uint8_t {
    why,
    island,
    quarantine,
    release,
    break_glass,
    end_break_glass,
    list,
    shadow_diff,
    learn,
  };
  Act act = Act::why;
  /// why: a Client Identifier that has a session; "pub" or "sub"; what about.
  std::string client;
  std::string op;
  std::string topic;
  int qos = 0;
  bool retain = false;
  std::uint32_t size_bytes = 0;
  /// island: of this zone, on or off. quarantine, breakglass: empty is any zone.
  std::string zone;
  bool on = false;
  /// Name of a user or certificate; `issuer`: the key of the CA that vouches for it, as
  /// `why --json` has it, empty is any.
  std::string identity;
  std::string issuer;
  /// "certificate", "user" or "psk"; empty is any.
  std::string proof;
  std::string role;
  std::string reason;
  std::optional<Milliseconds> ttl;
  /// list: only "quarantine", "island" or "break_glass".
  std::string kind;
  /// learn: levels of the topics.
  int depth = 4;
};

/// Exit status: `ok`, or for `why` `denied`; `usage`: the broker refuses what is asked; others as
/// with `status`.
ExitCode ask_policy(const ConfigSources& sources, const std::optional<std::string>& socket,
                    const PolicyCommand& command, bool json);

/// What holds now, of one kind, a line each; `answer`: of the broker.
std::string overrides_text(const std::string& answer, const std::string& kind, WallTime now);

}  // namespace lineshaft::app
