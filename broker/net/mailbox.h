#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "broker/core/effects.h"
#include "broker/net/push_list.h"

namespace lineshaft::net {

/// Effects on their way to one shard, in decision order.
///
/// Turns put (one at a time, whichever thread runs them), the shard's thread takes. Bytes are
/// counted: above `limits::mailbox_bytes_max` shards stop reading, and QoS 0 is not put any more.
class Mailbox {
 public:
  struct Letter {
    core::ShardEffects effects;
    /// Estimated, messages included.
    std::size_t size_bytes = 0;
    /// Deliveries of QoS 0 left out because the mailbox was above its mark.
    std::size_t dropped_size = 0;
    Letter* next = nullptr;
  };

  Mailbox() = default;
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Takes the content of `effects`, which is empty afterwards and keeps memory to be used again.
  void put(core::ShardEffects& effects);

  /// Everything put so far, oldest first, linked by `next`; each goes back through `give_back`.
  Letter* take_all() { return letters_.take_all(); }
  void give_back(Letter* letter);

  bool empty() const { return letters_.empty(); }
  /// Above the mark: the shard does not keep up.
  bool congested() const;

 private:
  PushList<Letter> letters_;
  /// One letter to be used again, so that a steady stream allocates nothing.
  std::atomic<Letter*> spare_{nullptr};
  std::atomic<std::size_t> size_bytes_{0};
};

}  // namespace lineshaft::net
