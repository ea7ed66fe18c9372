// PUBACK, PUBREC, PUBREL, PUBCOMP (sections 3.4 to 3.7 and 4.3).
#include <algorithm>
#include <utility>

#include "broker/core/core.h"

namespace lineshaft::core {
namespace {

mqtt::AckPacket ack(mqtt::PacketType type, std::uint16_t packet_id,
                    ReasonCode reason = ReasonCode::success) {
  return {type, packet_id, reason, {}};
}

}  // namespace

void Core::on_ack(ConnectionState& connection, const mqtt::AckPacket& packet) {
  Session& session = sessions_.at(connection.session);
  switch (packet.type) {
    case mqtt::PacketType::puback:
      on_puback(session, packet.packet_id);
      break;
    case mqtt::PacketType::pubrec:
      on_pubrec(connection, session, packet);
      break;
    case mqtt::PacketType::pubrel:
      on_pubrel(connection, session, packet);
      break;
    default:
      on_pubcomp(session, packet.packet_id);
      break;
  }
}

/// Until it comes the message is unacknowledged [MQTT-4.3.2-3]. Positive or negative, the delivery
/// is over [MQTT-4.4.0-2], for a shared subscription too [MQTT-4.8.2-6]. An unknown identifier is
/// ignored.
void Core::on_puback(Session& session, std::uint16_t packet_id) {
  InflightEntry* const inflight = session.queue.find_inflight(packet_id);
  const bool ours = inflight != nullptr && inflight->entry.qos == QoS::at_least_once &&
                    inflight->on_wire && !inflight->awaiting_commit;
  if (ours) complete(session, *inflight);
}

void Core::on_pubrec(ConnectionState& connection, Session& session, const mqtt::AckPacket& packet) {
  InflightEntry* const inflight = session.queue.find_inflight(packet.packet_id);
  const bool ours = inflight != nullptr && inflight->entry.qos == QoS::exactly_once &&
                    inflight->on_wire && !inflight->awaiting_commit;
  if (is_failure(packet.reason)) {
    if (ours) complete(session, *inflight);
    return;
  }
  if (!ours) {
    acknowledge(
        connection,
        ack(mqtt::PacketType::pubrel, packet.packet_id, ReasonCode::packet_identifier_not_found),
        0);
    return;
  }
  // [MQTT-4.3.3-3], [MQTT-4.3.3-5] from here on it is PUBREL that waits, for PUBCOMP.
  if (inflight->state == InflightState::sent) release_inflight(session, *inflight);
  // [MQTT-4.3.3-4]
  acknowledge(connection, ack(mqtt::PacketType::pubrel, packet.packet_id),
              inflight->entry.wait_seq);
}

/// The message is done with; its identifier waits for PUBREL and PUBCOMP.
void Core::release_inflight(Session& session, InflightEntry& inflight) {
  inflight.state = InflightState::released;
  forget_entry(session, inflight.entry);
  inflight.entry.message.reset();
  if (!session.stored) return;
  // Before PUBREL leaves: else a crash sends the PUBLISH again [MQTT-4.3.3-6].
  inflight.entry.wait_seq = record(InflightRecord{session.sid, Direction::out, inflight.packet_id,
                                                  InflightState::released, inflight.entry.seq},
                                   true);
  inflight.recorded = true;
}

void Core::on_pubrel(ConnectionState& connection, Session& session, const mqtt::AckPacket& packet) {
  const auto known =
      std::ranges::find(session.incoming, packet.packet_id, &IncomingQos2::packet_id);
  if (known == session.incoming.end()) {
    // Perhaps a repeat: the erasure it confirms may still be on its way to the disk.
    acknowledge(
        connection,
        ack(mqtt::PacketType::pubcomp, packet.packet_id, ReasonCode::packet_identifier_not_found),
        session.incoming_seq);
    return;
  }
  const bool counted = known->counted;
  session.incoming.erase(known);
  if (session.stored) {
    session.incoming_seq =
        record(InflightErase{session.sid, Direction::in, packet.packet_id}, true);
  }
  // [MQTT-4.3.3-11], [MQTT-4.3.3-12], and [MQTT-4.3.3-13]: expiry is no matter here.
  acknowledge(connection, ack(mqtt::PacketType::pubcomp, packet.packet_id), session.incoming_seq,
              counted);
}

void Core::on_pubcomp(Session& session, std::uint16_t packet_id) {
  InflightEntry* const inflight = session.queue.find_inflight(packet_id);
  // A PUBREL that is still held back cannot have been answered [MQTT-4.3.3-5].
  const bool ours = inflight != nullptr && inflight->state == InflightState::released &&
                    inflight->on_wire && !waits_for(inflight->entry.wait_seq);
  if (ours) complete(session, *inflight);
}

/// The delivery is finished: its identifier is free, the next message may go [MQTT-4.9.0-2].
void Core::complete(Session& session, InflightEntry& inflight) {
  SessionQueue& queue = session.queue;
  if (inflight.on_wire) --queue.on_wire;
  if (inflight.entry.message) {
    forget_entry(session, inflight.entry);
  }
  if (session.stored && inflight.recorded) {
    record(InflightErase{session.sid, Direction::out, inflight.packet_id});
  }
  queue.inflight.erase(queue.inflight.iterator_to(inflight));
  if (session.stored && ++session.acks_since_record >= 1000) record_session(session, false);
  pump(session);
  continue_replays(session);
}

}  // namespace lineshaft::core
