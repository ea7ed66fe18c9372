#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lineshaft::load {

enum class Shape { p2p, fanin, fanout, retained, idle, connect };
enum class RetainedPhase { all, store, replay };

/// Everything the command line says. Each default is the one `--help` prints.
struct Options {
  Shape shape = Shape::p2p;
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  std::string tls_ca;  ///< not empty: TLS, trusting this CA
  std::string tls_cert;
  std::string tls_key;
  std::string unix_path;  ///< not empty: connect there instead of to host and port
  std::vector<pid_t> pids;

  std::uint32_t publishers = 0;   ///< 0: what the shape says
  std::uint32_t subscribers = 0;  ///< 0: what the shape says
  std::uint8_t qos = 0;
  std::uint8_t mqtt = 4;  ///< protocol level: 4 is MQTT 3.1.1, 5 is MQTT 5.0
  std::uint32_t payload_bytes = 64;
  std::uint32_t window = 32;
  double rate_per_s = 0;  ///< of all publishers together; 0: as fast as the window allows
  double seconds = 3;
  double warmup_s = 1;
  bool retain = false;
  bool durable = false;
  std::uint16_t receive_maximum = 0;  ///< of the subscribers, MQTT 5; 0: not sent

  std::uint32_t topics = 100'000;  ///< shape retained
  RetainedPhase phase = RetainedPhase::all;
  std::uint32_t connections = 1'000;  ///< shape idle
  bool idle_subscribe = false;
  std::uint32_t concurrency = 64;  ///< connection attempts at the same time
  double timeout_s = 30;           ///< without any progress, set-up and replay give up after this
};

inline constexpr int exit_ok = 0;
inline constexpr int exit_lost = 1;  ///< QoS 1 or 2 lost, QoS 2 duplicated, or replay incomplete
inline constexpr int exit_usage = 2;
inline constexpr int exit_set_up = 3;  ///< the broker refused or did not answer during set-up
inline constexpr int exit_closed = 4;  ///< the broker closed a connection while we measured

/// Reads the command line; prints what is wrong and ends the process with `exit_usage` if it
/// cannot. Prints the help and ends with 0 on `--help`.
Options parse_options(int argc, char** argv);

/// Prints `message` on stderr and ends the process. A load generator that cannot go on has no
/// figure to give, so there is nothing to unwind.
[[noreturn]] void fail(int exit_code, const std::string& message);

/// The shape's name as it stands on the command line.
const char* shape_name(Shape shape);

}  // namespace lineshaft::load
