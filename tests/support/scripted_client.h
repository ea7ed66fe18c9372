#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/support/scripted_broker.h"

namespace lineshaft::test {

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
  /// The core asked not to read this socket.
  bool reading_paused() { return pipe().reading_paused; }

 private:
  friend class ScriptedBroker;
  ScriptedClient(ScriptedBroker& broker, std::uint32_t slot) : broker_(&broker), slot_(slot) {}
  ScriptedBroker::Pipe& pipe() { return *broker_->pipes_[slot_]; }

  ScriptedBroker* broker_;
  std::uint32_t slot_;
  bool session_present_ = false;
};

}  // namespace lineshaft::test
