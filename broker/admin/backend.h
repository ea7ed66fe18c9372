#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker/base/time.h"
#include "broker/core/config.h"
#include "broker/core/request.h"
#include "storage/journal_writer.h"

namespace lineshaft::admin {

/// Where the broker is in its life.
enum class Phase : std::uint8_t {
  /// What is stored is being read; no listener is open.
  starting,
  running,
  /// No new connections; what is unsent goes out.
  draining,
  /// Connections are closed, the store is being closed.
  stopping,
};

struct ListenerFacts {
  std::string name;
  /// "127.0.0.1:1883", "unix:/run/mqtt.sock"
  std::string address;
  /// "tcp", "unix"
  std::string transport;
  std::size_t connections = 0;
};

/// What can be told at any moment without asking the core.
struct BrokerFacts {
  Phase phase = Phase::starting;
  std::string version;
  std::string node_name;
  std::string data_dir;
  std::vector<std::string> config_files;
  core::Durability durability = core::Durability::sync;
  WallTime started;
  Milliseconds uptime{0};
  std::vector<ListenerFacts> listeners;
  /// None while starting.
  std::optional<storage::StoreStatus> store;
  std::uint64_t memory_resident_bytes = 0;
  double cpu_seconds = 0;
};

/// What a reload did, or everything that is wrong with the new configuration.
struct ReloadOutcome {
  struct Problem {
    std::string where, what, remedy;
  };
  /// Full names of options.
  std::vector<std::string> changed;
  std::vector<std::string> needs_restart;
  /// Everything that is wrong.
  std::vector<Problem> problems;
  /// Nothing was changed. With problems and without this, the configuration was taken over but for
  /// what they name.
  bool refused = false;
};

/// The broker as this room sees it; implemented by `app`. Called by the admin room's thread;
/// never waits.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual BrokerFacts facts() = 0;
  /// A request through the core; `answer` is called once, on another thread, or never when the
  /// core is stuck or stops. False: there is no core to ask, or too many ask already.
  virtual bool ask_core(std::function<void(const core::Statistics&)> answer) = 0;
  /// A question or an order to the access policy, as `Interceptor::on_request` takes it; `answer`
  /// as above. False: there is no core to ask, or too many ask already.
  virtual bool ask_policy(core::InterceptorRequest request,
                          std::function<void(const core::RequestAnswer&)> answer) = 0;
  /// The same for the extension that the request names.
  virtual bool ask_extension(core::ExtensionRequest request,
                             std::function<void(const core::RequestAnswer&)> answer) = 0;
  /// The same as SIGHUP; `answer` as above. False: the broker is starting or stopping.
  virtual bool reload(std::function<void(ReloadOutcome)> answer) = 0;
};

}  // namespace lineshaft::admin
