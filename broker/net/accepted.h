#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>
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
  explicit ListenerUse(std::atomic<std::size_t>& open) : open_(&open) {
    open.fetch_add(1, std::memory_order_relaxed);
  }
  ListenerUse(ListenerUse&& other) noexcept
      : open_(std::exchange(other.open_, nullptr)),
        address_(std::move(other.address_)),
        table_(std::move(other.table_)) {}
  ListenerUse& operator=(ListenerUse&& other) noexcept {
    std::swap(open_, other.open_);
    std::swap(address_, other.address_);
    std::swap(table_, other.table_);
    return *this;
  }
  ~ListenerUse() {
    if (open_ != nullptr) open_->fetch_sub(1, std::memory_order_relaxed);
  }

  /// It is to be counted as one of its address, which is perhaps known only later.
  void await_address(std::shared_ptr<AddressTable> table) { table_ = std::move(table); }
  bool awaits_address() const { return table_ != nullptr; }
  /// Counts it as one of `address` ("192.0.2.7:40312") for as long as it lives, once. False: the
  /// client is refused, which is counted and logged.
  bool count_address(std::string_view listener, std::string_view address, Instant now);

 private:
  std::atomic<std::size_t>* open_ = nullptr;
  /// Null where single addresses are not limited.
  std::unique_ptr<AddressUse> address_;
  /// Null unless the address is still to be counted.
  std::shared_ptr<AddressTable> table_;
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
  /// The listener's place among all.
  std::size_t listener = 0;
};

}  // namespace lineshaft::net
