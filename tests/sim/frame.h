#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "broker/core/effects.h"

namespace lineshaft::sim {

/// One application message of a run. Its number travels in a User Property.
struct Sent {
  int number = 0;
  /// Index of the publishing client; wills have one too, but are no part of its stream.
  int publisher = 0;
  std::string topic;
  std::string properties;
  std::string payload;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  bool will = false;
  std::uint32_t expiry_s = no_expiry_s;

  /// How often the core took it: a QoS 1 message sent again counts again.
  int taken = 0;
  WallTime taken_at{};
  /// Its PUBACK or PUBREC has left the broker.
  bool acknowledged = false;
  /// Copies that went out through shared subscriptions, redeliveries not counted.
  std::size_t shared_copies = 0;
  /// One of them with QoS 1: that one may move on.
  bool shared_qos1 = false;
  /// Neither order nor "once" can be asked for any more: it was refused at first, or its publisher
  /// sent it again into another session because it never saw the CONNACK that said so.
  bool loose = false;
  /// Session of the publisher that took it first.
  int life = -1;
  /// What its acknowledgement waits for; a repeated PUBLISH waits for it too.
  std::uint64_t required_seq = 0;
  /// QoS 2 of a stored session: where its identifier is stored. No delivery before that.
  std::uint64_t dedupe_seq = 0;
};

/// All messages of a run by number.
using Registry = std::deque<Sent>;

MessageFields fields_of(const Sent& sent);

/// A packet on its way to a client.
struct Frame {
  mqtt::PacketType type = mqtt::PacketType::pingresp;
  std::uint16_t packet_id = 0;
  ReasonCode reason = ReasonCode::success;
  // PUBLISH
  int message = -1;
  QoS qos = QoS::at_most_once;
  bool dup = false;
  bool retain = false;
  /// Sent because of a subscription, not because it was published; known to the model.
  bool replay = false;
  std::uint32_t expiry_s = no_expiry_s;
  std::vector<std::uint32_t> identifiers;
  // CONNACK
  bool session_present = false;
  std::uint16_t receive_maximum = 65535;
  // SUBACK, UNSUBACK
  std::vector<ReasonCode> reasons;
};

/// "PUBLISH m7 q1 id3 dup", "CONNACK sp0", "PUBACK 4", "SUBACK 2 [01]".
std::string text_of(const Frame& frame);

/// The packet without PUBLISH.
Frame frame_of(const core::OutPacket& packet);

}  // namespace lineshaft::sim
