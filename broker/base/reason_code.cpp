#include "broker/base/reason_code.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lineshaft {
namespace {

using Entry = std::pair<ReasonCode, std::string_view>;

constexpr std::array names = {
    Entry{ReasonCode::success, "success"},
    Entry{ReasonCode::granted_qos_1, "granted_qos_1"},
    Entry{ReasonCode::granted_qos_2, "granted_qos_2"},
    Entry{ReasonCode::disconnect_with_will, "disconnect_with_will"},
    Entry{ReasonCode::no_matching_subscribers, "no_matching_subscribers"},
    Entry{ReasonCode::no_subscription_existed, "no_subscription_existed"},
    Entry{ReasonCode::continue_authentication, "continue_authentication"},
    Entry{ReasonCode::reauthenticate, "reauthenticate"},
    Entry{ReasonCode::unspecified_error, "unspecified_error"},
    Entry{ReasonCode::malformed_packet, "malformed_packet"},
    Entry{ReasonCode::protocol_error, "protocol_error"},
    Entry{ReasonCode::implementation_specific_error, "implementation_specific_error"},
    Entry{ReasonCode::unsupported_protocol_version, "unsupported_protocol_version"},
    Entry{ReasonCode::client_identifier_not_valid, "client_identifier_not_valid"},
    Entry{ReasonCode::bad_user_name_or_password, "bad_user_name_or_password"},
    Entry{ReasonCode::not_authorized, "not_authorized"},
    Entry{ReasonCode::server_unavailable, "server_unavailable"},
    Entry{ReasonCode::server_busy, "server_busy"},
    Entry{ReasonCode::banned, "banned"},
    Entry{ReasonCode::server_shutting_down, "server_shutting_down"},
    Entry{ReasonCode::bad_authentication_method, "bad_authentication_method"},
    Entry{ReasonCode::keep_alive_timeout, "keep_alive_timeout"},
    Entry{ReasonCode::session_taken_over, "session_taken_over"},
    Entry{ReasonCode::topic_filter_invalid, "topic_filter_invalid"},
    Entry{ReasonCode::topic_name_invalid, "topic_name_invalid"},
    Entry{ReasonCode::packet_identifier_in_use, "packet_identifier_in_use"},
    Entry{ReasonCode::packet_identifier_not_found, "packet_identifier_not_found"},
    Entry{ReasonCode::receive_maximum_exceeded, "receive_maximum_exceeded"},
    Entry{ReasonCode::topic_alias_invalid, "topic_alias_invalid"},
    Entry{ReasonCode::packet_too_large, "packet_too_large"},
    Entry{ReasonCode::message_rate_too_high, "message_rate_too_high"},
    Entry{ReasonCode::quota_exceeded, "quota_exceeded"},
    Entry{ReasonCode::administrative_action, "administrative_action"},
    Entry{ReasonCode::payload_format_invalid, "payload_format_invalid"},
    Entry{ReasonCode::retain_not_supported, "retain_not_supported"},
    Entry{ReasonCode::qos_not_supported, "qos_not_supported"},
    Entry{ReasonCode::use_another_server, "use_another_server"},
    Entry{ReasonCode::server_moved, "server_moved"},
    Entry{ReasonCode::shared_subscriptions_not_supported, "shared_subscriptions_not_supported"},
    Entry{ReasonCode::connection_rate_exceeded, "connection_rate_exceeded"},
    Entry{ReasonCode::maximum_connect_time, "maximum_connect_time"},
    Entry{ReasonCode::subscription_identifiers_not_supported,
          "subscription_identifiers_not_supported"},
    Entry{ReasonCode::wildcard_subscriptions_not_supported, "wildcard_subscriptions_not_supported"},
};

}  // namespace

std::string_view to_string(ReasonCode code) {
  const auto* found = std::ranges::find(names, code, &Entry::first);
  return found == names.end() ? std::string_view{"reserved"} : found->second;
}

}  // namespace lineshaft
