#include "broker/mqtt/packet_rules.h"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace lineshaft::mqtt {
namespace {

using enum ReasonCode;

constexpr bool contains(std::initializer_list<ReasonCode> table, ReasonCode reason) {
  return std::ranges::find(table, reason) != table.end();
}

bool connack_allows(ReasonCode reason) {
  return contains({success,
                   unspecified_error,
                   malformed_packet,
                   protocol_error,
                   implementation_specific_error,
                   unsupported_protocol_version,
                   client_identifier_not_valid,
                   bad_user_name_or_password,
                   not_authorized,
                   server_unavailable,
                   server_busy,
                   banned,
                   bad_authentication_method,
                   topic_name_invalid,
                   packet_too_large,
                   quota_exceeded,
                   payload_format_invalid,
                   retain_not_supported,
                   qos_not_supported,
                   use_another_server,
                   server_moved,
                   connection_rate_exceeded},
                  reason);
}

bool suback_allows(ReasonCode reason) {
  return contains({success, granted_qos_1, granted_qos_2, unspecified_error,
                   implementation_specific_error, not_authorized, topic_filter_invalid,
                   packet_identifier_in_use, quota_exceeded, shared_subscriptions_not_supported,
                   subscription_identifiers_not_supported, wildcard_subscriptions_not_supported},
                  reason);
}

bool disconnect_allows(Role role, ReasonCode reason) {
  // The short form without Reason Code means 0x00, so a server's is let through as well.
  const bool both = contains(
      {success, unspecified_error, malformed_packet, protocol_error, implementation_specific_error,
       topic_name_invalid, receive_maximum_exceeded, topic_alias_invalid, packet_too_large,
       message_rate_too_high, quota_exceeded, administrative_action, payload_format_invalid},
      reason);
  if (both) return true;
  if (role == Role::server_reads_client) return reason == disconnect_with_will;
  return contains(
      {not_authorized, server_busy, server_shutting_down, keep_alive_timeout, session_taken_over,
       topic_filter_invalid, retain_not_supported, qos_not_supported, use_another_server,
       server_moved, shared_subscriptions_not_supported, connection_rate_exceeded,
       maximum_connect_time, subscription_identifiers_not_supported,
       wildcard_subscriptions_not_supported},
      reason);
}

}  // namespace

bool reason_allowed(PacketType type, Role role, ReasonCode reason) {
  switch (type) {
    case PacketType::connack:
      return connack_allows(reason);
    case PacketType::puback:
    case PacketType::pubrec:
      return contains({success, no_matching_subscribers, unspecified_error,
                       implementation_specific_error, not_authorized, topic_name_invalid,
                       packet_identifier_in_use, quota_exceeded, payload_format_invalid},
                      reason);
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return contains({success, packet_identifier_not_found}, reason);
    case PacketType::suback:
      return suback_allows(reason);
    case PacketType::unsuback:
      return contains(
          {success, no_subscription_existed, unspecified_error, implementation_specific_error,
           not_authorized, topic_filter_invalid, packet_identifier_in_use},
          reason);
    case PacketType::disconnect:
      return disconnect_allows(role, reason);
    case PacketType::auth:
      return reason == continue_authentication ||
             reason == (role == Role::server_reads_client ? reauthenticate : success);
    default:
      return false;
  }
}

std::string_view reason_clause(PacketType type) {
  switch (type) {
    case PacketType::connack:
      return "MQTT-3.2.2-8";
    case PacketType::puback:
      return "MQTT-3.4.2-1";
    case PacketType::pubrec:
      return "MQTT-3.5.2-1";
    case PacketType::pubrel:
      return "MQTT-3.6.2-1";
    case PacketType::pubcomp:
      return "MQTT-3.7.2-1";
    case PacketType::suback:
      return "MQTT-3.9.3-2";
    case PacketType::unsuback:
      return "MQTT-3.11.3-2";
    case PacketType::disconnect:
      return "MQTT-3.14.2-1";
    case PacketType::auth:
      return "MQTT-3.15.2-1";
    default:
      return "MQTT 2.4";
  }
}

std::uint8_t connect_return_code(ReasonCode reason) {
  switch (reason) {
    case success:
      return 0;
    case unsupported_protocol_version:
      return 1;
    case client_identifier_not_valid:
      return 2;
    case bad_user_name_or_password:
      return 4;
    case not_authorized:
    case banned:
    case bad_authentication_method:
    case topic_name_invalid:
    case retain_not_supported:
    case qos_not_supported:
      return 5;
    default:
      return 3;  // server unavailable: the only one that promises nothing about the cause
  }
}

ReasonCode reason_of_connect_return_code(std::uint8_t code) {
  constexpr std::array reasons = {success,
                                  unsupported_protocol_version,
                                  client_identifier_not_valid,
                                  server_unavailable,
                                  bad_user_name_or_password,
                                  not_authorized};
  return code < reasons.size() ? reasons[code] : protocol_error;
}

}  // namespace lineshaft::mqtt
