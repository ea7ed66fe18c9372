#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "broker/net/tls_layer.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"
#include "tests/unit/net/net_world.h"

/// A server with TLS and clients that speak it through OpenSSL.
namespace lineshaft::net::test {

using lineshaft::test::Issued;
using lineshaft::test::replace_file;
using lineshaft::test::TempDir;
using lineshaft::test::TestPki;

/// What a client of a test does differently from an ordinary one.
struct TlsClientOptions {
  int version_min = TLS1_2_VERSION;
  int version_max = TLS1_3_VERSION;
  const char* ciphers = "DEFAULT";
  const Issued* certificate = nullptr;
  SSL_SESSION* session = nullptr;
  std::string psk_identity = {};
  std::string psk_key = {};
};

/// What `act` would have sent.
inline std::string recorded(SSL* ssl, const std::function<void()>& act) {
  BIO* const wire = SSL_get_wbio(ssl);
  BIO_up_ref(wire);
  BIO* const memory = BIO_new(BIO_s_mem());
  SSL_set0_wbio(ssl, memory);
  act();
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string bytes(data, static_cast<std::size_t>(size));
  SSL_set0_wbio(ssl, wire);
  return bytes;
}

/// A blocking client with TLS that trusts one CA.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const std::string& ca_file, const TlsClientOptions& options = {})
      : tcp_(port), options_(options), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_min_proto_version(context_, options.version_min);
    SSL_CTX_set_max_proto_version(context_, options.version_max);
    SSL_CTX_set_cipher_list(context_, options.ciphers);
    if (!ca_file.empty()) {
      REQUIRE(SSL_CTX_load_verify_file(context_, ca_file.c_str()) == 1);
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    }
    if (options.certificate != nullptr) {
      REQUIRE(SSL_CTX_use_certificate_file(context_, options.certificate->cert_file.c_str(),
                                           SSL_FILETYPE_PEM) == 1);
      REQUIRE(SSL_CTX_use_PrivateKey_file(context_, options.certificate->key_file.c_str(),
                                          SSL_FILETYPE_PEM) == 1);
    }
    if (!options.psk_identity.empty()) SSL_CTX_set_psk_client_callback(context_, give_psk);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(context_, keep_session);
    ssl_ = SSL_new(context_);
    SSL_set_app_data(ssl_, this);
    if (options.session != nullptr) REQUIRE(SSL_set_session(ssl_, options.session) == 1);
    SSL_set_fd(ssl_, tcp_.socket());
    decoder_.set_version(mqtt::Version::v5);
  }
  ~TlsClient() {
    // Otherwise OpenSSL takes the session for a broken one and does not resume it again.
    SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN);
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    SSL_SESSION_free(session_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool handshake() { return SSL_connect(ssl_) == 1; }
  /// Handshake and CONNECT; false when either is refused.
  bool connect(const std::string& client_id) {
    if (!handshake()) return false;
    mqtt::ConnectPacket packet;
    packet.client_id = client_id;
    send(packet);
    return std::holds_alternative<std::unique_ptr<mqtt::ConnackPacket>>(receive());
  }
  void send(const std::string& bytes) {
    if (!bytes.empty()) SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  }
  template <class Packet>
  void send(const Packet& packet) {
    std::string bytes;
    REQUIRE(mqtt::encode(packet, mqtt::EncodeOptions{}, bytes));
    send(bytes);
  }
  void publish(const std::string& topic, const std::string& payload) {
    send(Client::publish_bytes(topic, payload));
  }
  /// The next packet; a `PingreqPacket` stands for the end.
  mqtt::Packet receive() {
    std::vector<char> buffer(64 * 1024);
    while (next_ == packets_.size()) {
      packets_.clear();
      next_ = 0;
      const int size = SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
      if (size <= 0) return mqtt::PingreqPacket{};
      decoder_.feed({buffer.data(), static_cast<std::size_t>(size)}, packets_);
    }
    return std::move(packets_[next_++]);
  }
  std::pair<std::string, std::string> receive_publish() {
    const auto packet = receive();
    const auto* publish = std::get_if<mqtt::PublishPacket>(&packet);
    REQUIRE(publish != nullptr);
    return {std::string(publish->message->topic()), std::string(publish->message->payload())};
  }
  void ping() {
    send(mqtt::PingreqPacket{});
    while (!std::holds_alternative<mqtt::PingrespPacket>(receive())) {
    }
  }
  bool receives_end() { return std::holds_alternative<mqtt::PingreqPacket>(receive()); }
  /// The end came with close_notify.
  bool ended_in_order() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }
  bool resumed() const { return SSL_session_reused(ssl_) == 1; }
  std::string version() const { return SSL_get_version(ssl_); }
  SSL* ssl() { return ssl_; }
  Client& tcp() { return tcp_; }
  /// The newest ticket; the client goes on owning it.
  SSL_SESSION* session() const { return session_; }

 private:
  static TlsClient& self(SSL* ssl) { return *static_cast<TlsClient*>(SSL_get_app_data(ssl)); }
  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    SSL_SESSION_free(std::exchange(self(ssl).session_, session));
    return 1;
  }
  static unsigned int give_psk(SSL* ssl, const char*, char* identity, unsigned int identity_max,
                               unsigned char* key, unsigned int key_max) {
    const TlsClientOptions& options = self(ssl).options_;
    if (options.psk_identity.size() >= identity_max || options.psk_key.size() > key_max) return 0;
    std::strcpy(identity, options.psk_identity.c_str());
    std::memcpy(key, options.psk_key.data(), options.psk_key.size());
    return static_cast<unsigned int>(options.psk_key.size());
  }

  Client tcp_;
  TlsClientOptions options_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  SSL_SESSION* session_ = nullptr;
  MessageArena arena_;
  mqtt::Decoder decoder_{mqtt::Role::client_reads_server,
                         {limits::packet_size_bytes_max, limits::connect_size_bytes_max, 65535, 64},
                         arena_};
  std::vector<mqtt::Packet> packets_;
  std::size_t next_ = 0;
};

/// A server whose one listener has TLS, and the CA of its certificate.
class TlsWorld {
 public:
  explicit TlsWorld(TlsOptions options = {}) : TlsWorld(std::move(options), nullptr) {}
  /// `change` gets the options with everything filled in.
  TlsWorld(TlsOptions options, std::function<void(TlsWorld&, TlsOptions&)> change) {
    server_certificate = pki.issue("server");
    if (options.psk_file.empty()) {
      options.cert_file = server_certificate.cert_file;
      options.key_file = server_certificate.key_file;
      if (options.client_certificate != ClientCertificate::none) options.ca_file = pki.ca_file();
    }
    if (change) change(*this, options);
    std::optional<TlsProblem> problem;
    layer = TlsLayer::make("test", options, clock_now, problem);
    REQUIRE_FALSE(problem.has_value());
    ServerOptions server;
    server.listeners.push_back({"test", "127.0.0.1", 0, {}, 1000, {layer}});
    auto machine = std::make_unique<SmallMachine>();
    machine->before_apply = [this](const core::Input& input) {
      if (const auto* opened = std::get_if<core::ConnectionOpened>(&input)) {
        const std::lock_guard lock(mutex_);
        peer_ = opened->peer;
      }
    };
    world.emplace(std::move(server), std::move(machine));
  }

  std::uint16_t port() const { return world->port(); }
  /// Of the connection that was opened last.
  std::shared_ptr<const core::Peer> peer() {
    const std::lock_guard lock(mutex_);
    return peer_;
  }

  TempDir folder;
  TestPki pki{folder.path()};
  Issued server_certificate;
  WallTime clock_now{Milliseconds{1'700'000'000'000}};
  std::shared_ptr<TlsLayer> layer;

 private:
  std::mutex mutex_;
  std::shared_ptr<const core::Peer> peer_;

 public:
  std::optional<World> world;
};

}  // namespace lineshaft::net::test
