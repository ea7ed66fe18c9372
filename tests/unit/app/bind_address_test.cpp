#include "broker/app/bind_address.h"

#include "tests/support/catch.h"

using namespace lineshaft::app;

TEST_CASE("addresses of IPv4, IPv6 and Unix sockets are understood", "[app]") {
  for (const auto* text : {"127.0.0.1:1883", "0.0.0.0:0", "[::1]:1883", "[::]:65535",
                           "unix:/run/lineshaft/mqtt.sock"}) {
    INFO(text);
    const auto parsed = parse_bind_address(text);
    REQUIRE(parsed.address);
    CHECK(parsed.address->text() == text);
  }
}

TEST_CASE("what is no address is refused with the reason", "[app]") {
  const auto why = [](const char* text) {
    const auto parsed = parse_bind_address(text);
    CHECK_FALSE(parsed.address);
    return parsed.problem.substr(0, parsed.problem.find(';'));
  };
  CHECK(why("1883") == "there is no port");
  CHECK(why("127.0.0.1:mqtt") == "the port is not a number from 0 to 65535");
  CHECK(why("127.0.0.1:65536") == "the port is not a number from 0 to 65535");
  CHECK(why("127.0.0.1:-1") == "the port is not a number from 0 to 65535");
  CHECK(why("::1:1883") == "an IPv6 address needs brackets");
  CHECK(why("*:1883") == "every address is \"0.0.0.0\" (IPv4) or \"[::]\" (IPv6)");
  CHECK(why(":1883") == "every address is \"0.0.0.0\" (IPv4) or \"[::]\" (IPv6)");
  CHECK(why("localhost:1883") == "the address must be in digits, names are not looked up");
  CHECK(why("127.0.0.256:1883") == "the address must be in digits, names are not looked up");
  CHECK(why("unix:mqtt.sock") == "the path must begin with \"/\"");
  CHECK(why(("unix:/" + std::string(107, 'x')).c_str()) == "the path is longer than 107 bytes");
  CHECK(why("") == "there is no port");
}

TEST_CASE("an address is local when no other machine can reach it", "[app]") {
  const auto local = [](const char* text) { return parse_bind_address(text).address->is_local(); };
  CHECK(local("127.0.0.1:1883"));
  CHECK(local("127.9.9.9:1883"));
  CHECK(local("[::1]:1883"));
  CHECK(local("[0:0:0:0:0:0:0:1]:1883"));
  CHECK(local("[::ffff:127.0.0.1]:1883"));
  CHECK(local("unix:/run/x"));
  CHECK_FALSE(local("0.0.0.0:1883"));
  CHECK_FALSE(local("[::]:1883"));
  CHECK_FALSE(local("192.168.1.5:1883"));
  CHECK_FALSE(local("[::ffff:192.168.1.5]:1883"));
  CHECK_FALSE(local("[fe80::1]:1883"));
}
