#include "broker/net/tls_stream.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "broker/base/limits.h"
#include "broker/base/metrics.h"
#include "broker/net/tls_peer.h"

namespace lineshaft::net {
namespace {

/// The largest plain text of a record.
constexpr std::size_t record_bytes = 16 * 1024;
/// Plain text encrypted before the socket is asked again: a socket that is full costs no more.
constexpr std::size_t flush_bytes_max = 4 * record_bytes;
/// More than a flush leaves behind: the peer makes us answer its records and reads no answer.
constexpr std::size_t unsent_bytes_max = 2 * flush_bytes_max;

/// Empties a key that OpenSSL holds on to and nobody asks again.
void empty_key(EVP_PKEY* key) {
  if (key == nullptr) return;
  // There is no such type: the call fails once the key is gone.
  EVP_PKEY_set_type(key, EVP_PKEY_NONE);
  ERR_clear_error();
}

/// Forgets what OpenSSL keeps of a handshake until the connection ends, though it has served: an
/// idle connection is the usual one. With renegotiation off there is no second handshake.
void forget_handshake(SSL* ssl) {
  // The CAs a client has sent along, 4 KB each; its own certificate is not among them.
  if (STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl)) {
    while (X509* const one = sk_X509_pop(chain)) X509_free(one);
  }
  // The certificate stays in the session, but who it is has been read from it.
  if (X509* const own = SSL_get0_peer_certificate(ssl)) empty_key(X509_get0_pubkey(own));
  // The keys of the key agreement: ours would open the record of this connection to whoever reads
  // our memory later.
  EVP_PKEY* key = nullptr;
  if (SSL_get_tmp_key(ssl, &key) == 1) empty_key(key);
  EVP_PKEY_free(key);
  key = nullptr;
  if (SSL_get_peer_tmp_key(ssl, &key) == 1) empty_key(key);
  EVP_PKEY_free(key);
  // The suites the client offered.
  if (STACK_OF(SSL_CIPHER)* const offered = SSL_get_client_ciphers(ssl)) {
    sk_SSL_CIPHER_zero(offered);
    sk_SSL_CIPHER_reserve(offered, 0);
  }
  SSL_set1_verify_cert_store(ssl, nullptr);
}

/// What is known of a client that proved nothing; one object for all of them.
std::shared_ptr<const core::PeerTls> nothing_proved(std::string_view version) {
  const auto make = [](std::string_view name) {
    core::PeerTls tls;
    tls.version = name;
    return std::make_shared<const core::PeerTls>(std::move(tls));
  };
  static const std::array known{make("TLSv1.2"), make("TLSv1.3")};
  const auto found =
      std::ranges::find_if(known, [&](const auto& one) { return one->version == version; });
  return found != known.end() ? *found : make(version);
}

/// Why a handshake failed, by OpenSSL's reason; null: nothing better than its own words.
const char* explained(int reason, bool has_psk) {
  const char* const no_psk = "the client has none of the listener's pre-shared keys";
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      return "the client offers only versions of TLS below the listener's min_version: update it";
    case SSL_R_NO_SHARED_CIPHER:
      return "the client offers no cipher suite with ECDHE and authenticated encryption that fits "
             "the listener's certificate or keys: update it";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "the client has sent no certificate and the listener asks for one: give it one and "
             "its key";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "the client does not accept the broker's certificate: give it the CA that has signed "
             "it, connect by a name in the certificate, and look at its dates";
    case SSL_R_PSK_IDENTITY_NOT_FOUND:
      return no_psk;
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
      // What OpenSSL says when it falls back to a certificate the listener does not have.
      if (has_psk) return no_psk;
      return "the client cannot check the signature of the listener's certificate: update it, or "
             "use a certificate with a key of another type";
    case SSL_R_BINDER_DOES_NOT_VERIFY:
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
      return "the client has another key, or the bytes were changed on their way";
    default:
      return nullptr;
  }
}

std::size_t size_of_pieces(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  return size;
}

/// Ciphertext of a flush; its memory is used again by the next connection.
std::string& spare_buffer() {
  thread_local std::string spare;
  return spare;
}

}  // namespace

/// The BIO between OpenSSL and the stream that owns it. OpenSSL is C: nothing is thrown through it.
struct TlsBio {
  static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int write(BIO* bio, const char* data, std::size_t size, std::size_t* written) noexcept {
    stream(bio).unsent_.append(data, size);
    *written = size;
    return 1;
  }

  static int read(BIO* bio, char* data, std::size_t size, std::size_t* got) noexcept {
    TlsStream& self = stream(bio);
    BIO_clear_retry_flags(bio);
    *got = 0;
    // One call of OpenSSL goes on for as long as records without data come: key updates, warnings.
    if (!self.drained_ && self.looked_at_ < limits::tls_bytes_per_look_max) {
      const IoResult result = self.below().read({data, size});
      if (result.state == IoState::ok) {
        // A short read has emptied the socket: asking again only costs.
        self.drained_ = result.size < size && !self.below().has_input();
        self.look_at_first({data, result.size});
        self.looked_at_ += static_cast<std::uint32_t>(result.size);
        self.without_data_ += static_cast<std::uint32_t>(result.size);
        if (self.without_data_ > limits::tls_bytes_without_data_max) {
          self.broken_ = "the client sends records of TLS and no data in them";
        }
        if (self.broken_ != nullptr) return 0;
        *got = result.size;
        return 1;
      }
      self.below_state_ = result.state;
      if (result.state != IoState::blocked) return 0;
      self.drained_ = true;
    }
    BIO_set_retry_read(bio);
    return 0;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* const one = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
      BIO_meth_set_write_ex(one, write);
      BIO_meth_set_read_ex(one, read);
      BIO_meth_set_ctrl(one, control);
      BIO_meth_set_create(one, create);
      return one;
    }();
    return made;
  }
};

TlsStream::~TlsStream() {
  // Given up by the client, or not done in time.
  if (ssl_ != nullptr && state_ == State::handshake) count(Counter::tls_handshake_failures);
}

bool TlsStream::begin() {
  ssl_ = context_->make_ssl();
  BIO* const bio = ssl_ != nullptr ? BIO_new(TlsBio::method()) : nullptr;
  if (bio == nullptr) return false;
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), const_cast<TlsContext*>(context_.get()));
  return true;
}

IoResult TlsStream::read(std::span<char> into) {
  if (after_ != IoState::ok) {
    has_input_ = false;
    return {after_, 0};
  }
  if (unsent_.size() > unsent_bytes_max) return {IoState::failed, 0};
  if (ssl_ == nullptr && !begin()) return {IoState::failed, 0};
  drained_ = false;
  has_input_ = false;
  looked_at_ = 0;
  below_state_ = IoState::ok;
  std::size_t size = 0;
  while (size < into.size()) {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data() + size, into.size() - size, &got);
    if (state_ == State::handshake && SSL_is_init_finished(ssl_.get()) == 1) handshake_done();
    if (result != 1) {
      const IoState state = judge(result);
      if (size == 0) return {state, 0};
      if (state == IoState::blocked) return {IoState::ok, size};
      after_ = state;
      has_input_ = true;
      return {IoState::ok, size};
    }
    size += got;
    looked_at_ = 0;
    without_data_ = 0;
    if (SSL_has_pending(ssl_.get()) == 0) return {IoState::ok, size};
  }
  has_input_ = SSL_has_pending(ssl_.get()) == 1;
  return {IoState::ok, size};
}

IoState TlsStream::judge(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return IoState::blocked;
    case SSL_ERROR_ZERO_RETURN:
      return IoState::ended;
    default:
      break;
  }
  // The layer below has come to its end, with close_notify or without: MQTT has a goodbye of its
  // own, so a cut stream is not mistaken for a whole one.
  if (below_state_ == IoState::refused) state_ = State::finished;
  if (below_state_ != IoState::ok && below_state_ != IoState::blocked) {
    ERR_clear_error();
    return below_state_;
  }
  return refuse();
}

void TlsStream::look_at_first(std::span<const char> bytes) {
  if (first_size_ == first_.size()) return;
  for (const char byte : bytes) {
    if (first_size_ < first_.size()) first_[first_size_++] = static_cast<unsigned char>(byte);
  }
  if (first_size_ < first_.size() || !speaks_tls()) return;
  // OpenSSL takes memory for what a message claims, up to 128 KB, before it is there. Nobody cuts
  // the four bytes that say so into several records but to hide them.
  const std::size_t record = first_[3] * 256u + first_[4];
  const std::size_t message = first_[6] * 65'536u + first_[7] * 256u + first_[8];
  if (record < 4 || message > limits::tls_client_hello_size_bytes_max) {
    broken_ = "the client's first message is too large";
  }
}

IoState TlsStream::refuse() {
  const unsigned long code = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(code);
  const long verified = SSL_get_verify_result(ssl_.get());
  const bool is_handshake = state_ == State::handshake;
  if (is_handshake && !speaks_tls()) {
    why_ = std::make_unique<std::string>(
        "the client does not speak TLS: connect it to a listener without TLS, or switch TLS on in "
        "it");
  } else if (broken_ != nullptr) {
    why_ = std::make_unique<std::string>(broken_);
  } else if (is_handshake && verified != X509_V_OK) {
    why_ = std::make_unique<std::string>(fmt::format("the client's certificate is refused: {}",
                                                     X509_verify_cert_error_string(verified)));
  } else if (const char* const better =
                 explained(reason, context_ != nullptr && !context_->psk().empty())) {
    why_ = std::make_unique<std::string>(better);
  } else {
    const char* const words = ERR_reason_error_string(code);
    why_ = std::make_unique<std::string>(words != nullptr ? words : "OpenSSL does not say why");
  }
  ERR_clear_error();
  if (is_handshake) count(Counter::tls_handshake_failures);
  state_ = State::refused;
  after_ = IoState::refused;
  return IoState::refused;
}

void TlsStream::handshake_done() {
  SSL* const ssl = ssl_.get();
  core::PeerTls tls;
  tls.version = SSL_get_version(ssl);
  const bool resumed = SSL_session_reused(ssl) == 1;
  tls.certificate = certificate_of_peer(ssl);
  if (auto identity = psk_identity_of(ssl)) tls.psk_identity = std::move(*identity);
  count(Counter::tls_handshakes);
  if (resumed && tls.psk_identity.empty()) count(Counter::tls_resumed);
  const bool proved = tls.certificate != nullptr || !tls.psk_identity.empty();
  tls_ =
      proved ? std::make_shared<const core::PeerTls>(std::move(tls)) : nothing_proved(tls.version);
  state_ = State::open;
  forget_handshake(ssl);
  SSL_set_app_data(ssl, nullptr);
  context_.reset();
}

IoResult TlsStream::send() {
  if (unsent_.empty()) return below().write({});
  const iovec piece{unsent_.data(), unsent_.size()};
  const IoResult sent = below().write(std::span(&piece, 1));
  if (sent.size == unsent_.size()) {
    std::string{}.swap(unsent_);
  } else {
    unsent_.erase(0, sent.size);
  }
  return {sent.state, 0};
}

bool TlsStream::encrypt(std::span<const iovec> pieces, std::size_t& taken) {
  thread_local std::array<char, record_bytes> staging;
  std::size_t staged = 0;
  const auto put = [&](const char* data, std::size_t size) {
    std::size_t written = 0;
    ERR_clear_error();
    // The BIO takes everything: a record is written whole.
    const bool done = SSL_write_ex(ssl_.get(), data, size, &written) == 1 && written == size;
    if (done) taken += size;
    return done;
  };
  for (const iovec& piece : pieces) {
    const char* data = static_cast<const char*>(piece.iov_base);
    std::size_t left = piece.iov_len;
    while (left > 0) {
      if (taken + staged >= flush_bytes_max) break;
      std::size_t size = std::min(left, record_bytes - staged);
      if (staged == 0 && size == record_bytes) {
        if (!put(data, size)) return false;
      } else {
        std::memcpy(staging.data() + staged, data, size);
        staged += size;
        if (staged == record_bytes) {
          if (!put(staging.data(), std::exchange(staged, 0))) return false;
        }
      }
      data += size;
      left -= size;
    }
  }
  return staged == 0 || put(staging.data(), staged);
}

IoResult TlsStream::write(std::span<const iovec> pieces) {
  if (!unsent_.empty() || pieces.empty() || state_ != State::open) {
    if (const IoResult sent = send(); sent.state != IoState::ok) return sent;
  }
  if (pieces.empty() || state_ == State::handshake) return {};
  // Behind what the core answers came something that has ended the connection: the next `read` says
  // so, and there is nobody left for the answer.
  if (state_ != State::open) return {IoState::ok, size_of_pieces(pieces)};
  unsent_.swap(spare_buffer());
  std::size_t taken = 0;
  const bool encrypted = encrypt(pieces, taken);
  ERR_clear_error();
  if (!encrypted) return {IoState::failed, 0};
  const iovec piece{unsent_.data(), unsent_.size()};
  const IoResult sent = below().write(std::span(&piece, 1));
  if (sent.size == unsent_.size()) {
    unsent_.clear();
    unsent_.swap(spare_buffer());
  } else {
    unsent_.erase(0, sent.size);
  }
  return {sent.state, taken};
}

IoResult TlsStream::finish() {
  if (state_ == State::open) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    state_ = State::finished;
  }
  if (const IoResult sent = send(); sent.state != IoState::ok) return sent;
  return below().finish();
}

void TlsStream::describe(core::Peer& peer) const {
  below().describe(peer);
  peer.tls = tls_;
}

Refusal TlsStream::refusal() const {
  if (why_ == nullptr) return below().refusal();
  return {"tls", *why_};
}

}  // namespace lineshaft::net
