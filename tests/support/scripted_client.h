#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/core.h"
#include "broker/mqtt/decoder.h"
#include "broker/net/outbox.h"
#include "tests/support/memory_store.h"

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
  /// Commits everything that waits; later ones wait again.
  void commit();
  /// The store takes no writes (disk full), or takes them again.
  void store_accepts_writes(bool accepts);
  /// The process ends with -9 and starts again: only what is committed is left.
  void crash();
  /// The same in order; `away` passes meanwhile.
  void restart(Milliseconds away = Milliseconds{0});
  void request(core::Request request);
  void reconfigure(core::CoreConfig config);

  core::Statistics statistics() const { return core_->statistics(); }
  WallTime wall() const { return now_.wall; }
  const MemoryStore& store() const { return store_; }

 private:
  friend class ScriptedClient;

  /// One connection, both directions.
  struct Pipe {
    Pipe(const mqtt::DecoderLimits& limits, MessageArena& arena)
        : decoder(mqtt::Role::server_reads_client, limits, arena) {}

    core::ConnectionId id;
    mqtt::Decoder decoder;
    net::Outbox outbox;
    /// Bytes that reached the client and were not looked at.
    std::string received;
    bool known_to_core = false;
    bool reading_paused = false;
    bool closed_by_broker = false;
    bool closed_by_client = false;
  };

  void feed(Pipe& pipe, std::string_view bytes);
  void lose(Pipe& pipe);
  /// Applies `input` and everything that follows from it.
  void run(core::Input input);
  void take_effects();
  void drain(Pipe& pipe);
  void start();
  Pipe& pipe_of(core::ConnectionRef connection) { return *pipes_[connection.slot]; }

  core::CoreConfig config_;
  MessageArena arena_;
  std::vector<std::unique_ptr<Pipe>> pipes_;
  MemoryStore store_;
  std::unique_ptr<core::Core> core_;
  core::Effects effects_{1};
  std::deque<core::Input> inputs_;
  bool holds_commits_ = false;
  Now now_{Instant{Milliseconds{1'000'000}}, WallTime{Milliseconds{1'700'000'000'000}}};
  net::SentTotals totals_;
  /// An outbox only knows how to write to a socket: both ends of this one are ours.
  int sockets_[2] = {-1, -1};
};

/// One client's side of a connection. A handle: copies mean the same connection.
class ScriptedClient {
 public:
  /// Sends packets and lets the broker react.
  ScriptedClient& send(std::string_view notation);
  /// The same, byte by byte.
  ScriptedClient& send_in_pieces(std::string_view notation);
  ScriptedClient& send_bytes(std::string_view bytes);

  /// The next packet is exactly this one; several packets are compared one after the other.
  ScriptedClient& expect(std::string_view notation);
  /// There is no further packet and the connection stands.
  ScriptedClient& expect_nothing();
  /// There is no further packet and the broker has closed the connection.
  ScriptedClient& expect_closed();
  /// DISCONNECT with this Reason Code, then the end.
  ScriptedClient& expect_disconnect(ReasonCode reason);
  /// CONNACK with this Reason Code, Session Present 0, no properties, then the end.
  ScriptedClient& expect_refused(ReasonCode reason);
  /// CONNACK 0x00 whatever its properties; remembers Session Present.
  ScriptedClient& expect_connack();

  /// SUBSCRIBE with one filter and its SUBACK; `options` is the byte, the granted QoS is its own.
  ScriptedClient& subscribe(std::string_view filter, std::string_view options = "00",
                            std::string_view properties = "");
  ScriptedClient& unsubscribe(std::string_view filter);

  /// The next packet as bytes, empty if there is none.
  std::string take();
  /// Of the last `expect_connack`.
  bool session_present() const { return session_present_; }

  /// The network fails.
  void vanish();
  /// The broker stops or goes on reading this socket by itself.
  void pause_reading(bool paused);

 private:
  friend class ScriptedBroker;
  ScriptedClient(ScriptedBroker& broker, std::uint32_t slot) : broker_(&broker), slot_(slot) {}
  ScriptedBroker::Pipe& pipe() { return *broker_->pipes_[slot_]; }

  ScriptedBroker* broker_;
  std::uint32_t slot_;
  bool session_present_ = false;
};

/// The packet at the front of `bytes`, removed from it; empty when none is complete.
std::string cut_packet(std::string& bytes);

}  // namespace lineshaft::test
