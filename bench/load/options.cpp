#include "bench/load/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace lineshaft::load {
namespace {

constexpr const char* help_text =
    R"(lineshaft_load: MQTT load generator, one thread, JSON on stdout

  --shape S          p2p      N publishers, N subscribers, one topic each       (default, 1 and 1)
                     fanin    N publishers, M subscribers on a wildcard         (100 and 1)
                     fanout   N publishers, M subscribers of every topic        (1 and 100)
                     retained store --topics retained messages, replay them all (10 and 1)
                     idle     hold --connections connections
                     connect  CONNECT, CONNACK, DISCONNECT, again and again
  --host H --port P  where the broker listens (127.0.0.1, 1883); --unix PATH instead of both
  --tls CA           speak TLS and trust this CA; --cert FILE --key FILE: show a certificate
  --pid PID[,PID]    broker processes whose CPU time and memory are sampled
  --publishers N     --subscribers M: instead of the numbers of the shape
  --qos Q            0, 1 or 2 (0), for publishing and subscribing
  --mqtt V           4 for MQTT 3.1.1, 5 for MQTT 5.0 (4)
  --payload BYTES    at least 24 (64)
  --window N         messages a publisher may have on the way (32)
  --rate R           messages per second of all publishers together; 0: as fast as the window
                     allows (0). With a rate, a message carries its scheduled time.
  --seconds S        measured time (3), after --warmup S (1); for idle: how long to hold
  --retain           publish with the retain flag
  --durable          subscribers have persistent sessions
  --receive-maximum N  of the subscribers, MQTT 5
  --topics K         shape retained (100000); --phase all|store|replay (all)
  --connections N    shape idle (1000); --idle-subscribe: one subscription each
  --concurrency N    connection attempts at the same time (64)
  --timeout S        give up after so long without progress (30)

Exit status: 0 good; 1 a QoS 1 or 2 message was lost, a QoS 2 message came twice, or the replay
was incomplete; 2 wrong usage; 3 set-up failed; 4 the broker closed a connection.
)";

[[noreturn]] void bad_value(std::string_view name, std::string_view value,
                            std::string_view wanted) {
  fail(exit_usage, "option " + std::string(name) + ": \"" + std::string(value) + "\" is not " +
                       std::string(wanted) + "; see --help");
}

template <typename Number>
Number number(std::string_view name, std::string_view text, Number low, Number high) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || value < low || value > high) {
    bad_value(name, text, "a number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

constexpr std::array shapes{
    std::pair{"p2p", Shape::p2p},       std::pair{"fanin", Shape::fanin},
    std::pair{"fanout", Shape::fanout}, std::pair{"retained", Shape::retained},
    std::pair{"idle", Shape::idle},     std::pair{"connect", Shape::connect},
};

Shape parse_shape(std::string_view text) {
  for (const auto& [name, shape] : shapes) {
    if (text == name) return shape;
  }
  bad_value("--shape", text, "a shape");
}

RetainedPhase parse_phase(std::string_view text) {
  if (text == "all") return RetainedPhase::all;
  if (text == "store") return RetainedPhase::store;
  if (text == "replay") return RetainedPhase::replay;
  bad_value("--phase", text, "all, store or replay");
}

std::vector<pid_t> parse_pids(std::string_view text) {
  std::vector<pid_t> pids;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    pids.push_back(
        number<pid_t>("--pid", text.substr(0, comma), 1, std::numeric_limits<pid_t>::max()));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return pids;
}

bool set_flag(Options& options, std::string_view name) {
  if (name == "--retain") return options.retain = true;
  if (name == "--durable") return options.durable = true;
  if (name == "--idle-subscribe") return options.idle_subscribe = true;
  return false;
}

bool set_place(Options& options, std::string_view name, std::string_view value) {
  if (name == "--host") {
    options.host = value;
  } else if (name == "--port") {
    options.port = number<std::uint16_t>(name, value, 1, 65'535);
  } else if (name == "--tls") {
    options.tls_ca = value;
  } else if (name == "--cert") {
    options.tls_cert = value;
  } else if (name == "--key") {
    options.tls_key = value;
  } else if (name == "--unix") {
    options.unix_path = value;
  } else if (name == "--pid") {
    options.pids = parse_pids(value);
  } else {
    return false;
  }
  return true;
}

bool set_traffic(Options& options, std::string_view name, std::string_view value) {
  if (name == "--publishers") {
    options.publishers = number<std::uint32_t>(name, value, 1, 100'000);
  } else if (name == "--subscribers") {
    options.subscribers = number<std::uint32_t>(name, value, 1, 100'000);
  } else if (name == "--qos") {
    options.qos = number<std::uint8_t>(name, value, 0, 2);
  } else if (name == "--mqtt") {
    options.mqtt = number<std::uint8_t>(name, value, 4, 5);
  } else if (name == "--payload") {
    options.payload_bytes = number<std::uint32_t>(name, value, 24, 1u << 24);
  } else if (name == "--window") {
    options.window = number<std::uint32_t>(name, value, 1, 65'535);
  } else if (name == "--rate") {
    options.rate_per_s = number<double>(name, value, 0, 1e7);
  } else if (name == "--receive-maximum") {
    options.receive_maximum = number<std::uint16_t>(name, value, 1, 65'535);
  } else {
    return false;
  }
  return true;
}

bool set_run(Options& options, std::string_view name, std::string_view value) {
  if (name == "--shape") {
    options.shape = parse_shape(value);
  } else if (name == "--seconds") {
    options.seconds = number<double>(name, value, 0.01, 86'400);
  } else if (name == "--warmup") {
    options.warmup_s = number<double>(name, value, 0, 86'400);
  } else if (name == "--topics") {
    options.topics = number<std::uint32_t>(name, value, 1, 100'000'000);
  } else if (name == "--phase") {
    options.phase = parse_phase(value);
  } else if (name == "--connections") {
    options.connections = number<std::uint32_t>(name, value, 1, 1'000'000);
  } else if (name == "--concurrency") {
    options.concurrency = number<std::uint32_t>(name, value, 1, 10'000);
  } else if (name == "--timeout") {
    options.timeout_s = number<double>(name, value, 0.1, 86'400);
  } else {
    return false;
  }
  return true;
}

void set_shape_defaults(Options& options) {
  std::uint32_t publishers = 1;
  std::uint32_t subscribers = 1;
  if (options.shape == Shape::fanin) publishers = 100;
  if (options.shape == Shape::fanout) subscribers = 100;
  if (options.shape == Shape::retained) publishers = 10;
  if (options.publishers == 0) options.publishers = publishers;
  if (options.subscribers == 0) options.subscribers = subscribers;
  if (options.shape == Shape::p2p) options.subscribers = options.publishers;
}

}  // namespace

void fail(int exit_code, const std::string& message) {
  std::fflush(stdout);
  std::fprintf(stderr, "lineshaft_load: %s\n", message.c_str());
  std::exit(exit_code);
}

const char* shape_name(Shape shape) {
  for (const auto& [name, value] : shapes) {
    if (value == shape) return name;
  }
  return "";
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int at = 1; at < argc; ++at) {
    const std::string_view name = argv[at];
    if (name == "--help" || name == "-h") {
      std::fputs(help_text, stdout);
      std::exit(exit_ok);
    }
    if (set_flag(options, name)) continue;
    if (at + 1 >= argc) {
      fail(exit_usage, "option " + std::string(name) + " is unknown or lacks a value; see --help");
    }
    const std::string_view value = argv[++at];
    const bool known = set_place(options, name, value) || set_traffic(options, name, value) ||
                       set_run(options, name, value);
    if (!known) fail(exit_usage, "unknown option " + std::string(name) + "; see --help");
  }
  set_shape_defaults(options);
  return options;
}

}  // namespace lineshaft::load
