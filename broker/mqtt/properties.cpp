#include "broker/mqtt/properties.h"

#include <array>

#include "broker/mqtt/wire.h"

namespace lineshaft::mqtt {
namespace {

using enum ReasonCode;

enum class Type : std::uint8_t { byte, two_bytes, four_bytes, variable, text, binary, pair };

/// What a number may be; anything else is a protocol error.
enum class Range : std::uint8_t { any, zero_or_one, not_zero };

struct Rule {
  std::uint16_t scopes = 0;
  /// Where it may stand more than once.
  std::uint16_t repeated = 0;
  Type type = Type::byte;
  Range range = Range::any;
  /// The section that defines it.
  std::string_view section;
  /// Where another packet's rule forbids it although the table of properties has it.
  std::uint16_t forbidden = 0;
  std::string_view forbidden_clause = {};
};

constexpr std::uint16_t operator|(PropertyScope a, PropertyScope b) {
  return static_cast<std::uint16_t>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr std::uint16_t operator|(std::uint16_t a, PropertyScope b) {
  return static_cast<std::uint16_t>(a | static_cast<unsigned>(b));
}
constexpr std::uint16_t only(PropertyScope scope) { return static_cast<std::uint16_t>(scope); }

constexpr std::uint16_t anywhere = 0xFFFF;

constexpr auto make_rules() {
  using enum PropertyScope;
  using enum PropertyId;
  constexpr std::uint16_t publish = publish_from_client | publish_from_server;
  constexpr std::uint16_t message = publish | will;
  constexpr std::uint16_t disconnect = disconnect_from_client | disconnect_from_server;
  constexpr std::uint16_t opening = connect | connack;
  constexpr std::uint16_t noted =
      connack | acknowledgement | suback | auth | disconnect_from_client | disconnect_from_server;
  std::array<Rule, 0x2B> rules{};
  const auto set = [&rules](PropertyId id, const Rule& rule) {
    rules[static_cast<std::size_t>(id)] = rule;
  };
  set(payload_format_indicator, {message, 0, Type::byte, Range::zero_or_one, "MQTT 3.3.2.3.2"});
  set(message_expiry_interval, {message, 0, Type::four_bytes, Range::any, "MQTT 3.3.2.3.3"});
  // [MQTT-3.3.2-13], [MQTT-3.3.2-19] both are texts.
  set(content_type, {message, 0, Type::text, Range::any, "MQTT 3.3.2.3.9"});
  set(response_topic, {message, 0, Type::text, Range::any, "MQTT 3.3.2.3.5"});
  set(correlation_data, {message, 0, Type::binary, Range::any, "MQTT 3.3.2.3.6"});
  set(subscription_identifier,
      {publish | subscribe, only(publish_from_server), Type::variable, Range::not_zero,
       "MQTT 3.8.2.1.2", only(publish_from_client), "MQTT-3.3.4-6"});
  set(session_expiry_interval,
      {opening | disconnect_from_client | disconnect_from_server, 0, Type::four_bytes, Range::any,
       "MQTT 3.1.2.11.2", only(disconnect_from_server), "MQTT-3.14.2-2"});
  set(assigned_client_identifier, {only(connack), 0, Type::text, Range::any, "MQTT 3.2.2.3.7"});
  set(server_keep_alive, {only(connack), 0, Type::two_bytes, Range::any, "MQTT 3.2.2.3.14"});
  set(authentication_method, {opening | auth, 0, Type::text, Range::any, "MQTT 3.1.2.11.9"});
  set(authentication_data, {opening | auth, 0, Type::binary, Range::any, "MQTT 3.1.2.11.10"});
  set(request_problem_information,
      {only(connect), 0, Type::byte, Range::zero_or_one, "MQTT 3.1.2.11.7"});
  set(will_delay_interval, {only(will), 0, Type::four_bytes, Range::any, "MQTT 3.1.3.2.2"});
  set(request_response_information,
      {only(connect), 0, Type::byte, Range::zero_or_one, "MQTT 3.1.2.11.6"});
  set(response_information, {only(connack), 0, Type::text, Range::any, "MQTT 3.2.2.3.15"});
  set(server_reference,
      {static_cast<std::uint16_t>(disconnect | connack), 0, Type::text, Range::any,
       "MQTT 3.14.2.2.5", only(disconnect_from_client), "MQTT 3.14.2.2.5"});
  set(reason_string, {noted, 0, Type::text, Range::any, "MQTT 2.2.2.2"});
  set(receive_maximum, {opening, 0, Type::two_bytes, Range::not_zero, "MQTT 3.1.2.11.3"});
  set(topic_alias_maximum, {opening, 0, Type::two_bytes, Range::any, "MQTT 3.1.2.11.5"});
  set(topic_alias, {publish, 0, Type::two_bytes, Range::any, "MQTT 3.3.2.3.4"});
  set(maximum_qos, {only(connack), 0, Type::byte, Range::zero_or_one, "MQTT 3.2.2.3.4"});
  set(retain_available, {only(connack), 0, Type::byte, Range::zero_or_one, "MQTT 3.2.2.3.5"});
  set(user_property, {anywhere, anywhere, Type::pair, Range::any, "MQTT-1.5.7-1"});
  set(maximum_packet_size, {opening, 0, Type::four_bytes, Range::not_zero, "MQTT 3.1.2.11.4"});
  set(wildcard_subscription_available,
      {only(connack), 0, Type::byte, Range::zero_or_one, "MQTT 3.2.2.3.11"});
  set(subscription_identifier_available,
      {only(connack), 0, Type::byte, Range::zero_or_one, "MQTT 3.2.2.3.12"});
  set(shared_subscription_available,
      {only(connack), 0, Type::byte, Range::zero_or_one, "MQTT 3.2.2.3.13"});
  return rules;
}

constexpr auto rules = make_rules();

void read_value(Reader& from, Type type, Property& property) {
  switch (type) {
    case Type::byte:
      property.number = from.u8();
      break;
    case Type::two_bytes:
      property.number = from.u16();
      break;
    case Type::four_bytes:
      property.number = from.u32();
      break;
    case Type::variable:
      property.number = from.variable_byte_integer();
      break;
    case Type::text:
      property.text = from.text();
      break;
    case Type::binary:
      property.text = from.binary();
      break;
    case Type::pair:
      from.text();
      from.text();
      break;
  }
}

bool in_range(Range range, std::uint32_t number) {
  switch (range) {
    case Range::any:
      return true;
    case Range::zero_or_one:
      return number <= 1;
    case Range::not_zero:
      return number != 0;
  }
  return false;
}

}  // namespace

bool PropertyReader::read(Property& property) {
  const char* const start = properties_.position();
  // Formally a Variable Byte Integer; no identifier needs more than one byte.
  const std::uint8_t id = properties_.u8();
  const auto scope = static_cast<std::uint16_t>(scope_);
  if (id >= rules.size() || (rules[id].scopes & scope) == 0) {
    return fail(malformed_packet, "MQTT 2.2.2.2");
  }
  const Rule& rule = rules[id];
  if ((rule.forbidden & scope) != 0) return fail(protocol_error, rule.forbidden_clause);
  const std::uint64_t bit = std::uint64_t{1} << id;
  if ((seen_ & bit) != 0 && (rule.repeated & scope) == 0) {
    return fail(protocol_error, rule.section);
  }
  seen_ |= bit;
  if (rule.type == Type::pair && user_properties_left_-- == 0) {
    return fail(quota_exceeded, "MQTT 2.2.2.2");
  }
  read_value(properties_, rule.type, property);
  if (!properties_.ok()) return fail(properties_.error().reason, properties_.error().clause);
  if (!in_range(rule.range, property.number)) return fail(protocol_error, rule.section);
  property.id = static_cast<PropertyId>(id);
  property.wire = {start, static_cast<std::size_t>(properties_.position() - start)};
  return true;
}

bool PropertyReader::fail(ReasonCode reason, std::string_view clause) {
  packet_.fail(reason, clause);
  return false;
}

void append_user_property(std::string& out, Octets name, Octets value) {
  out.push_back(static_cast<char>(PropertyId::user_property));
  append_binary(out, name);
  append_binary(out, value);
}

}  // namespace lineshaft::mqtt
