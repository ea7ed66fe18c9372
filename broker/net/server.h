#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/base/time.h"
#include "broker/core/authenticator.h"
#include "broker/core/core.h"
#include "broker/core/store.h"
#include "broker/net/endpoint.h"
#include "broker/net/server_options.h"
#include "broker/net/turn.h"

namespace lineshaft::net {

/// Listeners, shards and the turn around one core. Owned by `app`; its functions are called by the
/// thread that made it unless they say "any thread".
///
/// Life: construct, `set_store`, `distribute` what the restore decided, `start`, `drain`, `stop`.
class Server {
 public:
  /// `machine`, `clock` and the store outlive the server. The core's Effects have
  /// `options.shards` entries.
  Server(ServerOptions options, std::unique_ptr<Machine> machine, core::Store* store, Clock& clock);
  Server(ServerOptions options, core::Core& core, core::Store* store, Clock& clock)
      : Server(std::move(options), std::make_unique<CoreMachine>(core), store, clock) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Where other threads put inputs; valid from construction on, so a store can be given it.
  core::InputSink& sink();
  /// Before `start` only. Null: nothing is persisted.
  void set_store(core::Store* store);
  /// Before `start` only. Who finds out about every CONNECT who it is; null: nobody. It must stop
  /// answering before the server is destroyed.
  void set_authenticator(core::Authenticator* authenticator);
  /// Effects of `Core::restored`; before `start` only.
  void distribute(core::Effects& effects);

  /// Opens every listener, or none, and starts the shards' threads.
  std::optional<ListenError> start();

  struct Bound {
    std::string listener;
    std::string address;
    /// The actual one; 0 for a Unix socket.
    std::uint16_t port;
  };
  /// In the order of the options; after `start`.
  std::vector<Bound> bound() const;

  /// Asks the core; `on_reply` runs on shard 0's thread. Any thread. A request without an answer
  /// is submitted to `sink()` instead.
  void request(core::Request request, std::function<void(core::Reply)> on_reply);
  /// Another policy for everybody. `on_reply` as above, with `PolicyInForce` when every shard has
  /// met it: nothing is delivered under the one before any more. Any thread.
  void change_policy(std::shared_ptr<core::Interceptor> interceptor,
                     std::function<void(core::Reply)> on_reply);
  /// Runs `work` on shard 0's thread, outside turns. Any thread, after construction.
  void post_to_shard0(std::function<void()> work);
  /// Calls `work`, too, on shard 0 every `interval` (granularity `limits::timer_tick`). Before
  /// `start`.
  void add_periodic(Milliseconds interval, std::function<void(Now)> work);
  /// Whether clients are closed at accept, because there is no memory for them. Shard 0's thread.
  void set_refusing_clients(bool refusing);

  /// Stops accepting and reading, lets the core say goodbye and sends what is unsent. True: all of
  /// it was sent; false: `ServerOptions::drain` was over first. Not on a shard's thread.
  bool drain();
  /// Ends the shards; open connections are closed. Idempotent.
  void stop();

  /// Open connections, all shards. Any thread.
  std::size_t connections() const;
  /// Open connections of each listener, in the order of the options. Any thread, after `start`.
  std::vector<std::size_t> listener_connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lineshaft::net
