#include "tests/support/packet_cases.h"

#include "broker/base/limits.h"
#include "tests/support/bytes.h"

namespace lineshaft::test {
namespace {

std::vector<PacketCase> all_cases() {
  std::vector<PacketCase> cases;
  for (PacketCase one : connect_cases()) {
    one.needs_connect = false;
    cases.push_back(one);
  }
  for (const auto part : {publish_cases(), subscribe_cases(), session_cases()}) {
    cases.insert(cases.end(), part.begin(), part.end());
  }
  for (PacketCase one : server_cases()) {
    one.role = mqtt::Role::client_reads_server;
    one.needs_connect = false;
    cases.push_back(one);
  }
  return cases;
}

}  // namespace

std::string PacketCase::bytes() const { return wire(notation); }

const std::vector<PacketCase>& packet_cases() {
  static const std::vector<PacketCase> cases = all_cases();
  return cases;
}

std::string_view connect_notation(mqtt::Version version) {
  switch (version) {
    case mqtt::Version::v3_1:
      return "10 [<MQIsdp> 03 02 003C <case>]";
    case mqtt::Version::v3_1_1:
      return "10 [<MQTT> 04 02 003C <case>]";
    case mqtt::Version::v5:
      break;
  }
  return "10 [<MQTT> 05 02 003C [] <case>]";
}

mqtt::DecoderLimits packet_case_limits() {
  return {limits::packet_size_bytes_max, limits::connect_size_bytes_max, limits::topic_alias_in_max,
          limits::user_properties_max};
}

}  // namespace lineshaft::test
