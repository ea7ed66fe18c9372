#include "auth/certificate_claims.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <functional>

#include "auth/hex.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

namespace lineshaft::auth {
namespace {

using lineshaft::test::TempDir;
using lineshaft::test::TestPki;
using Shape = TestPki::Shape;

const char* const spiffe = "spiffe://plant1/zone/{zone}/role/{role}/{name}";

std::string der_of(Shape shape, const std::string& name = "press-07") {
  static TempDir folder;
  static TestPki pki(folder.path());
  return pki.issue(name, TestPki::Days{9}, shape).certificate_der;
}

LeafCertificate leaf_of(Shape shape, const std::string& name = "press-07") {
  auto leaf = LeafCertificate::parse(der_of(std::move(shape), name));
  REQUIRE(leaf.has_value());
  return std::move(*leaf);
}

Shape with_san(const std::string& san) {
  Shape shape;
  shape.san = san;
  return shape;
}

Shape with_subject(std::vector<std::pair<std::string, std::string>> subject) {
  Shape shape;
  shape.subject = std::move(subject);
  return shape;
}

/// A SAN of exactly these bytes.
Shape with_raw_san(int type, std::string bytes) {
  Shape shape;
  shape.san.clear();
  shape.change = [type, bytes = std::move(bytes)](X509* certificate) {
    GENERAL_NAMES* const names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME* const name = GENERAL_NAME_new();
    ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size()));
    GENERAL_NAME_set0_value(name, type, text);
    sk_GENERAL_NAME_push(names, name);
    X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND);
    GENERAL_NAMES_free(names);
  };
  return shape;
}

/// A field of the subject of exactly these bytes.
Shape with_raw_field(const char* field, int type, std::string bytes) {
  Shape shape;
  shape.change = [field, type, bytes = std::move(bytes)](X509* certificate) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), field, type,
                               reinterpret_cast<const unsigned char*>(bytes.data()),
                               static_cast<int>(bytes.size()), -1, 0);
  };
  return shape;
}

/// An extension of the plant's own with these bytes.
Shape with_extension(const std::string& oid, std::string bytes, int times = 1) {
  Shape shape;
  shape.change = [oid, bytes = std::move(bytes), times](X509* certificate) {
    ASN1_OBJECT* const object = OBJ_txt2obj(oid.c_str(), 1);
    ASN1_OCTET_STRING* const value = ASN1_OCTET_STRING_new();
    ASN1_STRING_set(value, bytes.data(), static_cast<int>(bytes.size()));
    X509_EXTENSION* const one = X509_EXTENSION_create_by_OBJ(nullptr, object, 0, value);
    for (int i = 0; i < times; ++i) X509_add_ext(certificate, one, -1);
    X509_EXTENSION_free(one);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(object);
  };
  return shape;
}

ClaimExtractor rule(ClaimSource from, const char* match, bool required = true) {
  ClaimExtractor extractor;
  extractor.from = from;
  extractor.match = ClaimTemplate::parse(match).value();
  extractor.required = required;
  return extractor;
}

ExtractedClaims claims_of(const LeafCertificate& leaf, std::vector<ClaimExtractor> rules,
                          std::vector<std::string> issuer_zones = {"ot", "it"}) {
  return extract_claims(leaf, rules, issuer_zones);
}

PolicyReason reason_of(const LeafCertificate& leaf, std::vector<ClaimExtractor> rules) {
  const ExtractedClaims found = claims_of(leaf, std::move(rules));
  CHECK((found.reason == PolicyReason::allowed) == found.detail.empty());
  return found.reason;
}

PolicyReason name_reason(const std::string& name) {
  return reason_of(leaf_of(with_san("URI:spiffe://plant1/zone/ot/role/edge/" + name)),
                   {rule(ClaimSource::san_uri, spiffe)});
}

}  // namespace

TEST_CASE("a template matches in one way or not at all", "[auth]") {
  const auto parse = [](const char* text) { return ClaimTemplate::parse(text); };
  const auto match = [](const char* text, const char* value) {
    return ClaimTemplate::parse(text)->match(value);
  };
  const auto found = match(spiffe, "spiffe://plant1/zone/ot/role/edge/gw-07");
  REQUIRE(found.has_value());
  CHECK(*found == ClaimTemplate::Values{"ot", "edge", "gw-07"});
  CHECK_FALSE(match(spiffe, "spiffe://plant2/zone/ot/role/edge/gw-07"));
  CHECK_FALSE(match(spiffe, "spiffe://plant1/zone//role/edge/gw-07"));
  CHECK_FALSE(match(spiffe, "spiffe://plant1/zone/ot/role/edge/"));
  CHECK_FALSE(match(spiffe, "xspiffe://plant1/zone/ot/role/edge/gw-07"));
  // Nothing of another level gets into a claim before the last one.
  CHECK_FALSE(match(spiffe, "spiffe://plant1/zone/ot/x/role/edge/gw-07"));
  CHECK(match("{name}.{zone}.plant1", "gw.ot.plant1")->at(0) == "ot");
  CHECK_FALSE(match("{name}.{zone}.plant1", "a.gw.ot.plant1"));
  CHECK_FALSE(match("{name}.plant1", "gw.plant1.evil"));
  CHECK(match("ACME", "ACME").has_value());
  CHECK_FALSE(match("ACME", "ACME Ltd"));

  CHECK_FALSE(parse("{zone}{name}"));
  CHECK_FALSE(parse("{zone}/{zone}"));
  CHECK_FALSE(parse("{zone"));
  CHECK_FALSE(parse("zone}"));
  CHECK_FALSE(parse("{site}"));
  CHECK_FALSE(parse("a}{zone}"));
  CHECK(parse("").has_value());
}

TEST_CASE("a SAN template says zone, role and name", "[auth]") {
  const auto found = claims_of(leaf_of(with_san("URI:spiffe://plant1/zone/ot/role/edge/gw-07,"
                                                "URI:urn:other,DNS:gw-07.plant1")),
                               {rule(ClaimSource::san_uri, spiffe)});
  CHECK(found.reason == PolicyReason::allowed);
  CHECK(found.claims.zone == "ot");
  CHECK(found.claims.roles == std::vector<std::string>{"edge"});
  CHECK(found.claims.name == "gw-07");
  REQUIRE(found.steps.size() == 1);
  CHECK(found.steps[0].values.size() == 2);
  CHECK(found.steps[0].matched);
}

TEST_CASE("claims come from every place that can be named", "[auth]") {
  Shape shape = with_extension("1.3.6.1.4.1.99999.1", std::string("\x0c\x04"
                                                                  "edge",
                                                                  6));
  shape.san = "DNS:gw-07.ot.plant1";
  shape.subject = {{"OU", "ot"}, {"O", "ACME"}};
  const LeafCertificate leaf = leaf_of(shape, "cn-07");
  const auto names = [&](ClaimSource from, const char* match) {
    ClaimExtractor own = rule(from, match);
    return claims_of(leaf, {own, rule(ClaimSource::ou, "{zone}")}).claims;
  };
  CHECK(names(ClaimSource::cn, "{name}").name == "cn-07");
  CHECK(names(ClaimSource::o, "{name}").name == "ACME");
  CHECK(names(ClaimSource::ou, "{zone}").zone == "ot");
  CHECK(names(ClaimSource::san_dns, "{name}.{zone}.plant1").name == "gw-07");
  CHECK(names(ClaimSource::serial, "{name}").name == leaf.serial());
  CHECK(names(ClaimSource::spki, "sha256:{name}").name == to_hex(leaf.spki()));
  ClaimExtractor oid = rule(ClaimSource::oid, "{role}");
  oid.oid = "1.3.6.1.4.1.99999.1";
  CHECK(claims_of(leaf, {oid, rule(ClaimSource::ou, "{zone}"), rule(ClaimSource::cn, "{name}")})
            .claims.roles == std::vector<std::string>{"edge"});
  // A key that vouches for one zone names it, one for several does not.
  const std::vector<ClaimExtractor> by_issuer = {rule(ClaimSource::issuer, "{zone}"),
                                                 rule(ClaimSource::cn, "{name}")};
  CHECK(claims_of(leaf, by_issuer, {"it"}).claims.zone == "it");
  CHECK(claims_of(leaf, by_issuer, {"it", "ot"}).reason == PolicyReason::no_zone_claim);
}

TEST_CASE("a pinned key may be told its zone and roles by the policy", "[auth]") {
  const LeafCertificate leaf = leaf_of({});
  ClaimExtractor pin = rule(ClaimSource::spki, to_spki_text(leaf.spki()).c_str());
  pin.constant = {"ot", {"edge", "host"}, "old-gateway"};
  const auto found = claims_of(leaf, {pin});
  CHECK(found.reason == PolicyReason::allowed);
  CHECK(found.claims.name == "old-gateway");
  CHECK(found.claims.roles.size() == 2);
  CHECK(reason_of(leaf_of({}), {pin}) == PolicyReason::no_zone_claim);
}

TEST_CASE("the first rule that matches decides, a required one must", "[auth]") {
  Shape shape = with_san("URI:spiffe://plant1/zone/ot/role/edge/gw-07");
  shape.subject = {{"OU", "it"}};
  const LeafCertificate leaf = leaf_of(shape);
  const auto by_san = [](bool required) { return rule(ClaimSource::san_uri, spiffe, required); };
  const auto by_ou = [](bool required) { return rule(ClaimSource::ou, "{zone}", required); };
  CHECK(claims_of(leaf, {by_san(false), by_ou(false)}).claims.zone == "ot");
  CHECK(claims_of(leaf, {by_ou(false), by_san(false)}).claims.zone == "it");
  CHECK(reason_of(leaf, {by_san(true), by_ou(true)}) == PolicyReason::zone_claim_conflict);
  CHECK(reason_of(leaf, {by_san(true), by_ou(false)}) == PolicyReason::zone_claim_conflict);
  CHECK(reason_of(leaf, {by_ou(false), by_san(true)}) == PolicyReason::zone_claim_conflict);
  const auto missing = rule(ClaimSource::o, "ACME");
  CHECK(reason_of(leaf, {by_san(true), missing}) == PolicyReason::no_zone_claim);

  const LeafCertificate agreeing = leaf_of(with_subject({{"OU", "ot"}, {"O", "gw-07"}}));
  CHECK(reason_of(agreeing, {by_ou(true), rule(ClaimSource::cn, "{name}")}) ==
        PolicyReason::allowed);
}

TEST_CASE("two values that match one rule say nothing", "[auth]") {
  const std::vector<ClaimExtractor> rules = {rule(ClaimSource::san_uri, spiffe, false)};
  CHECK(reason_of(leaf_of(with_san("URI:spiffe://plant1/zone/ot/role/edge/gw,"
                                   "URI:spiffe://plant1/zone/it/role/app/gw")),
                  rules) == PolicyReason::zone_claim_conflict);
  CHECK(reason_of(leaf_of(with_subject({{"OU", "ot"}, {"OU", "it"}})),
                  {rule(ClaimSource::ou, "{zone}"), rule(ClaimSource::cn, "{name}")}) ==
        PolicyReason::zone_claim_conflict);
}

TEST_CASE("a certificate without a claim for zone or name is nobody's", "[auth]") {
  const LeafCertificate leaf = leaf_of(with_subject({{"OU", "ot"}}));
  CHECK(reason_of(leaf, {rule(ClaimSource::san_uri, spiffe, false)}) ==
        PolicyReason::no_zone_claim);
  CHECK(reason_of(leaf, {rule(ClaimSource::ou, "{zone}")}) == PolicyReason::no_zone_claim);
  CHECK(reason_of(leaf, {rule(ClaimSource::cn, "{name}")}) == PolicyReason::no_zone_claim);
  CHECK(reason_of(leaf, {}) == PolicyReason::no_zone_claim);
}

TEST_CASE("names that could widen a filter or hide in a log are refused", "[auth]") {
  CHECK(name_reason("gw-07") == PolicyReason::allowed);
  CHECK(name_reason("a.b_c:d@e-F") == PolicyReason::allowed);
  for (const char* const name : {"+", "#", "gw/+", "gw+07", "gw/07", "$SYS", "*", "gw~", "gw!"}) {
    CHECK(name_reason(name) == PolicyReason::name_unsafe);
  }
  CHECK(name_reason(std::string(64, 'n')) == PolicyReason::allowed);
  CHECK(name_reason(std::string(65, 'n')) == PolicyReason::name_unsafe);
  // Percent-encoding is not decoded, and nothing else decodes it.
  CHECK(name_reason("gw%2F07") == PolicyReason::name_unsafe);
  CHECK(name_reason("gw%2B") == PolicyReason::name_unsafe);
}

TEST_CASE("NUL, control characters and what is no text are refused wherever they stand", "[auth]") {
  const std::string good = "spiffe://plant1/zone/ot/role/edge/gw";
  for (const std::string& tail : {std::string("\0.evil", 6), std::string("\n"), std::string("\x7f"),
                                  std::string("\xc3\xa9"), std::string(" x")}) {
    CHECK(reason_of(leaf_of(with_raw_san(GEN_URI, good + tail)),
                    {rule(ClaimSource::san_uri, spiffe, false)}) == PolicyReason::name_unsafe);
    CHECK(reason_of(leaf_of(with_raw_san(GEN_DNS, "gw" + tail)),
                    {rule(ClaimSource::san_dns, "{name}", false)}) == PolicyReason::name_unsafe);
  }
  CHECK(reason_of(leaf_of(with_raw_san(GEN_URI, good)), {rule(ClaimSource::san_uri, spiffe)}) ==
        PolicyReason::allowed);
  // Also where no template would look at it.
  for (const std::string& value : {std::string("urn:a\0b", 7), std::string("urn:a\tb"),
                                   std::string("urn:\x80"), std::string("urn:a%20b")}) {
    CHECK_FALSE(leaf_of(with_raw_san(GEN_URI, value)).values(ClaimSource::san_uri, {}));
  }
  for (const std::string& value : {std::string("a\0b", 3), std::string("a\x1b[2Jb"),
                                   std::string("a\x7f"), std::string("a\xc2\x9b")}) {
    CHECK_FALSE(
        leaf_of(with_raw_field("OU", V_ASN1_UTF8STRING, value)).values(ClaimSource::ou, {}));
  }
  const std::vector<ClaimExtractor> rules = {rule(ClaimSource::ou, "{zone}", false)};
  const auto ou = [&](int type, std::string bytes) {
    return reason_of(leaf_of(with_raw_field("OU", type, std::move(bytes))), rules);
  };
  CHECK(ou(V_ASN1_UTF8STRING, std::string("ot\0it", 5)) == PolicyReason::name_unsafe);
  // OpenSSL does not even make or read one whose name is no UTF-8.
  std::string der = der_of(with_subject({{"OU", "ot~"}}));
  der[der.find("ot~") + 2] = '\xff';
  CHECK_FALSE(LeafCertificate::parse(der));
  CHECK(ou(V_ASN1_UTF8STRING, "ot\xc2\x85") == PolicyReason::name_unsafe);
  CHECK(ou(V_ASN1_UTF8STRING, "ot\r") == PolicyReason::name_unsafe);
  CHECK(ou(V_ASN1_UTF8STRING, "gr\xc3\xbcn") == PolicyReason::name_unsafe);
  CHECK(ou(V_ASN1_BMPSTRING, std::string("\0o\0t", 4)) == PolicyReason::no_zone_claim);  // no name
}

TEST_CASE("an extension of the plant's own must be one whole UTF8String", "[auth]") {
  ClaimExtractor oid = rule(ClaimSource::oid, "{role}", false);
  oid.oid = "1.3.6.1.4.1.99999.1";
  const auto reason = [&](std::string bytes) {
    return reason_of(leaf_of(with_extension(oid.oid, std::move(bytes))),
                     {oid, rule(ClaimSource::issuer, "{zone}", false)});
  };
  CHECK(reason(std::string("\x0c\x02ot", 4)) == PolicyReason::no_zone_claim);  // only a role
  CHECK(reason(std::string("\x0c\x02ot\x00", 5)) == PolicyReason::name_unsafe);
  CHECK(reason(std::string("\x0c\x03ot", 4)) == PolicyReason::name_unsafe);
  CHECK(reason(std::string("\x16\x02ot", 4)) == PolicyReason::name_unsafe);
  CHECK(reason(std::string("\x0c\x02o\x00", 4)) == PolicyReason::name_unsafe);
  CHECK(reason("") == PolicyReason::name_unsafe);
}

TEST_CASE("a certificate that is not whole, or says things twice, is none", "[auth]") {
  const std::string der = der_of({});
  CHECK(LeafCertificate::parse(der).has_value());
  CHECK_FALSE(LeafCertificate::parse(der + '\0'));
  for (std::size_t size = 0; size < der.size(); ++size) {
    CHECK_FALSE(LeafCertificate::parse(std::string_view(der).substr(0, size)));
  }
  CHECK_FALSE(LeafCertificate::parse(der_of(with_extension("1.2.3.4", "x", 2))));
  Shape two_sans = with_raw_san(GEN_URI, "spiffe://plant1/zone/it/role/edge/gw");
  two_sans.san = "URI:spiffe://plant1/zone/ot/role/edge/gw";
  CHECK_FALSE(LeafCertificate::parse(der_of(two_sans)));
}

TEST_CASE("a certificate says when it ends, whose it is and what it is for", "[auth]") {
  const LeafCertificate leaf = leaf_of({});
  CHECK(leaf.is_for_clients());
  CHECK(leaf.spki().size() == 32);
  CHECK(leaf.not_after() > leaf.not_before());
  CHECK(from_spki_text(to_spki_text(leaf.spki())) == leaf.spki());
  Shape silent;
  silent.usage = "";
  CHECK_FALSE(leaf_of(silent).is_for_clients());
  Shape for_servers;
  for_servers.usage = "serverAuth";
  CHECK_FALSE(leaf_of(for_servers).is_for_clients());
  Shape big_serial;
  big_serial.change = [](X509* certificate) {
    BIGNUM* number = nullptr;
    BN_hex2bn(&number, "A1B2C3D4E5F60718293A4B5C6D7E8F90");
    ASN1_INTEGER* const serial = BN_to_ASN1_INTEGER(number, nullptr);
    X509_set_serialNumber(certificate, serial);
    ASN1_INTEGER_free(serial);
    BN_free(number);
  };
  CHECK(leaf_of(big_serial).serial() == "a1b2c3d4e5f60718293a4b5c6d7e8f90");
}

TEST_CASE("a hash of a key is written in one way", "[auth]") {
  const std::string digits(64, 'a');
  CHECK(from_spki_text("sha256:" + digits).has_value());
  CHECK_FALSE(from_spki_text(digits));
  CHECK_FALSE(from_spki_text("sha256:" + digits + "aa"));
  CHECK_FALSE(from_spki_text("sha256:" + std::string(64, 'A')));
  CHECK_FALSE(from_spki_text("sha1:" + digits));
}

}  // namespace lineshaft::auth
