// What a server sends, read by the clients of tests and simulators.
#include "tests/support/packet_cases.h"

namespace lineshaft::test {
namespace {

using enum mqtt::Version;
using enum ReasonCode;

constexpr PacketCase cases[] = {
    // CONNACK.
    {"CONNACK", "MQTT-3.1.4-5", v5, "20 [00 00 []]"},
    {"CONNACK, 3.1.1", "MQTT-3.1.4-5", v3_1_1, "20 [00 00]"},
    {"CONNACK with Session Present", "MQTT-3.2.2-3", v5, "20 [01 00 []]"},
    {"CONNACK with Session Present, 3.1.1", "MQTT-3.2.2-3", v3_1_1, "20 [01 00]"},
    {"CONNACK with every property", "MQTT 3.2.2.3", v5,
     "20 [00 00 [11 0000000A 21 0014 24 01 25 00 27 00001000 12 <id> 22 000A 1F <why> 26 <k> <v>"
     " 28 00 29 00 2A 00 13 003C 1A <re> 1C <other> 15 <SCRAM> 16 <x>]]"},
    {"CONNACK refuses", "MQTT-3.2.2-7", v5, "20 [00 87 [1F <why>]]"},
    {"CONNACK refuses, 3.1.1", "MQTT-3.2.2-7", v3_1_1, "20 [00 05]"},
    {"CONNACK flags in the fixed header", "MQTT-2.1.3-1", v5, "21 [00 00 []]", malformed_packet},
    {"CONNACK reserved flags", "MQTT-3.2.2-1", v5, "20 [02 00 []]", malformed_packet},
    {"CONNACK refuses with Session Present", "MQTT-3.2.2-6", v5, "20 [01 87 []]", protocol_error},
    {"CONNACK 0x8E", "MQTT-3.2.2-8", v5, "20 [00 8E []]", protocol_error},
    {"CONNACK return code 6, 3.1.1", "MQTT 3.2.2.3 of 3.1.1", v3_1_1, "20 [00 06]", protocol_error},
    {"CONNACK without properties", "MQTT 2.1.4", v5, "20 [00 00]", malformed_packet},
    {"CONNACK with properties in 3.1.1", "MQTT 2.1.4", v3_1_1, "20 [00 00 []]", malformed_packet},
    {"CONNACK Maximum QoS 2", "MQTT 3.2.2.3.4", v5, "20 [00 00 [24 02]]", protocol_error},
    {"CONNACK Receive Maximum 0", "MQTT 3.1.2.11.3", v5, "20 [00 00 [21 0000]]", protocol_error},
    {"CONNACK Maximum Packet Size 0", "MQTT 3.1.2.11.4", v5, "20 [00 00 [27 00000000]]",
     protocol_error},
    {"CONNACK Retain Available 2", "MQTT 3.2.2.3.5", v5, "20 [00 00 [25 02]]", protocol_error},
    {"CONNACK Wildcard Subscription Available 2", "MQTT 3.2.2.3.11", v5, "20 [00 00 [28 02]]",
     protocol_error},
    {"CONNACK Subscription Identifier Available 2", "MQTT 3.2.2.3.12", v5, "20 [00 00 [29 02]]",
     protocol_error},
    {"CONNACK Shared Subscription Available 2", "MQTT 3.2.2.3.13", v5, "20 [00 00 [2A 02]]",
     protocol_error},
    {"CONNACK Server Keep Alive twice", "MQTT 3.2.2.3.14", v5, "20 [00 00 [13 0001 13 0001]]",
     protocol_error},
    {"CONNACK with a property of CONNECT", "MQTT 2.2.2.2", v5, "20 [00 00 [17 01]]",
     malformed_packet},

    // PUBLISH.
    {"PUBLISH", "MQTT-3.3.4-1", v5, "32 [<a> 0001 [] 'hi']"},
    {"PUBLISH with every property", "MQTT 3.3.2.3", v5,
     "33 [<a> 0001 [23 0001 02 0000000A 0B 01 0B FFFFFF7F 01 01 03 <t> 08 <r> 09 <x> 26 <k> <v>]"
     " 'hi']"},
    {"PUBLISH by alias", "MQTT-3.3.2-11", v5, "30 [<a> [23 0001]] 30 [<> [23 0001] 'hi']"},
    {"PUBLISH with Subscription Identifier 0", "MQTT 3.8.2.1.2", v5, "30 [<a> [0B 00]]",
     protocol_error},
    {"PUBLISH with an over-long Subscription Identifier", "MQTT-1.5.5-1", v5, "30 [<a> [0B 8100]]",
     malformed_packet},
    {"PUBLISH above the client's alias maximum", "MQTT-3.3.2-9", v5, "30 [<a> [23 0041]]",
     topic_alias_invalid},
    {"PUBLISH with a wildcard", "MQTT-4.7.0-1", v5, "30 [<a/#> []]", topic_name_invalid},

    // SUBACK and UNSUBACK.
    {"SUBACK", "MQTT-3.9.3-1", v5, "90 [0001 [] 00 01 02]"},
    {"SUBACK, 3.1.1", "MQTT-3.9.3-1", v3_1_1, "90 [0001 00 01 02 80]"},
    {"SUBACK with every property", "MQTT 3.9.2.1", v5, "90 [0001 [1F <why> 26 <k> <v>] 87]"},
    {"SUBACK with every failure", "MQTT-3.9.3-2", v5, "90 [0001 [] 80 83 87 8F 91 97 9E A1 A2]"},
    {"SUBACK 0x03", "MQTT-3.9.3-2", v5, "90 [0001 [] 03]", protocol_error},
    {"SUBACK without codes", "MQTT-3.8.4-6", v5, "90 [0001 []]", protocol_error},
    {"SUBACK with packet identifier 0", "MQTT-2.2.1-3", v5, "90 [0000 [] 00]", protocol_error},
    {"SUBACK flags", "MQTT-2.1.3-1", v5, "92 [0001 [] 00]", malformed_packet},
    {"SUBACK with a Subscription Identifier", "MQTT 2.2.2.2", v5, "90 [0001 [0B 01] 00]",
     malformed_packet},
    {"UNSUBACK", "MQTT-3.11.3-1", v5, "B0 [0001 [] 00 11]"},
    {"UNSUBACK, 3.1.1", "MQTT 3.11", v3_1_1, "B0 [0001]"},
    {"UNSUBACK with every property", "MQTT 3.11.2.1", v5, "B0 [0001 [1F <why> 26 <k> <v>] 87]"},
    {"UNSUBACK 0x01", "MQTT-3.11.3-2", v5, "B0 [0001 [] 01]", protocol_error},
    {"UNSUBACK with codes in 3.1.1", "MQTT 2.1.4", v3_1_1, "B0 [0001 00]", malformed_packet},

    // The others.
    {"PUBACK", "MQTT-3.4.2-1", v5, "40 [0001 10 []]"},
    {"PUBREC, 3.1.1", "MQTT 3.5.2", v3_1_1, "50 [0001]"},
    {"PUBREL", "MQTT-3.6.2-1", v5, "62 [0001]"},
    {"PUBCOMP", "MQTT-3.7.2-1", v5, "70 [0001 92]"},
    {"PINGRESP", "MQTT-3.12.4-1", v5, "D0 []"},
    {"PINGRESP with content", "MQTT 2.1.4", v5, "D0 [00]", malformed_packet},
    {"DISCONNECT", "MQTT-3.14.2-1", v5, "E0 [8B [1F <why> 26 <k> <v> 1C <other>]]"},
    {"DISCONNECT with Session Expiry", "MQTT-3.14.2-2", v5, "E0 [8B [11 00000001]]",
     protocol_error},
    {"DISCONNECT with a client's code", "MQTT-3.14.2-1", v5, "E0 [04]", protocol_error},
    {"AUTH goes on", "MQTT-4.12.0-2", v5, "F0 [18 [15 <SCRAM> 16 <x>]]"},
    {"AUTH succeeds", "MQTT-4.12.0-5", v5, "F0 [00 [15 <SCRAM>]]"},
    {"AUTH succeeds, short form", "MQTT 3.15.2.1", v5, "F0 []"},
    {"AUTH 0x19", "MQTT-3.15.2-1", v5, "F0 [19 [15 <SCRAM>]]", protocol_error},
    {"CONNECT from a server", "MQTT 2.1.2", v5, "10 [<MQTT> 05 02 003C [] <id>]", protocol_error},
    {"SUBSCRIBE from a server", "MQTT 2.1.2", v5, "82 [0001 [] <a> 00]", protocol_error},
    {"UNSUBSCRIBE from a server", "MQTT 2.1.2", v5, "A2 [0001 [] <a>]", protocol_error},
    {"PINGREQ from a server", "MQTT 2.1.2", v3_1_1, "C0 []", protocol_error},
    {"AUTH, 3.1.1", "MQTT 2.1.2", v3_1_1, "F0 []", malformed_packet},
};

}  // namespace

std::span<const PacketCase> server_cases() { return cases; }

}  // namespace lineshaft::test
