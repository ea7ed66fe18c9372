#include <fcntl.h>
#include <poll.h>

#include <array>
#include <filesystem>

#include "broker/net/tls_layer.h"
#include "broker/net/tls_stream.h"
#include "tests/unit/net/tls_checks.h"

using namespace lineshaft;
using namespace lineshaft::net;
using namespace lineshaft::net::test;

TEST_CASE("messages pass TLS 1.2 and 1.3 in both directions", "[net][tls]") {
  TlsWorld world;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(world.port(), world.pki.ca_file(), {version, version});
    REQUIRE(client.connect("a"));
    client.publish("plant/temp", "21.5");
    CHECK(client.receive_publish() == std::pair<std::string, std::string>("plant/temp", "21.5"));
    REQUIRE(world.peer() != nullptr);
    CHECK(world.peer()->encrypted());
    CHECK(world.peer()->tls->version == client.version());
    CHECK(world.peer()->tls->certificate == nullptr);
  }
}

TEST_CASE("large and many messages come whole, whatever the record boundaries", "[net][tls]") {
  TlsWorld world;
  TlsClient client(world.port(), world.pki.ca_file());
  REQUIRE(client.connect("a"));
  for (const std::size_t size :
       {0u, 1u, 4095u, 4096u, 4097u, 16'383u, 16'384u, 16'385u, 70'000u, 1'000'000u}) {
    std::string payload(size, '\0');
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 31 % 251);
    client.publish("large", payload);
    CHECK(client.receive_publish().second == payload);
  }
  // One write of 1,000 packets: far more than a read, answered with records full of packets.
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += Client::publish_bytes("n", std::to_string(i));
  client.send(bytes);
  for (int i = 0; i < 1000; ++i) REQUIRE(client.receive_publish().second == std::to_string(i));
}

TEST_CASE("a TLS stream that comes byte by byte is the same stream", "[net][tls]") {
  TlsWorld world;
  // A client whose OpenSSL writes to memory; the test carries each byte.
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL* const ssl = SSL_new(context);
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, in, out);
  SSL_set_connect_state(ssl);
  Client tcp(world.port());
  const auto carry = [&] {
    char byte = 0;
    while (BIO_read(out, &byte, 1) == 1) tcp.send(std::string(1, byte));
  };
  const auto receive = [&] {
    char bytes[4096];
    const auto size = ::recv(tcp.socket(), bytes, sizeof bytes, 0);
    REQUIRE(size > 0);
    BIO_write(in, bytes, static_cast<int>(size));
  };
  while (SSL_do_handshake(ssl) != 1) {
    carry();
    receive();
  }
  mqtt::ConnectPacket connect;
  connect.client_id = "bytes";
  std::string bytes;
  REQUIRE(mqtt::encode(connect, mqtt::EncodeOptions{}, bytes));
  SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()));
  carry();
  char answer[64];
  while (SSL_read(ssl, answer, sizeof answer) <= 0) receive();
  CHECK(answer[0] == '\x20');
  CHECK(world.world->machine.has_heard("connect bytes"));
  SSL_free(ssl);
  SSL_CTX_free(context);
}

TEST_CASE("what a small read leaves inside the layer is announced until it is read", "[net][tls]") {
  TempDir folder;
  TestPki pki(folder.path());
  const Issued server = pki.issue("server");
  TlsOptions options;
  options.cert_file = server.cert_file;
  options.key_file = server.key_file;
  const auto loaded = TlsContext::load(options);
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  TlsStream stream(std::make_unique<SocketStream>(ends[0]),
                   std::get<std::shared_ptr<const TlsContext>>(loaded));
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, ends[1]);
  std::array<char, 10> into;
  while (SSL_connect(ssl) != 1) {
    CHECK(stream.is_handshaking());
    CHECK(stream.read(into).state == IoState::blocked);
    CHECK(stream.write({}).state == IoState::ok);
    ERR_clear_error();
  }
  // Three records of 8 bytes; the first read takes one and a quarter of them.
  for (int i = 0; i < 3; ++i) REQUIRE(SSL_write(ssl, "abcdefgh", 8) == 8);
  std::string all;
  for (IoResult read = stream.read(into); read.state == IoState::ok; read = stream.read(into)) {
    all.append(into.data(), read.size);
    CHECK(stream.has_input() == (all.size() < 24));
  }
  CHECK(all == "abcdefghabcdefghabcdefgh");
  CHECK_FALSE(stream.is_handshaking());
  CHECK_FALSE(stream.has_input());
  SSL_free(ssl);
  SSL_CTX_free(context);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("a closed connection ends with close_notify", "[net][tls]") {
  TlsWorld world;
  TlsClient client(world.port(), world.pki.ca_file());
  REQUIRE(client.connect("a"));
  client.publish("do/close", "");
  CHECK(std::holds_alternative<std::unique_ptr<mqtt::DisconnectPacket>>(client.receive()));
  CHECK(client.receives_end());
  CHECK(client.ended_in_order());
}

TEST_CASE("the client's close_notify ends its connection", "[net][tls]") {
  TlsWorld world;
  TlsClient client(world.port(), world.pki.ca_file());
  REQUIRE(client.connect("a"));
  SSL_shutdown(client.ssl());
  wait_until([&] { return world.world->machine.has_heard("lost 0"); });
}

TEST_CASE("TLS 1.1, and 1.2 where 1.3 is asked for, are refused", "[net][tls]") {
  TlsWorld world;
  check_refused(world, {TLS1_1_VERSION, TLS1_1_VERSION, "DEFAULT@SECLEVEL=0"});
  check_accepted(world, {TLS1_2_VERSION, TLS1_2_VERSION});
  TlsOptions strict;
  strict.min_version = TlsVersion::v1_3;
  TlsWorld modern(strict);
  check_refused(modern, {TLS1_2_VERSION, TLS1_2_VERSION});
  check_accepted(modern);
}

TEST_CASE("cipher suites without ECDHE or authenticated encryption are refused", "[net][tls]") {
  TlsWorld world;
  for (const char* const cipher : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA",
                                   "ECDHE-ECDSA-AES256-SHA384", "DHE-RSA-AES128-GCM-SHA256"}) {
    INFO(cipher);
    check_refused(world, {TLS1_2_VERSION, TLS1_2_VERSION, cipher});
  }
  check_accepted(world, {TLS1_2_VERSION, TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305"});
}

TEST_CASE("a renegotiation is refused", "[net][tls]") {
  TlsWorld world;
  TlsClient client(world.port(), world.pki.ca_file(), {TLS1_2_VERSION, TLS1_2_VERSION});
  REQUIRE(client.connect("a"));
  SSL_renegotiate(client.ssl());
  CHECK(SSL_do_handshake(client.ssl()) != 1);
  ERR_clear_error();
}

TEST_CASE("a first message that claims too much is refused before it is there", "[net][tls]") {
  TlsWorld world;
  const auto before = failures();
  // A record of 512 bytes with the beginning of a ClientHello of 100,000, and one that hides it.
  for (const std::string& claim : {std::string("\x16\x03\x01\x02\x00\x01\x01\x86\xa0", 9),
                                   std::string("\x16\x03\x01\x00\x01\x01\x16\x03\x01", 9)}) {
    Client client(world.port());
    for (const char byte : claim) client.send(std::string(1, byte));
    char end = 0;
    while (::recv(client.socket(), &end, 1, 0) > 0) {
    }
  }
  CHECK(failures() == before + 2);
}

TEST_CASE("the keys of tickets are drawn anew every day", "[net][tls]") {
  TlsWorld world;
  TlsClient first(world.port(), world.pki.ca_file());
  REQUIRE(first.connect("a"));
  TlsClientOptions with;
  with.session = first.session();
  world.layer->poll(world.clock_now + limits::tls_ticket_keys_lifetime - Milliseconds{1});
  TlsClient same_day(world.port(), world.pki.ca_file(), with);
  REQUIRE(same_day.connect("b"));
  CHECK(same_day.resumed());
  with.session = same_day.session();
  world.layer->poll(world.clock_now + limits::tls_ticket_keys_lifetime);
  TlsClient next_day(world.port(), world.pki.ca_file(), with);
  REQUIRE(next_day.connect("c"));
  CHECK_FALSE(next_day.resumed());
}

TEST_CASE("a revoked client does not get in with its old ticket", "[net][tls]") {
  ListingTlsWorld world;
  const Issued press = world.pki.issue("press");
  TlsClientOptions with;
  with.certificate = &press;
  TlsClient first(world.port(), world.pki.ca_file(), with);
  REQUIRE(first.connect("a"));
  world.use_list(world.pki.revocations({press.serial}));
  with.session = first.session();
  check_refused(world, with);
  // Who is inside stays: the connection is healthy, ending it is a decision of policy.
  first.ping();
}

TEST_CASE("a swapped symbolic link brings a new certificate and drops nobody", "[net][tls]") {
  // As the kubelet mounts a secret: ..data points to the folder in force.
  TempDir mount;
  TestPki pki(mount.path());
  namespace fs = std::filesystem;
  const auto write = [&](const std::string& folder) {
    fs::create_directory(mount.path() / folder);
    const Issued one = pki.issue("localhost");
    replace_file(mount / (folder + "/tls.crt"), one.certificate_pem);
    replace_file(mount / (folder + "/tls.key"), one.key_pem);
    return one;
  };
  write("..1");
  fs::create_directory_symlink("..1", mount.path() / "..data");
  TlsOptions options;
  TlsWorld world(options, [&](TlsWorld&, TlsOptions& all) {
    all.cert_file = mount / "..data/tls.crt";
    all.key_file = mount / "..data/tls.key";
  });
  const auto serial = [&](TlsClient& client) {
    return ASN1_INTEGER_get(X509_get0_serialNumber(SSL_get0_peer_certificate(client.ssl())));
  };
  TlsClient before(world.port(), pki.ca_file());
  REQUIRE(before.connect("before"));

  const Issued second = write("..2");
  fs::create_directory_symlink("..2", mount.path() / "..tmp");
  fs::rename(mount.path() / "..tmp", mount.path() / "..data");
  world.layer->poll(world.clock_now);
  CHECK(world.layer->facts().reloads == 0);  // perhaps there is more to come
  world.layer->poll(world.clock_now);
  CHECK(world.layer->facts().reloads == 1);
  TlsClient after(world.port(), pki.ca_file());
  REQUIRE(after.connect("after"));
  CHECK(serial(after) == second.serial);
  CHECK(serial(before) != second.serial);
  before.ping();
  world.layer->poll(world.clock_now);
  CHECK(world.layer->facts().reloads == 1);
}

TEST_CASE("files that cannot be used leave the old ones in force and are reported", "[net][tls]") {
  TlsWorld world;
  const auto before = counter_value(Counter::tls_reload_failures);
  replace_file(world.server_certificate.key_file, "nonsense");
  world.layer->poll(world.clock_now);
  world.layer->poll(world.clock_now);
  CHECK_FALSE(world.layer->facts().files_in_force);
  CHECK(counter_value(Counter::tls_reload_failures) == before + 1);
  check_accepted(world);
  world.layer->poll(world.clock_now);  // said once
  CHECK(counter_value(Counter::tls_reload_failures) == before + 1);
  replace_file(world.server_certificate.key_file, world.server_certificate.key_pem);
  world.layer->poll(world.clock_now);
  world.layer->poll(world.clock_now);
  CHECK(world.layer->facts().files_in_force);
  check_accepted(world);
}

TEST_CASE("the ends of all certificates and lists are known", "[net][tls]") {
  ListingTlsWorld world;
  const TlsFacts facts = world.layer->facts();
  CHECK(facts.listener == "test");
  REQUIRE(facts.expiries.size() == 3);
  CHECK(facts.expiries[0].what == "certificate");
  CHECK(facts.expiries[1].what == "ca");
  CHECK(facts.expiries[2].what == "crl");
  CHECK(facts.expiries[1].at - facts.expiries[0].at == Milliseconds{(3650L - 365L) * 86'400'000});
}

TEST_CASE("a client without TLS on a TLS listener is refused and told nothing", "[net][tls]") {
  TlsWorld world;
  const auto before = failures();
  Client client(world.port());
  client.send_connect("plain");
  client.close();
  wait_until([&] { return failures() == before + 1; });
  CHECK(world.world->machine.heard().empty());
}

TEST_CASE("many handshakes at once are served in shares, and a ping between them is answered",
          "[net][tls]") {
  TlsWorld world;
  TlsClient resident(world.port(), world.pki.ca_file());
  REQUIRE(resident.connect("resident"));
  const auto before = counter_value(Counter::tls_handshakes);
  std::vector<std::unique_ptr<TlsClient>> storm;
  for (int i = 0; i < 60; ++i) {
    storm.push_back(std::make_unique<TlsClient>(world.port(), world.pki.ca_file()));
  }
  // All greetings are there before the first answer is read.
  for (const auto& client : storm) {
    const int socket = client->tcp().socket();
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
    client->handshake();
  }
  resident.ping();
  for (const auto& client : storm) {
    const int socket = client->tcp().socket();
    while (SSL_do_handshake(client->ssl()) != 1) {
      pollfd waiting{socket, POLLIN, 0};
      ::poll(&waiting, 1, -1);
      ERR_clear_error();
    }
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) & ~O_NONBLOCK);
    REQUIRE(client->connect("storm"));
  }
  CHECK(counter_value(Counter::tls_handshakes) - before >= 60);
}
