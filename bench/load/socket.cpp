#include "bench/load/socket.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "bench/load/options.h"

namespace lineshaft::load {
namespace {

/// What `SSL_read` and `SSL_write` did, in the words of `recv` and `send`.
ssize_t result_of(SSL* ssl, int result, std::size_t size) {
  if (result == 1) return static_cast<ssize_t>(size);
  const int error = SSL_get_error(ssl, result);
  ERR_clear_error();
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  const bool waits = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  errno = waits ? EAGAIN : EPROTO;
  return -1;
}

}  // namespace

TlsSettings::TlsSettings(const std::string& ca, const std::string& certificate,
                         const std::string& key)
    : context_(SSL_CTX_new(TLS_client_method())) {
  bool good = SSL_CTX_load_verify_file(context_, ca.c_str()) == 1;
  if (!certificate.empty()) {
    good = good && SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) == 1 &&
           SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) == 1;
  }
  if (!good) fail(exit_usage, "options --tls, --cert, --key: a file cannot be used");
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context_, 1);
}

TlsSettings::~TlsSettings() { SSL_CTX_free(context_); }

void Socket::open(int fd, const TlsSettings* tls) {
  close();
  fd_ = fd;
  if (tls == nullptr) return;
  ssl_ = SSL_new(tls->context());
  SSL_set_fd(ssl_, fd);
  SSL_set_connect_state(ssl_);
}

void Socket::close() {
  SSL_free(ssl_);
  ssl_ = nullptr;
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

ssize_t Socket::receive(std::span<std::uint8_t> into) {
  if (ssl_ == nullptr) return ::recv(fd_, into.data(), into.size(), 0);
  // As much as there is: what stays inside is not announced again.
  std::size_t size = 0;
  while (size < into.size()) {
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_, into.data() + size, into.size() - size, &got);
    if (result != 1) return size > 0 ? static_cast<ssize_t>(size) : result_of(ssl_, result, 0);
    size += got;
  }
  return static_cast<ssize_t>(size);
}

ssize_t Socket::send(std::span<const std::uint8_t> data) {
  if (ssl_ == nullptr) return ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
  std::size_t size = 0;
  const int result = SSL_write_ex(ssl_, data.data(), data.size(), &size);
  return result_of(ssl_, result, size);
}

bool Socket::waits_for_peer() const { return ssl_ != nullptr && SSL_want_read(ssl_); }

}  // namespace lineshaft::load
