#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/authenticator.h"
#include "broker/core/config.h"
#include "broker/core/effects.h"
#include "broker/core/extension.h"
#include "broker/core/input.h"
#include "broker/core/interceptor.h"
#include "broker/core/watcher.h"
#include "broker/mqtt/decoder.h"
#include "broker/net/outbox.h"
#include "tests/support/memory_store.h"

namespace lineshaft::core {
class Core;
}  // namespace lineshaft::core
namespace lineshaft::net {
class Login;
}  // namespace lineshaft::net

namespace lineshaft::test {

class ScriptedClient;

/// A broker without sockets, files and threads: bytes → decoder → core → outbox → bytes, with a
/// clock that moves only when the test says so and a store that can be told not to commit.
///
///     ScriptedBroker broker;
///     ScriptedClient sub = broker.v5("sub");
///     sub.send("82 [0001 [] <a/b> 01]").expect("90 [0001 [] 01]");
///     broker.v5("pub").send("30 [<a/b> [] 'x']");
///     sub.expect("30 [<a/b> [] 'x']").expect_nothing();
///
/// Packets are written in the notation of bytes.h, so a test does not depend on the encoder. What a
/// client receives is compared byte by byte; whatever it did not expect fails the test.
class ScriptedBroker {
 public:
  explicit ScriptedBroker(core::CoreConfig config = {});
  ~ScriptedBroker();
  ScriptedBroker(const ScriptedBroker&) = delete;
  ScriptedBroker& operator=(const ScriptedBroker&) = delete;

  /// One connection, both directions.
  struct Pipe {
    Pipe(const mqtt::DecoderLimits& limits, MessageArena& arena)
        : decoder(mqtt::Role::server_reads_client, limits, arena) {}

    core::ConnectionId id;
    mqtt::Decoder decoder;
    net::Outbox outbox;
    /// Bytes that reached the client and were not looked at.
    std::string received;
    /// While an authentication is under way.
    std::shared_ptr<net::Login> login;
    bool known_to_core = false;
    bool reading_paused = false;
    bool closed_by_broker = false;
    bool closed_by_client = false;
  };

  // Below ScriptedClient: for whoever sends bytes that are no notation.

  Pipe& open_pipe();
  void feed(Pipe& pipe, std::string_view bytes);
  /// The network fails.
  void lose(Pipe& pipe);
  /// Applies `input` and everything that follows from it.
  void run(core::Input input);

  // scripted_login.cpp

  /// From now on every CONNECT is authenticated and the interceptor is asked; what there was is
  /// gone. The authenticator answers inside its call.
  void guard(core::Authenticator* authenticator, std::shared_ptr<core::Interceptor> interceptor);
  void change_policy(std::shared_ptr<core::Interceptor> interceptor);
  /// Until the next start.
  void watch(std::shared_ptr<core::Watcher> watcher);
  /// From now on every core gets this extension, made anew at each start. Begins with a start: what
  /// was committed is there.
  using MakeExtension = std::function<std::shared_ptr<core::Extension>()>;
  void extend(MakeExtension make);

  // scripted_client.cpp

  /// A connection on which nothing was sent.
  ScriptedClient open();
  /// A connection whose CONNECT was sent: nothing is expected yet.
  ScriptedClient connect(std::string_view notation);
  /// Connected with Clean Start: CONNACK 0x00 has come. `properties` without their length.
  ScriptedClient v5(std::string_view client_id, std::string_view properties = "");
  /// Clean Start 0 and a Session Expiry of one hour.
  ScriptedClient v5_durable(std::string_view client_id, std::string_view properties = "");
  ScriptedClient v3_1_1(std::string_view client_id, std::string_view connect_flags = "02");

  /// Time passes; all timers that are due fire.
  void after(Milliseconds time);
  /// Time passes, but no timer has been looked at yet.
  void let_pass(Milliseconds time);
  /// From now on commits wait for `commit`.
  void hold_commits() { holds_commits_ = true; }
  /// Commits what waits, or the oldest `count` of it; later ones wait again.
  void commit() { commit(store_.waiting()); }
  void commit(std::size_t count);
  /// From now on pages of queues are read when `answer_loads` is called.
  void hold_loads() { holds_loads_ = true; }
  void answer_loads(bool failed = false);
  /// From now on no socket says that it has drained.
  void hold_drains(bool held) { holds_drains_ = held; }
  /// The store takes no writes (disk full), or takes them again.
  void store_accepts_writes(bool accepts);
  /// The process ends with -9 and starts again: only what is committed is left. Throws when the
  /// core refuses a record it has written itself.
  void crash();
  /// The same in order; `away` passes meanwhile.
  void restart(Milliseconds away = Milliseconds{0});
  void request(core::Request request);
  void reconfigure(core::CoreConfig config);

  /// What requests were answered, in order; the list is empty afterwards.
  std::vector<core::Reply> take_replies() { return std::exchange(replies_, {}); }

  core::Statistics statistics() const;
  WallTime wall() const { return now_.wall; }
  const MemoryStore& store() const { return store_; }

 private:
  friend class ScriptedClient;

  std::function<void(core::AuthenticationAnswer)> login_answer(const Pipe& pipe);
  void log_in(Pipe& pipe, std::vector<mqtt::Packet> packets);
  void authenticate(const core::Authenticate& effect);
  void answer_logins();
  void finish_login(Pipe& pipe, core::Admission admission);
  void take_effects();
  void push_loads(bool failed);
  void drain(Pipe& pipe);
  void start();
  Pipe& pipe_of(core::ConnectionRef connection) { return *pipes_[connection.slot]; }

  core::CoreConfig config_;
  MessageArena arena_;
  std::vector<std::unique_ptr<Pipe>> pipes_;
  MemoryStore store_;
  const std::shared_ptr<const core::Peer> peer_;
  core::Authenticator* authenticator_ = nullptr;
  std::shared_ptr<core::Interceptor> interceptor_;
  MakeExtension make_extension_;
  std::deque<std::pair<std::uint32_t, core::AuthenticationAnswer>> answers_;
  std::unique_ptr<core::Core> core_;
  core::Effects effects_{1};
  std::deque<core::Input> inputs_;
  bool holds_commits_ = false;
  bool holds_loads_ = false;
  bool holds_drains_ = false;
  std::deque<core::LoadQueue> loads_;
  std::vector<core::Reply> replies_;
  Now now_{Instant{Milliseconds{1'000'000}}, WallTime{Milliseconds{1'700'000'000'000}}};
  net::SentTotals totals_;
  /// An outbox only knows how to write to a socket: both ends of this one are ours.
  int sockets_[2] = {-1, -1};
};

/// The packet at the front of `bytes`, removed from it; empty when none is complete.
std::string cut_packet(std::string& bytes);

}  // namespace lineshaft::test
