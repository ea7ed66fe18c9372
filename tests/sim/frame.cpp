#include "tests/sim/frame.h"

#include <fmt/format.h>

namespace lineshaft::sim {

MessageFields fields_of(const Sent& sent) {
  MessageFields fields;
  fields.topic = sent.topic;
  fields.properties = sent.properties;
  fields.payload = sent.payload;
  fields.qos = sent.qos;
  fields.retain = sent.retain;
  fields.expiry_interval_s = sent.expiry_s;
  return fields;
}

namespace {

const char* name_of(mqtt::PacketType type) {
  static constexpr const char* names[] = {"?",         "CONNECT",  "CONNACK",     "PUBLISH",
                                          "PUBACK",    "PUBREC",   "PUBREL",      "PUBCOMP",
                                          "SUBSCRIBE", "SUBACK",   "UNSUBSCRIBE", "UNSUBACK",
                                          "PINGREQ",   "PINGRESP", "DISCONNECT",  "AUTH"};
  return names[static_cast<std::size_t>(type)];
}

std::string hex(ReasonCode reason) { return fmt::format("{:02x}", static_cast<unsigned>(reason)); }

std::string publish_text(const Frame& frame) {
  std::string text = fmt::format("PUBLISH m{} q{}", frame.message, static_cast<int>(frame.qos));
  if (frame.packet_id != 0) text += fmt::format(" id{}", frame.packet_id);
  if (frame.dup) text += " dup";
  if (frame.retain) text += " retain";
  if (frame.expiry_s != no_expiry_s) text += fmt::format(" expiry{}", frame.expiry_s);
  for (const auto id : frame.identifiers) text += fmt::format(" sub{}", id);
  return text;
}

}  // namespace

std::string text_of(const Frame& frame) {
  using mqtt::PacketType;
  std::string text = name_of(frame.type);
  switch (frame.type) {
    case PacketType::publish:
      return publish_text(frame);
    case PacketType::connack:
      text += frame.session_present ? " sp1" : " sp0";
      if (frame.reason != ReasonCode::success) text += " " + hex(frame.reason);
      return text;
    case PacketType::suback:
    case PacketType::unsuback:
      text += fmt::format(" {} [", frame.packet_id);
      for (const ReasonCode reason : frame.reasons) text += hex(reason);
      return text + "]";
    case PacketType::disconnect:
      return text + " " + hex(frame.reason);
    case PacketType::pingresp:
      return text;
    default:
      text += fmt::format(" {}", frame.packet_id);
      if (is_failure(frame.reason)) text += " " + hex(frame.reason);
      return text;
  }
}

Frame frame_of(const core::OutPacket& packet) {
  struct Visitor {
    Frame frame;
    void operator()(const mqtt::AckPacket& p) {
      frame.type = p.type;
      frame.packet_id = p.packet_id;
      frame.reason = p.reason;
    }
    void operator()(const mqtt::PingrespPacket&) { frame.type = mqtt::PacketType::pingresp; }
    void operator()(const std::unique_ptr<mqtt::ConnackPacket>& p) {
      frame.type = mqtt::PacketType::connack;
      frame.reason = p->reason;
      frame.session_present = p->session_present;
      frame.receive_maximum = p->receive_maximum;
    }
    void operator()(const std::unique_ptr<mqtt::SubackPacket>& p) {
      frame.type = p->type;
      frame.packet_id = p->packet_id;
      frame.reasons = p->reasons;
    }
    void operator()(const std::unique_ptr<mqtt::DisconnectPacket>& p) {
      frame.type = mqtt::PacketType::disconnect;
      frame.reason = p->reason;
    }
    void operator()(const std::unique_ptr<mqtt::AuthPacket>& p) {
      frame.type = mqtt::PacketType::auth;
      frame.reason = p->reason;
    }
  };
  Visitor visitor;
  std::visit(visitor, packet);
  return std::move(visitor.frame);
}

}  // namespace lineshaft::sim
