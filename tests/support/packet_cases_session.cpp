// What a client sends besides: acknowledgements (sections 3.4 to 3.7), PINGREQ, DISCONNECT, AUTH.
#include "tests/support/packet_cases.h"

namespace lineshaft::test {
namespace {

using enum mqtt::Version;
using enum ReasonCode;

constexpr PacketCase cases[] = {
    // Acknowledgements, accepted.
    {"PUBACK of two bytes", "MQTT 3.4.2.1", v5, "40 [0001]"},
    {"PUBACK, 3.1.1", "MQTT 3.4.2", v3_1_1, "40 [0001]"},
    {"PUBACK, 3.1", "MQTT 3.4.2", v3_1, "40 [FFFF]"},
    {"PUBACK of three bytes", "MQTT 3.4.2.2.1", v5, "40 [0001 10]"},
    {"PUBACK without properties", "MQTT 3.4.2.2.1", v5, "40 [0001 87 []]"},
    {"PUBACK with every property", "MQTT 3.4.2.2", v5, "40 [0001 80 [1F <why> 26 <k> <v>]]"},
    {"PUBACK 0x83", "MQTT-3.4.2-1", v5, "40 [0001 83]"},
    {"PUBACK 0x90", "MQTT-3.4.2-1", v5, "40 [0001 90]"},
    {"PUBACK 0x91", "MQTT-3.4.2-1", v5, "40 [0001 91]"},
    {"PUBACK 0x97", "MQTT-3.4.2-1", v5, "40 [0001 97]"},
    {"PUBACK 0x99", "MQTT-3.4.2-1", v5, "40 [0001 99]"},
    {"PUBREC of two bytes", "MQTT 3.5.2.1", v5, "50 [0001]"},
    {"PUBREC, 3.1.1", "MQTT 3.5.2", v3_1_1, "50 [0001]"},
    {"PUBREC refuses", "MQTT-3.5.2-1", v5, "50 [0001 97 []]"},
    {"PUBREL of two bytes", "MQTT 3.6.2.1", v5, "62 [0001]"},
    {"PUBREL, 3.1.1", "MQTT 3.6.2", v3_1_1, "62 [0001]"},
    {"PUBREL 0x92", "MQTT-3.6.2-1", v5, "62 [0001 92 [26 <k> <v>]]"},
    {"PUBCOMP of two bytes", "MQTT 3.7.2.1", v5, "70 [0001]"},
    {"PUBCOMP, 3.1.1", "MQTT 3.7.2", v3_1_1, "70 [0001]"},
    {"PUBCOMP 0x92", "MQTT-3.7.2-1", v5, "70 [0001 92 [1F <why>]]"},
    {"PUBCOMP success in the long form", "MQTT 3.7.2.1", v5, "70 [0001 00 []]"},

    // Acknowledgements, refused.
    {"PUBACK flags", "MQTT-2.1.3-1", v5, "42 [0001]", malformed_packet},
    {"PUBREC flags", "MQTT-2.1.3-1", v5, "52 [0001]", malformed_packet},
    {"PUBREL flags", "MQTT-3.6.1-1", v5, "60 [0001]", malformed_packet},
    {"PUBREL flags, 3.1.1", "MQTT-3.6.1-1", v3_1_1, "60 [0001]", malformed_packet},
    {"PUBCOMP flags", "MQTT-2.1.3-1", v5, "71 [0001]", malformed_packet},
    {"PUBACK with packet identifier 0", "MQTT-2.2.1-3", v5, "40 [0000]", protocol_error},
    {"PUBREC with packet identifier 0", "MQTT-2.2.1-3", v5, "50 [0000]", protocol_error},
    {"PUBREL with packet identifier 0", "MQTT-2.2.1-3", v3_1_1, "62 [0000]", protocol_error},
    {"PUBCOMP with packet identifier 0", "MQTT-2.2.1-3", v5, "70 [0000 00]", protocol_error},
    {"PUBACK with nothing in it", "MQTT 2.1.4", v5, "40 []", malformed_packet},
    {"PUBREC of one byte", "MQTT 2.1.4", v5, "50 [00]", malformed_packet},
    {"PUBREL of one byte, 3.1.1", "MQTT 2.1.4", v3_1_1, "62 [01]", malformed_packet},
    {"PUBCOMP with nothing in it", "MQTT 2.1.4", v5, "70 []", malformed_packet},
    {"PUBACK with a code in 3.1.1", "MQTT 2.1.4", v3_1_1, "40 [0001 00]", malformed_packet},
    {"PUBREL with properties in 3.1.1", "MQTT 2.1.4", v3_1_1, "62 [0001 00 []]", malformed_packet},
    {"PUBACK 0x01", "MQTT-3.4.2-1", v5, "40 [0001 01]", protocol_error},
    {"PUBACK 0x92", "MQTT-3.4.2-1", v5, "40 [0001 92]", protocol_error},
    {"PUBREC 0x81", "MQTT-3.5.2-1", v5, "50 [0001 81]", protocol_error},
    {"PUBREL 0x80", "MQTT-3.6.2-1", v5, "62 [0001 80]", protocol_error},
    {"PUBREL 0x10", "MQTT-3.6.2-1", v5, "62 [0001 10 []]", protocol_error},
    {"PUBCOMP 0x97", "MQTT-3.7.2-1", v5, "70 [0001 97]", protocol_error},
    {"PUBACK with bytes behind its end", "MQTT 2.1.4", v5, "40 [0001 00 [] 00]", malformed_packet},
    {"PUBREL with properties longer than the packet", "MQTT 2.1.4", v5, "62 [0001 00 05 1F]",
     malformed_packet},
    {"PUBACK with Reason String twice", "MQTT 2.2.2.2", v5, "40 [0001 00 [1F <a> 1F <b>]]",
     protocol_error},
    {"PUBREC with a property of PUBLISH", "MQTT 2.2.2.2", v5, "50 [0001 00 [01 00]]",
     malformed_packet},
    {"PUBCOMP with a Reason String in broken UTF-8", "MQTT-1.5.4-1", v5, "70 [0001 00 [1F <{FF}>]]",
     malformed_packet},
    {"PUBACK with too many User Properties", "MQTT 2.2.2.2", v5, "40 [0001 00 [(26 <k> <v>)*65]]",
     quota_exceeded},

    // PINGREQ.
    {"PINGREQ", "MQTT-3.12.4-1", v5, "C0 []"},
    {"PINGREQ, 3.1.1", "MQTT-3.12.4-1", v3_1_1, "C0 []"},
    {"PINGREQ with an over-long Remaining Length", "MQTT-1.5.5-1", v5, "C0 80808000"},
    {"PINGREQ flags", "MQTT-2.1.3-1", v5, "C1 []", malformed_packet},
    {"PINGREQ with content", "MQTT 2.1.4", v5, "C0 [00]", malformed_packet},
    {"PINGREQ with content, 3.1.1", "MQTT 2.1.4", v3_1_1, "C0 [00]", malformed_packet},

    // DISCONNECT.
    {"DISCONNECT", "MQTT-3.14.4-3", v5, "E0 []"},
    {"DISCONNECT, 3.1.1", "MQTT-3.14.4-3", v3_1_1, "E0 []"},
    {"DISCONNECT of one byte", "MQTT 3.14.2.1", v5, "E0 [00]"},
    {"DISCONNECT with will", "MQTT-3.14.4-3", v5, "E0 [04 []]"},
    {"DISCONNECT with every property", "MQTT 3.14.2.2", v5,
     "E0 [00 [11 0000000A 1F <why> 26 <k> <v>]]"},
    {"DISCONNECT 0x99", "MQTT-3.14.2-1", v5, "E0 [99]"},
    {"DISCONNECT flags", "MQTT-3.14.1-1", v5, "E1 []", malformed_packet},
    {"DISCONNECT flags, 3.1.1", "MQTT-3.14.1-1", v3_1_1, "E2 []", malformed_packet},
    {"DISCONNECT with a code in 3.1.1", "MQTT 2.1.4", v3_1_1, "E0 [00]", malformed_packet},
    {"DISCONNECT with a server's code", "MQTT-3.14.2-1", v5, "E0 [8B]", protocol_error},
    {"DISCONNECT 0x8E", "MQTT-3.14.2-1", v5, "E0 [8E []]", protocol_error},
    {"DISCONNECT 0x01", "MQTT-3.14.2-1", v5, "E0 [01]", protocol_error},
    {"DISCONNECT with Session Expiry twice", "MQTT 3.1.2.11.2", v5,
     "E0 [00 [11 00000001 11 00000001]]", protocol_error},
    {"DISCONNECT with a Server Reference", "MQTT 3.14.2.2.5", v5, "E0 [00 [1C <x>]]",
     protocol_error},
    {"DISCONNECT with a property of CONNECT", "MQTT 2.2.2.2", v5, "E0 [00 [21 0001]]",
     malformed_packet},
    {"DISCONNECT with bytes behind its end", "MQTT 2.1.4", v5, "E0 [00 [] 00]", malformed_packet},
    {"DISCONNECT with properties longer than the packet", "MQTT 2.1.4", v5, "E0 [00 05]",
     malformed_packet},
    {"DISCONNECT with a Reason String in broken UTF-8", "MQTT-1.5.4-1", v5, "E0 [00 [1F <{C0}>]]",
     malformed_packet},

    // AUTH. Whether a method was agreed on is the core's matter [MQTT-4.12.0-7].
    {"AUTH goes on", "MQTT-4.12.0-3", v5, "F0 [18 [15 <SCRAM> 16 <x>]]"},
    {"AUTH starts again", "MQTT-4.12.1-1", v5, "F0 [19 [15 <SCRAM>]]"},
    {"AUTH with every property", "MQTT 3.15.2.2", v5,
     "F0 [18 [15 <SCRAM> 16 <x> 1F <why> 26 <k> <v>]]"},
    {"AUTH flags", "MQTT-3.15.1-1", v5, "F1 [18 [15 <SCRAM>]]", malformed_packet},
    {"an empty AUTH means a server's success", "MQTT-3.15.2-1", v5, "F0 []", protocol_error},
    {"AUTH success", "MQTT-3.15.2-1", v5, "F0 [00 [15 <SCRAM>]]", protocol_error},
    {"AUTH 0x87", "MQTT-3.15.2-1", v5, "F0 [87 [15 <SCRAM>]]", protocol_error},
    {"AUTH without properties", "MQTT 2.1.4", v5, "F0 [18]", malformed_packet},
    {"AUTH without method", "MQTT 3.15.2.2.2", v5, "F0 [18 []]", protocol_error},
    {"AUTH data without method", "MQTT 3.15.2.2.2", v5, "F0 [18 [16 <x>]]", protocol_error},
    {"AUTH method twice", "MQTT 3.1.2.11.9", v5, "F0 [18 [15 <a> 15 <a>]]", protocol_error},
    {"AUTH data twice", "MQTT 3.1.2.11.10", v5, "F0 [18 [15 <a> 16 <x> 16 <x>]]", protocol_error},
    {"AUTH with a property of CONNECT", "MQTT 2.2.2.2", v5, "F0 [18 [15 <a> 11 00000001]]",
     malformed_packet},
    {"AUTH with bytes behind its end", "MQTT 2.1.4", v5, "F0 [18 [15 <a>] 00]", malformed_packet},
};

}  // namespace

std::span<const PacketCase> session_cases() { return cases; }

}  // namespace lineshaft::test
