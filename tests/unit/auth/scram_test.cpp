#include "auth/scram.h"

#include "auth/base64.h"
#include "auth/crypto.h"
#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

// RFC 7677 section 3: user "user", password "pencil".
constexpr const char* client_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr const char* server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr const char* client_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

ScramKeys rfc_keys() {
  return make_scram_keys("pencil", *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
}

ScramExchange rfc_exchange(bool exists = true) {
  return ScramExchange(*parse_client_first(client_first), rfc_keys(), exists, server_nonce);
}

}  // namespace

TEST_CASE("SCRAM-SHA-256 goes as in RFC 7677", "[auth][MQTT-4.12.0-2]") {
  const ScramExchange exchange = rfc_exchange();
  CHECK(exchange.user() == "user");
  CHECK(exchange.server_first() ==
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  CHECK(exchange.finish(client_final) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST_CASE("a proof with one bit wrong, for another nonce or header, is refused", "[auth]") {
  const ScramExchange exchange = rfc_exchange();
  const std::string right = client_final;
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = right;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  for (const std::string& text :
       {std::string(), std::string("p="), std::string(",p="), with("dHzb", "dHzc"),
        with("r=rOpr", "r=rOps"), with("c=biws", "c=eSws"), with("c=biws,", ""),
        with("k0,p", "k0,x=1,p"), with("ndVQ=", "ndQ="), right + "=", right.substr(0, 70)}) {
    INFO(text);
    CHECK_FALSE(exchange.finish(text));
  }
}

TEST_CASE("a name beyond ASCII is refused, for nobody has prepared it", "[auth]") {
  CHECK(is_sasl_plain("press 07 ~"));
  CHECK(parse_client_first("n,,n=press 07,r=abc"));
  for (const char* const name : {"M\xC3\xBCller", "a\x7F", "a\tb", "\xC2\xA0"}) {
    INFO(name);
    CHECK_FALSE(is_sasl_plain(name));
    CHECK_FALSE(parse_client_first(std::string("n,,n=") + name + ",r=abc"));
  }
}

TEST_CASE("nobody passes as a user that does not exist", "[auth]") {
  CHECK_FALSE(rfc_exchange(false).finish(client_final));
  const ScramKeys one = invented_keys("secret", "user", nullptr);
  CHECK(one.salt == invented_keys("secret", "user", nullptr).salt);
  CHECK(one.salt != invented_keys("secret", "usor", nullptr).salt);
  const ScramKeys like = make_scram_keys("password", std::string(40, 's'), 7'777);
  const ScramKeys other = invented_keys("secret", "user", &like);
  CHECK(other.iterations == 7'777);
  CHECK(other.salt.size() == 40);
  CHECK(one.salt.size() == make_scram_keys("x").salt.size());
  CHECK(one.iterations == make_scram_keys("x").iterations);
}

TEST_CASE("a client's first message is taken apart", "[auth]") {
  const auto first = parse_client_first("y,a=a=2Cb=3D,n=a=2Cb=3D,r=xyz,ext=1");
  REQUIRE(first);
  CHECK(first->gs2_header == "y,a=a=2Cb=3D,");
  CHECK(first->bare == "n=a=2Cb=3D,r=xyz,ext=1");
  CHECK(first->user == "a,b=");
  CHECK(first->nonce == "xyz");
}

TEST_CASE("a first message that wants what we do not do is refused", "[auth]") {
  for (const char* text :
       {"", "n", "n,", "n,,", "n,,n=user", "n,,r=xyz,n=user", "p=tls-unique,,n=user,r=xyz",
        "n,a=other,n=user,r=xyz", "n,,m=ext,n=user,r=xyz", "n,,n=,r=xyz", "n,,n=user,r=",
        "n,,n=us=er,r=xyz", "n,,n=us=2Der,r=xyz", "n,,n=user,r=x z", "x,,n=user,r=xyz"}) {
    INFO(text);
    CHECK_FALSE(parse_client_first(text));
  }
  CHECK_FALSE(parse_client_first("n,,n=user,r=" + std::string(5000, 'r')));
}

}  // namespace lineshaft::auth
