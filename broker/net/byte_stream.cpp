#include "broker/net/byte_stream.h"

#include <sys/socket.h>

#include <cerrno>

namespace lineshaft::net {

ssize_t send_pieces(int socket, std::span<const iovec> pieces) {
  constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
  // The usual case, and the kernel's shorter way.
  if (pieces.size() == 1) return ::send(socket, pieces[0].iov_base, pieces[0].iov_len, flags);
  msghdr message{};
  // sendmsg only reads, but msghdr has no const.
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  return ::sendmsg(socket, &message, flags);
}

std::unique_ptr<ByteStream> make_stream(const Layers& layers, int socket, const core::Peer& peer,
                                        const AddressCheck& check) {
  if (layers.empty()) return nullptr;
  std::unique_ptr<ByteStream> stream = std::make_unique<SocketStream>(socket);
  for (const auto& factory : layers) stream = factory->wrap(std::move(stream), peer, check);
  return stream;
}

IoResult SocketStream::read(std::span<char> into) {
  ssize_t size = 0;
  do {
    size = ::recv(socket_, into.data(), into.size(), MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size > 0) {
    received_bytes_ += static_cast<std::size_t>(size);
    return {IoState::ok, static_cast<std::size_t>(size)};
  }
  if (size == 0) return {IoState::ended, 0};
  const bool nothing = errno == EAGAIN || errno == EWOULDBLOCK;
  return {nothing ? IoState::blocked : IoState::failed, 0};
}

IoResult SocketStream::write(std::span<const iovec> pieces) {
  std::size_t offered = 0;
  for (const iovec& piece : pieces) offered += piece.iov_len;
  if (offered == 0) return {};
  ssize_t size = 0;
  do {
    size = send_pieces(socket_, pieces);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    const bool full = errno == EAGAIN || errno == EWOULDBLOCK;
    return {full ? IoState::blocked : IoState::failed, 0};
  }
  const auto taken = static_cast<std::size_t>(size);
  // It took less than it was offered: it is full, asking again only costs.
  return {taken < offered ? IoState::blocked : IoState::ok, taken};
}

}  // namespace lineshaft::net
