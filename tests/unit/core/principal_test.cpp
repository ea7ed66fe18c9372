#include "broker/core/principal.h"

#include "tests/support/catch.h"

using namespace lineshaft::core;

namespace {

Principal proven(const char* name, Proof proof) {
  Principal principal;
  principal.name = name;
  principal.proof = proof;
  return principal;
}

Principal certified(const char* name, const char* issuer, const char* zone) {
  Principal principal = proven(name, Proof::certificate);
  principal.issuer_spki = issuer;
  principal.zone = zone;
  return principal;
}

}  // namespace

TEST_CASE("a user is the same by password and by SCRAM, over TLS or not", "[core]") {
  Principal encrypted = proven("alice", Proof::scram);
  encrypted.tls = 13;
  encrypted.strength = 2;
  CHECK(is_same(proven("alice", Proof::password), encrypted));
  CHECK_FALSE(is_same(proven("alice", Proof::password), proven("bob", Proof::password)));
}

TEST_CASE("the same name proven in another way is somebody else", "[core]") {
  CHECK_FALSE(is_same(proven("press", Proof::password), certified("press", "", "")));
  CHECK_FALSE(is_same(proven("press", Proof::password), proven("press", Proof::psk)));
  CHECK_FALSE(is_same(proven("press", Proof::psk), certified("press", "", "")));
  CHECK_FALSE(is_same(proven("", Proof::none), proven("", Proof::password)));
  CHECK(is_same(proven("", Proof::none), proven("", Proof::none)));
}

TEST_CASE("a name in a certificate counts with who signed it and inside its zone", "[core]") {
  CHECK(is_same(certified("gw", "key of ot", "ot"), certified("gw", "key of ot", "ot")));
  CHECK_FALSE(is_same(certified("gw", "key of ot", "ot"), certified("gw", "key of it", "ot")));
  CHECK_FALSE(is_same(certified("gw", "one key", "ot"), certified("gw", "one key", "it")));
}
