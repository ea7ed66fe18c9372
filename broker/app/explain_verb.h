#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "broker/app/config_loader.h"
#include "broker/app/exit_code.h"
#include "broker/base/time.h"

namespace lineshaft::app {

/// What `lineshaft explain` was asked.
struct ExplainOptions {
  /// PEM; the first certificate in it. Or a user of the users file.
  std::string cert_file;
  std::string user;
  std::string listener;
  /// "publish", "subscribe", "will"
  std::string op = "publish";
  std::string topic;
  /// Empty: one that the listener's rule allows.
  std::string client_id;
  /// The Sparkplug type the topic is expected to have; empty: any.
  std::string sparkplug;
  /// "1.2", "1.3", or "none".
  std::string tls;
  int qos = 0;
  bool retain = false;
  std::uint32_t size_bytes = 0;
  bool json = false;
};

/// Prints the answer of `auth::explain_json`.
void print_explanation(nlohmann::json answer, bool as_json);

/// Says without a broker what the configuration decides, and why. `ok`: allowed; `denied`;
/// `config`: the configuration is wrong; `usage`: the question is.
ExitCode explain(const ConfigSources& sources, const ExplainOptions& question, WallTime now);

}  // namespace lineshaft::app
