#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/authenticator.h"
#include "broker/core/effects.h"
#include "broker/mqtt/packets.h"

namespace lineshaft::net {

/// One authentication of a connection: from its CONNECT to a principal, or again later.
///
/// Holds the packets that came with the CONNECT until the core may see them; the connection is not
/// read while the authenticator decides, so there is one read of them at most. Owned by its
/// connection; its shard's thread only.
class Login {
 public:
  /// `answered` is called once for each question, on any thread.
  using Answered = std::function<void(core::AuthenticationAnswer)>;

  Login(core::Authenticator& authenticator, std::shared_ptr<const core::Peer> peer,
        Answered answered);
  /// A client that is connected authenticates again.
  Login(core::Authenticator& authenticator, std::shared_ptr<const core::Peer> peer,
        const core::Reauthentication& again, Answered answered);

  /// The authenticator has a question and has not answered it.
  bool asks() const { return asks_; }

  /// Packets of a client the core does not know yet: a CONNECT first, later the answer to a
  /// challenge. Either the authenticator is asked, or the client broke a rule and this is its end.
  std::optional<core::Admission> take(std::vector<mqtt::Packet> packets);
  /// Authentication Data of an AUTH the core has seen. A refusal when nothing was asked.
  std::optional<core::Admission> take(std::string data);

  /// The AUTH 0x18 for a challenge [MQTT-4.12.0-2]. If the client's answer is here already, `take`
  /// an empty list.
  std::unique_ptr<mqtt::AuthPacket> challenge(core::Challenge challenge);
  /// How to encode it: a client that is still unknown to the core has no CONNACK yet.
  std::optional<core::Configure> encoding(core::ConnectionRef connection) const;

  /// CONNECT and everything behind it, for the core.
  std::vector<mqtt::Packet> release() { return std::move(packets_); }

 private:
  core::AuthenticationStep first_step(mqtt::ConnectPacket& connect);
  void ask(core::AuthenticationStep step);

  core::Authenticator& authenticator_;
  std::shared_ptr<const core::Peer> peer_;
  Answered answered_;
  std::vector<mqtt::Packet> packets_;
  std::string client_id_;
  std::optional<std::string> user_name_;
  std::string method_;
  core::PrincipalPtr known_;
  std::shared_ptr<core::AuthenticationState> state_;
  bool asks_ = false;
};

}  // namespace lineshaft::net
