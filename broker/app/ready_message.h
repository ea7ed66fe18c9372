#pragma once

#include <string>
#include <vector>

namespace lineshaft::app {

/// The command that subscribes at the first of `addresses` ("127.0.0.1:1883", "[::1]:1883",
/// "unix:/run/mqtt.sock"): `mosquitto_sub -t 'acme/#' -v` with the options that are needed.
std::string subscribe_command(const std::vector<std::string>& addresses);
/// Its counterpart.
std::string publish_command(const std::vector<std::string>& addresses);

struct ReadyFacts {
  std::string version;
  std::vector<std::string> addresses;
  std::string data_dir;
  bool is_durable = true;
  std::size_t retained = 0;
  std::size_t sessions = 0;
};

/// What a person at a terminal reads when the broker is ready: where, what survives, what to type.
std::string ready_message(const ReadyFacts& facts);

}  // namespace lineshaft::app
