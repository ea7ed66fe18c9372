#include "broker/net/proxy_header.h"

#include <string>
#include <string_view>
#include <vector>

#include "broker/base/limits.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

using lineshaft::net::ProxyHeaderReader;
using lineshaft::test::wire;
using State = ProxyHeaderReader::State;
namespace limits = lineshaft::limits;

namespace {

struct Outcome {
  State state = State::needs_more;
  std::string address;
  std::string fault;
  /// What belongs to the client.
  std::string behind;

  bool operator==(const Outcome&) const = default;
};

Outcome read_in_two(std::string_view stream, std::size_t cut) {
  ProxyHeaderReader reader;
  Outcome outcome;
  for (const std::string_view piece : {stream.substr(0, cut), stream.substr(cut)}) {
    const std::size_t taken =
        reader.state() == State::needs_more ? reader.feed(piece) : std::size_t{0};
    outcome.behind += piece.substr(taken);
  }
  outcome.state = reader.state();
  outcome.address = reader.address();
  outcome.fault = reader.fault();
  return outcome;
}

/// The same however it is cut.
Outcome read(std::string_view stream) {
  const Outcome whole = read_in_two(stream, stream.size());
  for (std::size_t cut = 0; cut < stream.size(); ++cut) {
    CAPTURE(cut);
    const Outcome other = read_in_two(stream, cut);
    CHECK(other.state == whole.state);
    CHECK(other.address == whole.address);
    CHECK(other.fault == whole.fault);
    if (whole.state == State::complete) CHECK(other.behind == whole.behind);
  }
  return whole;
}

const std::string signature = wire("0D0A0D0A000D0A515549540A");

std::string with_two_byte_size(const std::string& body) {
  return std::string{static_cast<char>(body.size() >> 8), static_cast<char>(body.size())} + body;
}

std::string version_2(const char* command_and_family, const std::string& body) {
  return signature + wire(command_and_family) + with_two_byte_size(body);
}

const std::string ipv4_body = wire("C0000207 0A000001 9D78 075B");
const std::string ipv6_body =
    wire("20010DB8000000000000000000000007 00000000000000000000000000000001 9D78 075B");
const std::string mapped_body =
    wire("00000000000000000000FFFFC0000207 00000000000000000000FFFF0A000001 9D78 075B");

}  // namespace

TEST_CASE("a PROXY header of either version names the client", "[net][proxy]") {
  struct Case {
    const char* what;
    std::string stream;
    const char* address;
  };
  const std::string path = "/run/plc.sock";
  const std::string unix_body =
      path + std::string(108 - path.size(), '\0') + std::string(108, '\0');
  const std::vector<Case> cases = {
      {"v1 TCP4", "PROXY TCP4 192.0.2.7 10.0.0.1 40312 1883\r\n", "192.0.2.7:40312"},
      {"v1 TCP6", "PROXY TCP6 2001:db8::7 ::1 40312 1883\r\n", "[2001:db8::7]:40312"},
      {"v1 TCP6 in its long form", "PROXY TCP6 2001:DB8:0:0:0:0:0:7 ::1 0 65535\r\n",
       "[2001:db8::7]:0"},
      {"v1 UNKNOWN", "PROXY UNKNOWN\r\n", ""},
      {"v1 UNKNOWN with words to be ignored", "PROXY UNKNOWN ffff:f::1 x y z\r\n", ""},
      {"v1, the longest line", "PROXY UNKNOWN " + std::string(91, 'f') + "\r\n", ""},
      {"v2 TCP over IPv4", version_2("21 11", ipv4_body), "192.0.2.7:40312"},
      {"v2 TCP over IPv6", version_2("21 21", ipv6_body), "[2001:db8::7]:40312"},
      {"v1 TCP6, IPv4 in it", "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:10.0.0.1 40312 1883\r\n",
       "192.0.2.7:40312"},
      {"v2 TCP over IPv6, IPv4 in it", version_2("21 21", mapped_body), "192.0.2.7:40312"},
      {"v2 Unix", version_2("21 31", unix_body), "unix:/run/plc.sock"},
      {"v2 with attachments", version_2("21 11", ipv4_body + wire("04 0005 'hello' 01 0001 00")),
       "192.0.2.7:40312"},
      {"v2 with attachments beyond what is held",
       version_2("21 11", ipv4_body + std::string(2000, 't')), "192.0.2.7:40312"},
      {"v2, the longest",
       version_2("21 11", ipv4_body + std::string(limits::proxy_header_bytes_max - 16 - 12, 't')),
       "192.0.2.7:40312"},
      {"v2 LOCAL", version_2("20 00", ""), ""},
      {"v2 LOCAL with an address to be ignored", version_2("20 11", ipv4_body), ""},
      {"v2 PROXY of an unspecified family", version_2("21 00", wire("0102")), ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    CHECK(read(one.stream + "mqtt").behind == "mqtt");
    CHECK(read(one.stream) == Outcome{State::complete, one.address, "", ""});
  }
}

TEST_CASE("a PROXY header that is not exactly one is refused", "[net][proxy]") {
  struct Case {
    const char* what;
    std::string stream;
    const char* fault;
  };
  const char* const none = "it does not begin with a PROXY header";
  const char* const port = "a port is not a number up to 65535";
  const char* const address = "an address is not one of its family";
  const char* const parts = "address family, transport and length do not belong together";
  const std::vector<Case> cases = {
      {"MQTT at once", wire("10 0C 'MQTT'"), none},
      {"a NUL behind an address", "PROXY TCP4 192.0.2.7" + wire("00") + "x 10.0.0.1 1 2\r\n",
       "the line has bytes that do not belong into it"},
      {"a NUL behind the other", "PROXY TCP4 192.0.2.7 10.0.0.1" + wire("00") + " 1 2\r\n",
       "the line has bytes that do not belong into it"},
      {"HTTP", "GET / HTTP/1.1\r\n", none},
      {"lower case", "proxy TCP4", none},
      {"another word", "PROXI", none},
      {"half the other version's signature", "\r\n\r\nPROXY", none},
      {"v1, another family", "PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n",
       "neither TCP4 nor TCP6 nor UNKNOWN"},
      {"v1 without words", "PROXY \r\n", "neither TCP4 nor TCP6 nor UNKNOWN"},
      {"v1 without addresses", "PROXY TCP4\r\n", port},
      {"v1 with a wrong family", "PROXY TCP4 ::1 ::1 1 1\r\n", address},
      {"v1 with a wrong destination", "PROXY TCP4 1.2.3.4 ::1 1 1\r\n", address},
      {"v1 with a short address", "PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n", address},
      {"v1 with two spaces", "PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n", port},
      {"v1 with a large port", "PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n", port},
      {"v1 with a padded port", "PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n", port},
      {"v1 with a negative port", "PROXY TCP4 1.2.3.4 1.2.3.4 1 -1\r\n", port},
      {"v1 with one word more", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 x\r\n", port},
      {"v1 with a space behind", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n", port},
      {"v1, a line without end", "PROXY UNKNOWN " + std::string(93, 'f'),
       "the line is longer than 107 bytes"},
      {"v2 of version 1", signature + wire("11 11 0000"), "the version is not 2"},
      {"v2 with another command", signature + wire("22 11 0000"),
       "the command is neither LOCAL nor PROXY"},
      {"v2 with datagrams", version_2("21 12", ipv4_body), parts},
      {"v2 with a short address", version_2("21 11", ipv4_body.substr(1)), parts},
      {"v2 with a short IPv6 address", version_2("21 21", ipv4_body), parts},
      {"v2 with a short path", version_2("21 31", std::string(215, 'p')), parts},
      {"v2 with a path that is not printable", version_2("21 31", std::string(216, '\n')),
       "the path of the Unix socket is not printable"},
      {"v2 that claims more than it may", signature + wire("21 11 FFFF"), "it is too long"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    const Outcome outcome = read(one.stream);
    CHECK(outcome.state == State::malformed);
    CHECK(outcome.fault == one.fault);
    CHECK(outcome.address.empty());
  }
}

TEST_CASE("whoever sends something else is refused at the first byte that differs",
          "[net][proxy]") {
  ProxyHeaderReader reader;
  CHECK(reader.feed(std::string_view("PROX")) == 4);
  CHECK(reader.state() == State::needs_more);
  reader.feed(std::string_view("I"));
  CHECK(reader.state() == State::malformed);
}
