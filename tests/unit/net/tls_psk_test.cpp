#include "broker/net/tls_psk.h"

#include "tests/unit/net/tls_world.h"

using namespace lineshaft;
using namespace lineshaft::net;
using namespace lineshaft::net::test;

namespace {

const std::string key_hex = "000102030405060708090a0b0c0d0e0f";
const std::string key_bytes("\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);

std::string problem_of(const std::string& text) {
  const auto table = PskTable::parse(text);
  REQUIRE(std::holds_alternative<std::string>(table));
  return std::get<std::string>(table);
}

}  // namespace

TEST_CASE("the file of pre-shared keys is read line by line", "[net][tls]") {
  const auto parsed =
      PskTable::parse("# gateways\n\ngateway-7:" + key_hex + "\r\nwith:colon:" + key_hex + key_hex);
  const auto& table = std::get<PskTable>(parsed);
  REQUIRE(table.find("gateway-7") != nullptr);
  CHECK(table.find("gateway-7")->key == key_bytes);
  REQUIRE(table.find("with:colon") != nullptr);
  CHECK(table.find("with:colon")->key.size() == 32);
  CHECK(table.find("gateway-8") == nullptr);
  CHECK(table.find("") == nullptr);
}

TEST_CASE("what is wrong in a file of pre-shared keys is said without the key", "[net][tls]") {
  CHECK(problem_of("") == "it names no identity");
  CHECK(problem_of("a:" + key_hex + "\nnothing") == "line 2 is not identity:key");
  CHECK(problem_of(":" + key_hex) == "line 1 is not identity:key");
  CHECK(problem_of("a:xyz0") == "line 1 has a key that is not hexadecimal");
  CHECK(problem_of("a:" + key_hex + "0") == "line 1 has a key that is not hexadecimal");
  CHECK(problem_of("a:00") == "line 1 has a key of 1 bytes, 16 to 64 are allowed");
  CHECK(problem_of("a:" + key_hex + "\na:" + key_hex) == "line 2 repeats an identity");
}

TEST_CASE("a client with a pre-shared key is known by its identity", "[net][tls]") {
  TempDir keys;
  TlsOptions options;
  options.psk_file = keys / "psk";
  replace_file(options.psk_file, "gateway-7:" + key_hex + "\n");
  TlsWorld world(options);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    INFO(version);
    TlsClientOptions with{version, version, "PSK"};
    with.psk_identity = "gateway-7";
    with.psk_key = key_bytes;
    {
      TlsClient client(world.port(), "", with);
      REQUIRE(client.connect("a"));
      CHECK(world.peer()->tls->psk_identity == "gateway-7");
      CHECK(client.session() == nullptr);
    }
    const auto before = counter_value(Counter::tls_handshake_failures);
    with.psk_key[3] = 'x';
    CHECK_FALSE(TlsClient(world.port(), "", with).connect("wrong key"));
    with.psk_identity = "gateway-8";
    CHECK_FALSE(TlsClient(world.port(), "", with).connect("wrong name"));
    CHECK_FALSE(TlsClient(world.port(), "", {version, version, "ALL"}).connect("no key"));
    wait_until([&] { return counter_value(Counter::tls_handshake_failures) == before + 3; });
    ERR_clear_error();
  }
}
