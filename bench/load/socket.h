#pragma once

#include <openssl/types.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace lineshaft::load {

/// What the clients need to speak TLS; null for plain TCP.
class TlsSettings {
 public:
  /// Ends the process when a file cannot be used. `certificate` and `key` may be empty.
  TlsSettings(const std::string& ca, const std::string& certificate, const std::string& key);
  ~TlsSettings();
  TlsSettings(const TlsSettings&) = delete;
  TlsSettings& operator=(const TlsSettings&) = delete;

  SSL_CTX* context() const { return context_; }

 private:
  SSL_CTX* context_;
};

/// A socket that does not block, plain or with TLS. Sizes and errno are those of `recv` and `send`;
/// a handshake goes on inside both.
class Socket {
 public:
  Socket() = default;
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void open(int fd, const TlsSettings* tls);
  void close();
  int fd() const { return fd_; }

  ssize_t receive(std::span<std::uint8_t> into);
  ssize_t send(std::span<const std::uint8_t> data);
  /// The last `send` waits for the peer's handshake and not for room in the socket.
  bool waits_for_peer() const;

 private:
  int fd_ = -1;
  SSL* ssl_ = nullptr;
};

}  // namespace lineshaft::load
