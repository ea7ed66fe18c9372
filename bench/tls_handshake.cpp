// What a full TLS 1.3 handshake costs the server, beside what it cannot do without: the signatures
// and key agreements that `openssl speed` times, and the same handshake by OpenSSL alone.
//
// EC P-256 certificates, X25519, both sides in memory; CPU time of the server's side only. The
// counter `speeds` is a row as a multiple of its signatures and key agreements.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "broker/net/tls_layer.h"
#include "tests/support/scripted_stream.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

namespace {

using namespace lineshaft;

void need(bool right) {
  if (!right) std::abort();
}

double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Files for both sides; the broker's and a client's certificate by one CA.
struct Plant {
  test::TempDir folder;
  test::TestPki pki{folder.path()};
  test::Issued server = pki.issue("server");
  test::Issued client = pki.issue("press-07");
};

Plant& plant() {
  static Plant one;
  return one;
}

EVP_PKEY* key_of(const test::Issued& issued) {
  BIO* const bio = BIO_new_mem_buf(issued.key_pem.data(), static_cast<int>(issued.key_pem.size()));
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  need(key != nullptr);
  return key;
}

// --- what `openssl speed` times
// -------------------------------------------------------------------

constexpr std::array<unsigned char, 64> message{};

std::string signature_of(EVP_PKEY* key) {
  std::string signature(128, '\0');
  std::size_t size = signature.size();
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  need(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key) == 1 &&
       EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                      message.data(), message.size()) == 1);
  EVP_MD_CTX_free(context);
  signature.resize(size);
  return signature;
}

void verify(EVP_PKEY* key, const std::string& signature) {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  need(EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key) == 1 &&
       EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()),
                        signature.size(), message.data(), message.size()) == 1);
  EVP_MD_CTX_free(context);
}

EVP_PKEY* new_x25519() { return EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"); }

void derive(EVP_PKEY* own, EVP_PKEY* theirs) {
  std::array<unsigned char, 32> secret{};
  std::size_t size = secret.size();
  EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new(own, nullptr);
  need(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
       EVP_PKEY_derive(context, secret.data(), &size) == 1);
  EVP_PKEY_CTX_free(context);
}

/// CPU seconds of one, on average.
double cost_of(const std::function<void()>& act) {
  constexpr int times = 400;
  act();
  const double begin = cpu_s();
  for (int i = 0; i < times; ++i) act();
  return (cpu_s() - begin) / times;
}

/// A server signs once and agrees on a key (a new one each time); with a client certificate it
/// checks the client's signature and the CA's below the certificate too.
double primitives_s(bool mutual) {
  EVP_PKEY* const key = key_of(plant().server);
  EVP_PKEY* const own = new_x25519();
  const std::string signature = signature_of(key);
  double sum = cost_of([&] { signature_of(key); }) + cost_of([&] { EVP_PKEY_free(new_x25519()); }) +
               cost_of([&] { derive(own, own); });
  if (mutual) sum += 2 * cost_of([&] { verify(key, signature); });
  EVP_PKEY_free(own);
  EVP_PKEY_free(key);
  return sum;
}

void sign_p256(benchmark::State& state) {
  EVP_PKEY* const key = key_of(plant().server);
  for (auto _ : state) signature_of(key);
  EVP_PKEY_free(key);
}
BENCHMARK(sign_p256)->Unit(benchmark::kMicrosecond);

void verify_p256(benchmark::State& state) {
  EVP_PKEY* const key = key_of(plant().server);
  const std::string signature = signature_of(key);
  for (auto _ : state) verify(key, signature);
  EVP_PKEY_free(key);
}
BENCHMARK(verify_p256)->Unit(benchmark::kMicrosecond);

void new_key_x25519(benchmark::State& state) {
  for (auto _ : state) EVP_PKEY_free(new_x25519());
}
BENCHMARK(new_key_x25519)->Unit(benchmark::kMicrosecond);

void derive_x25519(benchmark::State& state) {
  EVP_PKEY* const own = new_x25519();
  for (auto _ : state) derive(own, own);
  EVP_PKEY_free(own);
}
BENCHMARK(derive_x25519)->Unit(benchmark::kMicrosecond);

/// A certificate as it comes in a handshake, to the point where its key can check a signature.
void parse_certificate(benchmark::State& state) {
  const std::string& der = plant().client.certificate_der;
  for (auto _ : state) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    X509* const certificate = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
    need(certificate != nullptr && X509_get0_pubkey(certificate) != nullptr);
    X509_free(certificate);
  }
}
BENCHMARK(parse_certificate)->Unit(benchmark::kMicrosecond);

// --- handshakes
// -----------------------------------------------------------------------------------

SSL_CTX* client_context(bool mutual) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  const test::Issued& own = plant().client;
  if (mutual) {
    need(SSL_CTX_use_certificate_file(context, own.cert_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
         SSL_CTX_use_PrivateKey_file(context, own.key_file.c_str(), SSL_FILETYPE_PEM) == 1);
  }
  return context;
}

std::string take(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string bytes(data, static_cast<std::size_t>(size));
  BIO_reset(bio);
  return bytes;
}

/// Handshakes of one client after the other; `answer` is the server: it gets what the client says
/// and returns what it says to that, null bytes once it is done.
template <class MakeServer>
void handshakes(benchmark::State& state, bool mutual, MakeServer make_server) {
  SSL_CTX* const context = client_context(mutual);
  double spent = 0;
  for (auto _ : state) {
    SSL* const client = SSL_new(context);
    BIO* const in = BIO_new(BIO_s_mem());
    BIO* const out = BIO_new(BIO_s_mem());
    SSL_set_bio(client, in, out);
    SSL_set_connect_state(client);
    double used = 0;
    {
      double begin = cpu_s();
      auto server = make_server();
      used += cpu_s() - begin;
      for (int flight = 0; flight < 2; ++flight) {
        SSL_do_handshake(client);
        const std::string said = take(out);
        begin = cpu_s();
        const std::string answer = server->answer(said);
        used += cpu_s() - begin;
        BIO_write(in, answer.data(), static_cast<int>(answer.size()));
      }
      need(SSL_is_init_finished(client) == 1 && server->done());
      begin = cpu_s();
      server.reset();
      used += cpu_s() - begin;
    }
    SSL_free(client);
    state.SetIterationTime(used);
    spent += used;
  }
  SSL_CTX_free(context);
  state.counters["speeds"] = spent / static_cast<double>(state.iterations()) / primitives_s(mutual);
}

/// OpenSSL as in its manual.
class BareServer {
 public:
  explicit BareServer(SSL_CTX* context) : ssl_(SSL_new(context)) {
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_);
  }
  ~BareServer() { SSL_free(ssl_); }
  BareServer(const BareServer&) = delete;
  std::string answer(const std::string& said) {
    BIO_write(SSL_get_rbio(ssl_), said.data(), static_cast<int>(said.size()));
    SSL_do_handshake(ssl_);
    return take(SSL_get_wbio(ssl_));
  }
  bool done() const { return SSL_is_init_finished(ssl_) == 1; }

 private:
  SSL* const ssl_;
};

void openssl_alone(benchmark::State& state, bool mutual) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  const test::Issued& own = plant().server;
  need(SSL_CTX_use_certificate_file(context, own.cert_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
       SSL_CTX_use_PrivateKey_file(context, own.key_file.c_str(), SSL_FILETYPE_PEM) == 1);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  const unsigned char name[] = "bench";
  SSL_CTX_set_session_id_context(context, name, sizeof name);
  if (mutual) {
    need(SSL_CTX_load_verify_file(context, plant().pki.ca_file().c_str()) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  handshakes(state, mutual, [context] { return std::make_unique<BareServer>(context); });
  SSL_CTX_free(context);
}
BENCHMARK_CAPTURE(openssl_alone, tls, false)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(openssl_alone, mtls, true)->UseManualTime()->Unit(benchmark::kMicrosecond);

/// The broker's layer, on a socket that is played.
class OurServer {
 public:
  explicit OurServer(const net::TlsLayer& layer) {
    auto socket = std::make_unique<test::ScriptedStream>();
    socket_ = socket.get();
    stream_ = layer.wrap(std::move(socket), {"bench", "127.0.0.1:1"}, nullptr);
  }
  std::string answer(const std::string& said) {
    socket_->input.push_back(said);
    std::array<char, 4096> buffer;
    stream_->read(buffer);
    stream_->write({});
    return socket_->take_output();
  }
  bool done() const { return !stream_->is_handshaking(); }

 private:
  test::ScriptedStream* socket_;
  std::unique_ptr<net::ByteStream> stream_;
};

void broker(benchmark::State& state, bool mutual) {
  net::TlsOptions options;
  options.cert_file = plant().server.cert_file;
  options.key_file = plant().server.key_file;
  if (mutual) {
    options.client_certificate = net::ClientCertificate::require;
    options.ca_file = plant().pki.ca_file();
  }
  std::optional<net::TlsProblem> problem;
  const auto layer = net::TlsLayer::make("bench", options, WallTime{}, problem);
  need(layer != nullptr);
  handshakes(state, mutual, [&layer] { return std::make_unique<OurServer>(*layer); });
}
BENCHMARK_CAPTURE(broker, tls, false)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(broker, mtls, true)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
