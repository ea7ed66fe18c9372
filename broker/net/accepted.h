#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "broker/core/input.h"
#include "broker/net/address_table.h"
#include "broker/net/byte_stream.h"

namespace lineshaft::net {

/// One place of a listener's `connections_max` and of its address's, given back when the connection
/// is gone.
class ListenerUse {
 public:
  ListenerUse() = default;
  explicit ListenerUse(std::atomic<std::size_t>& open, std::unique_ptr<AddressUse> address = {})
      : open_(&open), address_(std::move(address)) {
    open.fetch_add(1, std::memory_order_relaxed);
  }
  ListenerUse(ListenerUse&& other) noexcept
      : open_(std::exchange(other.open_, nullptr)), address_(std::move(other.address_)) {}
  ListenerUse& operator=(ListenerUse&& other) noexcept {
    std::swap(open_, other.open_);
    std::swap(address_, other.address_);
    return *this;
  }
  ~ListenerUse() {
    if (open_ != nullptr) open_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::size_t>* open_ = nullptr;
  /// Null where single addresses are not limited.
  std::unique_ptr<AddressUse> address_;
};

/// An open socket without a wait in any io_context; closes it unless somebody takes it.
class OwnedSocket {
 public:
  explicit OwnedSocket(int socket) : socket_(socket) {}
  OwnedSocket(OwnedSocket&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  OwnedSocket& operator=(OwnedSocket&& other) noexcept {
    std::swap(socket_, other.socket_);
    return *this;
  }
  ~OwnedSocket();

  int get() const { return socket_; }
  int release() { return std::exchange(socket_, -1); }

 private:
  int socket_;
};

/// A client that has just come, on its way from the acceptor to its shard. The socket does not
/// block; `layers` are its listener's and outlive the shards.
struct Accepted {
  OwnedSocket socket;
  std::shared_ptr<const core::Peer> peer;
  ListenerUse use;
  const Layers& layers;
};

}  // namespace lineshaft::net
