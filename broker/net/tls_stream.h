#pragma once

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "broker/net/byte_stream.h"
#include "broker/net/tls_context.h"

namespace lineshaft::net {

/// TLS, the server's side, as a layer.
///
/// OpenSSL reads through a BIO from the layer below and writes into a string of ours; what one
/// flush encrypts, in records of up to 16 KiB, leaves in one system call. OpenSSL's own buffers
/// are released whenever they are empty, and its `SSL` is made with the first bytes: a client that
/// says nothing costs a hundred bytes.
class TlsStream final : public Layer {
 public:
  TlsStream(std::unique_ptr<ByteStream> below, std::shared_ptr<const TlsContext> context)
      : Layer(std::move(below)), context_(std::move(context)) {}
  ~TlsStream() override;

  IoResult read(std::span<char> into) override;
  bool has_input() const override {
    return has_input_ || (after_ == IoState::ok && !drained_ && below().has_input());
  }
  IoResult write(std::span<const iovec> pieces) override;
  std::size_t unsent_bytes() const override { return unsent_.size() + below().unsent_bytes(); }
  IoResult finish() override;
  bool is_handshaking() const override { return state_ == State::handshake; }
  void describe(core::Peer& peer) const override;
  Refusal refusal() const override;

 private:
  enum class State : std::uint8_t { handshake, open, finished, refused };
  friend struct TlsBio;

  bool begin();
  /// After OpenSSL came to an end of what it can do: what that means for us.
  IoState judge(int result);
  IoState refuse();
  /// Of everything that comes from below: it may claim more than a handshake begins with.
  void look_at_first(std::span<const char> bytes);
  bool speaks_tls() const { return first_size_ == 0 || first_[0] == 0x16; }
  void handshake_done();
  IoResult send();
  /// Encrypts from the front of `pieces`; false when OpenSSL has failed.
  bool encrypt(std::span<const iovec> pieces, std::size_t& taken);

  TlsPtr<SSL> ssl_;
  /// Needed for the handshake only.
  std::shared_ptr<const TlsContext> context_;
  std::shared_ptr<const core::PeerTls> tls_;
  std::unique_ptr<std::string> why_;
  /// Records that the layer below has not taken.
  std::string unsent_;
  State state_ = State::handshake;
  /// What stops the next `read`, found while there was still something to return.
  IoState after_ = IoState::ok;
  IoState below_state_ = IoState::ok;
  /// The layer below has given all it has for now.
  bool drained_ = false;
  bool has_input_ = false;
  /// Headers of the first record and message: type, version, length; type, length.
  std::array<unsigned char, 9> first_{};
  std::uint8_t first_size_ = 0;
  /// Bytes from below since `read` was called, and since the beginning; both start again with data.
  std::uint32_t looked_at_ = 0;
  std::uint32_t without_data_ = 0;
  /// A rule of ours that the peer broke; static storage.
  const char* broken_ = nullptr;
};

}  // namespace lineshaft::net
