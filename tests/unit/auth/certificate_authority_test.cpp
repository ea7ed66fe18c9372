#include "auth/certificate_authority.h"

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "auth/pki_pem.h"
#include "auth/revocation_list.h"
#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

constexpr Milliseconds hour{3'600'000};
constexpr WallTime now{Milliseconds{1'790'000'000'000}};
constexpr Validity year{now - hour, now + 365 * 24 * hour};

/// A root with one zone; `lists` has the revocation lists of both.
struct Plant {
  KeyedCertificate root = *make_root_authority("plant1", year);
  KeyedCertificate zone = *make_zone_authority(root, "plant1", "ot", year);
  std::string lists = list(root, {}) + list(zone, {});

  static std::string list(const KeyedCertificate& authority, const std::string& serial) {
    RevocationList list{{}, 7, {now - hour, now + 24 * hour}, {}};
    if (!serial.empty()) list.revoked.push_back({serial, now});
    return *make_revocation_list(authority, list);
  }
  KeyedCertificate client(const std::string& name = "edge-1", KeyType type = KeyType::p256) const {
    return *make_client_certificate(zone, {"plant1", "ot", "edge", name}, year, type);
  }
};

/// What OpenSSL says of the leaf with the checks the broker makes; "ok" if nothing.
std::string verified(const Plant& plant, const std::string& leaf, int purpose,
                     const std::string& more = {}) {
  X509_STORE* const store = X509_STORE_new();
  const auto root = certificate_of(plant.root.certificate);
  const auto zone = certificate_of(plant.zone.certificate);
  REQUIRE(X509_STORE_add_cert(store, root.get()) == 1);
  REQUIRE(X509_STORE_add_cert(store, zone.get()) == 1);
  const auto in = pem_reader(plant.lists);
  while (
      const OpensslPtr<X509_CRL> list{PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr)}) {
    REQUIRE(X509_STORE_add_crl(store, list.get()) == 1);
  }
  X509_STORE_CTX* const context = X509_STORE_CTX_new();
  const auto one = certificate_of(leaf);
  STACK_OF(X509)* const untrusted = sk_X509_new_null();
  const auto extra = certificate_of(more);
  if (extra) sk_X509_push(untrusted, extra.get());
  REQUIRE(X509_STORE_CTX_init(context, store, one.get(), untrusted) == 1);
  X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(
      rules, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  X509_VERIFY_PARAM_set_purpose(rules, purpose);
  X509_VERIFY_PARAM_set_auth_level(rules, 2);
  X509_VERIFY_PARAM_set_time(rules, unix_seconds(now));
  X509_verify_cert(context);
  std::string said = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
  X509_STORE_CTX_free(context);
  sk_X509_free(untrusted);
  X509_STORE_free(store);
  return said;
}

std::string request_of(EVP_PKEY* key, EVP_PKEY* signer) {
  const OpensslPtr<X509_REQ> request(X509_REQ_new());
  REQUIRE(X509_REQ_set_pubkey(request.get(), key) == 1);
  REQUIRE(X509_REQ_sign(request.get(), signer, EVP_sha256()) > 0);
  return to_pem([&](BIO* out) { return PEM_write_bio_X509_REQ(out, request.get()); });
}

}  // namespace

TEST_CASE("what the authority issues passes strict X.509 with revocation lists", "[auth]") {
  const Plant plant;
  for (const KeyType type : {KeyType::p256, KeyType::p384, KeyType::rsa3072}) {
    const auto client = plant.client("edge-1", type);
    CHECK(verified(plant, client.certificate, X509_PURPOSE_SSL_CLIENT) == "ok");
    CHECK_FALSE(key_of(client.key) == nullptr);
  }
  const auto server = *make_server_certificate(
      plant.root, "plant1", {"broker.plant1.example", "localhost", "127.0.0.1", "::1"}, year);
  CHECK(verified(plant, server.certificate, X509_PURPOSE_SSL_SERVER) == "ok");
  const auto one = certificate_of(server.certificate);
  CHECK(X509_check_host(one.get(), "broker.plant1.example", 0, 0, nullptr) == 1);
  CHECK(X509_check_ip_asc(one.get(), "127.0.0.1", 0) == 1);
  CHECK(X509_check_ip_asc(one.get(), "::1", 0) == 1);
  CHECK(X509_check_host(one.get(), "127.0.0.1", 0, 0, nullptr) == 0);
}

TEST_CASE("a client's certificate is for a client only, a zone's authority signs no other",
          "[auth]") {
  const Plant plant;
  const auto client = plant.client();
  CHECK(verified(plant, client.certificate, X509_PURPOSE_SSL_SERVER) != "ok");
  const auto server = *make_server_certificate(plant.root, "plant1", {"localhost"}, year);
  CHECK(verified(plant, server.certificate, X509_PURPOSE_SSL_CLIENT) != "ok");
  // An authority below a zone's: the path is too long.
  const auto deeper = *make_zone_authority(plant.zone, "plant1", "it", year);
  const auto forged =
      *make_client_certificate(deeper, {"plant1", "it", "app", "x"}, year, KeyType::p256);
  CHECK(verified(plant, forged.certificate, X509_PURPOSE_SSL_CLIENT, deeper.certificate) ==
        "path length constraint exceeded");
  CHECK(X509_get_pathlen(certificate_of(plant.zone.certificate).get()) == 0);
  CHECK(X509_get_pathlen(certificate_of(plant.root.certificate).get()) == 1);
}

TEST_CASE("a revoked certificate is refused, and so is everybody without a list", "[auth]") {
  Plant plant;
  const auto client = plant.client();
  const std::string serial = read_certificate(client.certificate)->serial;
  plant.lists = Plant::list(plant.root, {}) + Plant::list(plant.zone, serial);
  CHECK(verified(plant, client.certificate, X509_PURPOSE_SSL_CLIENT) == "certificate revoked");
  CHECK(verified(plant, plant.client("edge-2").certificate, X509_PURPOSE_SSL_CLIENT) == "ok");
  plant.lists = Plant::list(plant.zone, {});
  CHECK(verified(plant, client.certificate, X509_PURPOSE_SSL_CLIENT) ==
        "unable to get certificate CRL");
}

TEST_CASE("a certificate says who it is for", "[auth]") {
  const Plant plant;
  const auto facts = *read_certificate(plant.client("press:7@hall_3.a-b").certificate);
  CHECK(facts.identity.trust_domain == "plant1");
  CHECK(facts.identity.zone == "ot");
  CHECK(facts.identity.role == "edge");
  CHECK(facts.identity.name == "press:7@hall_3.a-b");
  CHECK(facts.organization == "plant1");
  CHECK(facts.validity.end == year.end);
  CHECK(read_certificate(plant.zone.certificate)->identity.name.empty());
  CHECK(read_certificate(plant.zone.certificate)->organization == "plant1");
  CHECK(read_certificate("nonsense").has_error());
}

TEST_CASE("serial numbers have 128 bits and do not repeat", "[auth]") {
  const Plant plant;
  std::string before;
  for (int round = 0; round < 20; ++round) {
    const std::string serial = read_certificate(plant.client().certificate)->serial;
    CHECK(serial.size() == 32);
    CHECK(serial.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(serial != before);
    before = serial;
  }
}

TEST_CASE("a device keeps its key and shows a request", "[auth]") {
  const Plant plant;
  const OpensslPtr<EVP_PKEY> key(EVP_EC_gen("P-256")), other(EVP_EC_gen("P-256"));
  const OpensslPtr<EVP_PKEY> weak(EVP_RSA_gen(1024));
  const ClientIdentity edge{"plant1", "ot", "edge", "edge-1"};
  const auto made = make_client_certificate(plant.zone, edge, year, KeyType::p256,
                                            request_of(key.get(), key.get()));
  REQUIRE(made.has_value());
  CHECK(made->key.empty());
  CHECK(X509_check_private_key(certificate_of(made->certificate).get(), key.get()) == 1);
  CHECK(verified(plant, made->certificate, X509_PURPOSE_SSL_CLIENT) == "ok");
  for (const std::string& request : {request_of(key.get(), other.get()),
                                     request_of(weak.get(), weak.get()), std::string("nonsense")}) {
    CHECK(make_client_certificate(plant.zone, edge, year, KeyType::p256, request).has_error());
  }
}

TEST_CASE("a revocation list is found again by whoever signed it, with all its entries", "[auth]") {
  const Plant plant;
  const std::string serial(32, 'a');
  const std::string both = Plant::list(plant.root, {}) + Plant::list(plant.zone, serial);
  const auto list = read_revocation_list(both, plant.zone.certificate);
  REQUIRE(list.has_value());
  CHECK(list->number == 7);
  CHECK(both.ends_with(list->pem));
  CHECK(list->validity.end == now + 24 * hour);
  REQUIRE(list->revoked.size() == 1);
  CHECK(list->revoked[0].serial == serial);
  CHECK(list->revoked[0].at == now);
  CHECK(read_revocation_list(both, plant.root.certificate)->revoked.empty());

  const Plant stranger;  // with the same names and other keys
  CHECK(read_revocation_list(both, stranger.zone.certificate).has_error());
  CHECK(read_revocation_list("", plant.zone.certificate).has_error());
  CHECK(read_revocation_list(both.substr(0, both.size() - 60), plant.zone.certificate).has_error());
}

TEST_CASE("an authority needs its own key to sign", "[auth]") {
  const Plant plant;
  for (const std::string& key : {std::string(), std::string("nonsense"), plant.root.key}) {
    const KeyedCertificate authority{plant.zone.certificate, key};
    CHECK(make_client_certificate(authority, {"plant1", "ot", "edge", "x"}, year, KeyType::p256)
              .has_error());
    CHECK(make_revocation_list(authority, {}).has_error());
  }
}

TEST_CASE("an authority somebody else keeps is looked at before it is trusted", "[auth]") {
  const Plant plant;
  CHECK(authority_problem(plant.zone.certificate).empty());
  CHECK_FALSE(authority_problem(plant.client().certificate).empty());
  CHECK_FALSE(authority_problem("nonsense").empty());
  const auto all = split_certificates(plant.root.certificate + plant.zone.certificate);
  REQUIRE(all.has_value());
  CHECK(*all == std::vector<std::string>{plant.root.certificate, plant.zone.certificate});
  CHECK(split_certificates("").has_error());
  CHECK(split_certificates(plant.root.certificate +
                           plant.zone.certificate.substr(0, plant.zone.certificate.size() - 40))
            .has_error());
}

TEST_CASE("names that could become something else in a rule or a path are refused", "[auth]") {
  for (const char* name : {"a", "edge-1", "a.b_c:d@e", "0"}) CHECK(is_pki_name(name));
  CHECK(is_pki_name(std::string(64, 'x')));
  for (const char* name :
       {"", "a/b", "..", ".hidden", "a+b", "a#", "a%b", "a b", "a\nb", "\xC3\xA9"}) {
    CHECK_FALSE(is_pki_name(name));
  }
  CHECK_FALSE(is_pki_name(std::string(65, 'x')));
  CHECK_FALSE(is_pki_name(std::string_view("a\0b", 3)));
  CHECK(is_trust_domain("plant1.example"));
  for (const char* name : {"", "Plant1", "a/b", "a:b"}) CHECK_FALSE(is_trust_domain(name));
  for (const char* host : {"localhost", "a.b-c.example", "127.0.0.1", "::1", "fe80::1"}) {
    CHECK(is_host(host));
  }
  for (const char* host : {"", "*.example", "1.2.3", "1.2.3.4.5", "a b", "-a", "a,b", "::g"}) {
    CHECK_FALSE(is_host(host));
  }
}

}  // namespace lineshaft::auth
