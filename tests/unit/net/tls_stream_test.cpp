#include "broker/net/tls_stream.h"

#include <sys/ioctl.h>

#include <array>

#include "tests/unit/net/tls_world.h"

using namespace lineshaft;
using namespace lineshaft::net;
using namespace lineshaft::net::test;

namespace {

/// A stream and a client's end of its connection, both moved by the test.
class Pair {
 public:
  Pair() {
    const Issued server = pki.issue("server");
    TlsOptions options;
    options.cert_file = server.cert_file;
    options.key_file = server.key_file;
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_) == 0);
    stream.emplace(std::make_unique<SocketStream>(ends_[0]),
                   std::get<std::shared_ptr<const TlsContext>>(TlsContext::load(options)));
    client = SSL_new(context_);
    SSL_set_fd(client, ends_[1]);
    while (SSL_connect(client) != 1) {
      CHECK(stream->read(into).state == IoState::blocked);
      CHECK(stream->write({}).state == IoState::ok);
      ERR_clear_error();
    }
    CHECK(stream->read(into).state == IoState::blocked);
    CHECK_FALSE(stream->is_handshaking());
  }
  ~Pair() {
    SSL_free(client);
    SSL_CTX_free(context_);
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  /// Records of the client that have no data: they only change its key.
  std::string key_updates(std::size_t size) {
    return recorded(client, [&] {
      for (std::size_t i = 0; i < size; ++i) {
        REQUIRE(SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
        REQUIRE(SSL_do_handshake(client) == 1);
      }
    });
  }
  void send(const std::string& bytes) {
    REQUIRE(::send(ends_[1], bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  std::size_t unread() const {
    int size = 0;
    REQUIRE(::ioctl(ends_[0], FIONREAD, &size) == 0);
    return static_cast<std::size_t>(size);
  }

  TempDir folder;
  TestPki pki{folder.path()};
  std::optional<TlsStream> stream;
  SSL* client = nullptr;
  std::array<char, 64 * 1024> into{};

 private:
  SSL_CTX* context_ = SSL_CTX_new(TLS_client_method());
  int ends_[2] = {-1, -1};
};

}  // namespace

TEST_CASE("records without data are read in shares, so that others have their turn", "[net][tls]") {
  Pair pair;
  pair.send(pair.key_updates(3000));
  const std::size_t all = pair.unread();
  REQUIRE(all > 4 * limits::tls_bytes_per_look_max);
  CHECK(pair.stream->read(pair.into).state == IoState::blocked);
  CHECK(pair.unread() > all / 2);
  CHECK_FALSE(pair.stream->has_input());  // the socket itself announces the rest
  while (pair.unread() > 0) CHECK(pair.stream->read(pair.into).state == IoState::blocked);
  REQUIRE(SSL_write(pair.client, "abc", 3) == 3);
  const IoResult data = pair.stream->read(pair.into);
  CHECK(data.state == IoState::ok);
  CHECK(data.size == 3);
}

TEST_CASE("a client that sends records without data for ever is refused", "[net][tls]") {
  Pair pair;
  const std::string updates = pair.key_updates(3000);
  pair.send(updates);
  while (pair.unread() > 0) CHECK(pair.stream->read(pair.into).state == IoState::blocked);
  pair.send(pair.key_updates(3000));
  IoResult end;
  do {
    end = pair.stream->read(pair.into);
  } while (end.state == IoState::blocked && pair.unread() > 0);
  CHECK(end.state == IoState::refused);
  CHECK(pair.stream->refusal().why == "the client sends records of TLS and no data in them");
}

TEST_CASE("data in front of a broken record is answered to nobody, and the stream is refused then",
          "[net][tls]") {
  for (const bool alert : {false, true}) {
    Pair pair;
    const std::string broken = std::string("\x17\x03\x03\x00\x40", 5) + std::string(64, 'A');
    std::string bytes = recorded(pair.client, [&] { SSL_write(pair.client, "abc", 3); });
    bytes += alert ? recorded(pair.client,
                              [&] {
                                // What it cannot decrypt makes the client send a fatal alert.
                                BIO* const wrong = BIO_new_mem_buf(broken.data(), 69);
                                SSL_set0_rbio(pair.client, wrong);
                                char byte = 0;
                                CHECK(SSL_read(pair.client, &byte, 1) <= 0);
                                ERR_clear_error();
                              })
                   : broken;
    REQUIRE(bytes.size() > 3 + 17);
    pair.send(bytes);
    const IoResult data = pair.stream->read(pair.into);
    CHECK(data.state == IoState::ok);
    CHECK(data.size == 3);
    CHECK(pair.stream->has_input());
    char answer[] = "answer";
    const iovec piece{answer, 6};
    const IoResult written = pair.stream->write(std::span(&piece, 1));
    CHECK(written.state == IoState::ok);
    CHECK(written.size == 6);
    CHECK(pair.stream->read(pair.into).state == IoState::refused);
    CHECK_FALSE(pair.stream->refusal().why.empty());
  }
}

TEST_CASE("a packet and a broken record in one segment end one connection and no more",
          "[net][tls]") {
  TlsWorld world;
  TlsClient client(world.port(), world.pki.ca_file());
  REQUIRE(client.connect("a"));
  std::string ping;
  REQUIRE(mqtt::encode(mqtt::PingreqPacket{}, mqtt::EncodeOptions{}, ping));
  const std::string record = recorded(client.ssl(), [&] { client.send(ping); });
  client.tcp().send(record + std::string("\x17\x03\x03\x00\x40", 5) + std::string(64, 'A'));
  CHECK(client.receives_end());
  ERR_clear_error();
  TlsClient next(world.port(), world.pki.ca_file());
  CHECK(next.connect("b"));
}

TEST_CASE("a client that asks for small fragments gets large messages whole", "[net][tls]") {
  TlsWorld world;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(world.port(), world.pki.ca_file(), {version, version});
    REQUIRE(SSL_set_tlsext_max_fragment_length(client.ssl(), TLSEXT_max_fragment_length_512) == 1);
    REQUIRE(client.connect("small"));
    for (const std::size_t size : {511u, 3000u, 100'000u}) {
      const std::string payload(size, 'z');
      client.publish("large", payload);
      CHECK(client.receive_publish().second == payload);
    }
  }
}

TEST_CASE("a handshake that is given up is counted as a failure", "[net][tls]") {
  TlsWorld world;
  const auto before = counter_value(Counter::tls_handshake_failures);
  Client client(world.port());
  client.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9));
  client.close();
  wait_until([&] { return counter_value(Counter::tls_handshake_failures) == before + 1; });
}
