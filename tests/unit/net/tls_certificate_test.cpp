#include "broker/net/tls_layer.h"
#include "tests/unit/net/tls_checks.h"

using namespace lineshaft;
using namespace lineshaft::net;
using namespace lineshaft::net::test;

TEST_CASE("a client certificate is shown to the core when the listener asks for one",
          "[net][tls]") {
  TlsWorld world(asking(ClientCertificate::require));
  const Issued press = world.pki.issue("press-07");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    check_accepted(world, {version, version, "DEFAULT", &press});
    const auto peer = world.peer();
    REQUIRE(peer->tls->certificate != nullptr);
    CHECK(peer->tls->certificate->der == press.certificate_der);
    CHECK(peer->tls->certificate->issuer_spki == world.pki.spki());
    check_refused(world, {version, version});
  }
}

TEST_CASE("an optional client certificate may be missing but not wrong", "[net][tls]") {
  TlsWorld world(asking(ClientCertificate::optional));
  check_accepted(world);
  CHECK(world.peer()->tls->certificate == nullptr);
  TempDir elsewhere;
  TestPki stranger(elsewhere.path(), "Another CA");
  const Issued foreign = stranger.issue("press-07");
  check_refused(world, {TLS1_2_VERSION, TLS1_3_VERSION, "DEFAULT", &foreign});
}

TEST_CASE("client certificates of a foreign CA, expired or revoked are refused", "[net][tls]") {
  ListingTlsWorld world;
  const Issued good = world.pki.issue("good");
  const Issued old = world.pki.issue("old", TestPki::Days{-1});
  const Issued stolen = world.pki.issue("stolen");
  const auto with = [](const Issued& one) {
    TlsClientOptions client;
    client.certificate = &one;
    return client;
  };
  check_accepted(world, with(good));
  check_accepted(world, with(stolen));
  check_refused(world, with(old));
  world.use_list(world.pki.revocations({stolen.serial}));
  check_accepted(world, with(good));
  check_refused(world, with(stolen));
  // Without a list that is still valid nobody can tell.
  world.use_list(world.pki.revocations({}, TestPki::Days{-1}));
  check_refused(world, with(good));
}

TEST_CASE("a revocation list that has ended may still count for what it names", "[net][tls]") {
  TlsOptions options = asking(ClientCertificate::require);
  options.passes_ended_crl = true;
  ListingTlsWorld world(options);
  const Issued good = world.pki.issue("good");
  const Issued stolen = world.pki.issue("stolen");
  const Issued old = world.pki.issue("old", TestPki::Days{-1});
  world.use_list(world.pki.revocations({stolen.serial}, TestPki::Days{-1}));
  TlsClientOptions with;
  with.certificate = &good;
  check_accepted(world, with);
  for (const Issued* const one : {&stolen, &old}) {
    with.certificate = one;
    check_refused(world, with);
  }
}

TEST_CASE("a client certificate of another purpose or without its issuer's key id is refused",
          "[net][tls]") {
  TlsWorld world(asking(ClientCertificate::require));
  const Issued server_only = world.pki.issue("press", TestPki::Days{9}, {"serverAuth", true});
  const Issued loose = world.pki.issue("loose", TestPki::Days{9}, {"clientAuth", false});
  const Issued right = world.pki.issue("right", TestPki::Days{9}, {"clientAuth", true});
  TlsClientOptions with;
  for (const Issued* const one : {&server_only, &loose}) {
    with.certificate = one;
    check_refused(world, with);
  }
  with.certificate = &right;
  check_accepted(world, with);
}

TEST_CASE("revocation lists are read from a folder too", "[net][tls]") {
  TempDir lists;
  TlsOptions options = asking(ClientCertificate::require);
  options.crl_dir = lists.path().string();
  TlsWorld world(options);
  const Issued press = world.pki.issue("press");
  TlsClientOptions client;
  client.certificate = &press;
  check_refused(world, client);  // an empty folder lacks the list that is needed
  replace_file(lists / "ca.crl", world.pki.revocations({}));
  world.layer->poll(world.clock_now);
  world.layer->poll(world.clock_now);
  check_accepted(world, client);
  replace_file(lists / "ca.crl", world.pki.revocations({press.serial}));
  world.layer->poll(world.clock_now);
  world.layer->poll(world.clock_now);
  check_refused(world, client);
}

TEST_CASE("a ticket is resumed until what decides about trust changes", "[net][tls]") {
  ListingTlsWorld world;
  const Issued press = world.pki.issue("press");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClientOptions with{version, version, "DEFAULT", &press};
    TlsClient first(world.port(), world.pki.ca_file(), with);
    REQUIRE(first.connect("a"));
    REQUIRE(first.session() != nullptr);
    with.session = first.session();
    TlsClient again(world.port(), world.pki.ca_file(), with);
    REQUIRE(again.connect("b"));
    CHECK(again.resumed());
    // Nothing of the chain was sent again.
    const auto peer = world.peer();
    REQUIRE(peer->tls->certificate != nullptr);
    CHECK(peer->tls->certificate->der == press.certificate_der);
    CHECK(peer->tls->certificate->issuer_spki == world.pki.spki());
    // In TLS 1.3 a ticket serves once, and each connection brings another.
    if (again.session() != nullptr) with.session = again.session();

    // A new certificate of the broker changes nothing about trust.
    const Issued renewed = world.pki.issue("server");
    REQUIRE(world.layer->reload(world.clock_now));
    TlsClient renewed_broker(world.port(), world.pki.ca_file(), with);
    REQUIRE(renewed_broker.connect("c"));
    CHECK(renewed_broker.resumed());
    if (renewed_broker.session() != nullptr) with.session = renewed_broker.session();

    world.use_list(world.pki.revocations({9999 + version}));
    TlsClient stranger(world.port(), world.pki.ca_file(), with);
    REQUIRE(stranger.connect("d"));
    CHECK_FALSE(stranger.resumed());
  }
}
