// Prints the packet cases a client can send, a JSON object per line, for tests in other languages.
#include <fmt/format.h>

#include <string>

#include "tests/support/bytes.h"
#include "tests/support/packet_cases.h"

int main() {
  using namespace lineshaft;
  using namespace lineshaft::test;
  for (const PacketCase& one : packet_cases()) {
    if (one.role != mqtt::Role::server_reads_client) continue;
    const std::string_view connect = one.needs_connect ? connect_notation(one.version) : "";
    // Names have no quotes and no backslashes.
    fmt::print(R"({{"name": "{}", "clause": "{}", "version": {}, "connect": "{}", "bytes": "{}",)"
               R"( "reason": {}}})"
               "\n",
               one.name, one.clause, static_cast<int>(one.version), to_hex(wire(connect)),
               to_hex(one.bytes()), static_cast<int>(one.expected));
  }
}
