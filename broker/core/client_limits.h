#pragma once

#include <cstddef>
#include <cstdint>

#include "broker/base/limits.h"

namespace lineshaft::core {

/// What one client may do. A listener has its own; the core's are for where it has none.
///
/// The net room holds the bytes of a connection to them (through its `Peer`), the core sessions
/// and packets.
struct ClientLimits {
  // The stream, from accept on.
  Milliseconds connect_deadline = limits::connect_deadline;
  std::uint32_t connect_size_bytes_max = limits::connect_size_bytes_max;
  std::uint32_t packet_size_bytes_max = limits::packet_size_bytes_max;
  std::size_t outbox_bytes_max = limits::outbox_bytes_max;
  Milliseconds stalled_socket = limits::stalled_socket;

  // Packets.
  std::size_t topic_levels_max = limits::topic_levels_max;
  std::size_t topic_size_bytes_max = limits::topic_size_bytes_max;
  std::size_t client_id_size_bytes_max = limits::client_id_size_bytes_max;
  std::size_t user_properties_max = limits::user_properties_max;
  std::uint16_t receive_maximum = limits::receive_maximum;
  std::uint16_t inflight_out_max = limits::inflight_out_max;
  std::uint16_t topic_alias_in_max = limits::topic_alias_in_max;
  std::uint16_t topic_alias_out_max = limits::topic_alias_out_max;
  std::uint16_t keep_alive_s_max = limits::keep_alive_s_max;

  // Its identity, where clients prove one; 0: no limit.
  std::size_t connections_per_identity_max = limits::connections_per_identity_max;
  std::size_t sessions_per_identity_max = limits::sessions_per_identity_max;
  std::size_t retained_per_identity_max = limits::retained_per_identity_max;

  // Its session.
  std::uint32_t session_expiry_s_max = limits::session_expiry_s_max;
  std::size_t subscriptions_per_session_max = limits::subscriptions_per_session_max;
  std::size_t queued_max = limits::queued_max;
  std::size_t queued_bytes_max = limits::queued_bytes_max;

  bool operator==(const ClientLimits&) const = default;
};

}  // namespace lineshaft::core
