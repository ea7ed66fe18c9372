#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/reason_code.h"
#include "broker/mqtt/decoder.h"
#include "broker/mqtt/packets.h"

namespace lineshaft::test {

/// What a decoder makes of some bytes, decided by hand from the specification.
struct PacketCase {
  std::string_view name;
  /// The clause a refusal names, or the one that makes the packet legal.
  std::string_view clause;
  mqtt::Version version;
  /// In the notation of bytes.h. Of several packets the last one is meant, the others are fine.
  std::string_view notation;
  /// `success`: accepted.
  ReasonCode expected = ReasonCode::success;

  mqtt::Role role = mqtt::Role::server_reads_client;
  /// The packet only makes sense on a connection that `connect_notation(version)` has opened.
  bool needs_connect = true;

  bool accepted() const { return expected == ReasonCode::success; }
  std::string bytes() const;
};

/// Every case, all packet types, versions and both directions. Limits are the defaults of
/// broker/base/limits.h.
const std::vector<PacketCase>& packet_cases();

/// A plain CONNECT.
std::string_view connect_notation(mqtt::Version version);

/// The limits the cases are written for.
mqtt::DecoderLimits packet_case_limits();

/// Parts of `packet_cases()`, a file each.
std::span<const PacketCase> connect_cases();
std::span<const PacketCase> publish_cases();
std::span<const PacketCase> subscribe_cases();
std::span<const PacketCase> session_cases();
std::span<const PacketCase> server_cases();

}  // namespace lineshaft::test
