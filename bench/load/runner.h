#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/json.h"
#include "bench/load/loop.h"
#include "bench/load/options.h"
#include "bench/load/process_stats.h"

namespace lineshaft::load {

/// What every shape needs: connections that are opened and subscribed in bulk, waiting with a
/// bound, and samples of the broker around the measured part.
class Runner : public Listener {
 public:
  explicit Runner(const Options& options);

  void on_connected(Connection& connection) override;
  void on_subscribed(Connection& connection) override;
  void on_closed(Connection& connection, const std::string& why) override;

 protected:
  /// The broker and the generator at one moment.
  struct Moment {
    std::uint64_t at_ns = 0;
    std::optional<ProcessSample> broker;
    std::uint64_t own_cpu_ns = 0;
    std::uint64_t soft_interrupt_cpu_ns = 0;
    std::uint64_t machine_cpu_ns = 0;
  };
  Moment take_moment() const;

  /// Adds `count` connections with indexes from 0 and connects them, at most
  /// `options.concurrency` at a time. Client identifiers are unique per process.
  std::vector<Connection*> open(const std::string& role, std::uint32_t count, bool clean);

  /// Subscribes each connection to the filter `filter_of(index)` and waits for all SUBACKs.
  void subscribe(const std::vector<Connection*>& connections,
                 const std::function<std::string(std::size_t)>& filter_of);

  /// Reads and sends until `done`, or until nothing was read for `patience_s`. True when done.
  bool run_until(const std::function<bool()>& done, double patience_s);

  /// Closes all connections in an orderly way.
  void close(const std::vector<Connection*>& connections);

  /// Figures all shapes share: CPU per `messages`, memory, the generator's own cost.
  void report_cost(JsonObject& json, const Moment& from, const Moment& to,
                   std::uint64_t messages) const;
  void report_setting(JsonObject& json) const;

  ConnectRequest make_request(const std::string& role, std::size_t index, bool clean) const;

  const Options& options_;
  Loop loop_;
  std::uint64_t connected_ = 0;
  std::uint64_t subscribed_ = 0;
  std::uint64_t disconnects_ = 0;
  bool setting_up_ = true;  ///< a lost connection ends the process while this is set

 private:
  std::string id_prefix_;
};

/// Seven levels as in a plant, unique for each index up to 100 million:
/// `acme/site-003/area-07/line-04/cell-05/motor-06/value-2`.
std::string plant_topic(std::uint64_t index);

/// Each runs one shape, prints its JSON line and returns the exit status.
int run_traffic(const Options& options);
int run_retained(const Options& options);
int run_idle(const Options& options);
int run_connect(const Options& options);

}  // namespace lineshaft::load
