#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "broker/base/time.h"
#include "broker/core/core.h"
#include "broker/core/store.h"
#include "broker/net/mailbox.h"
#include "broker/net/push_list.h"

namespace lineshaft::net {

/// What a turn drives: the core, or a test's stand-in. One call per input, not per packet.
class Machine {
 public:
  virtual ~Machine() = default;
  virtual void apply(Now now, core::Input&& input, core::Effects& effects) = 0;
};

class CoreMachine final : public Machine {
 public:
  explicit CoreMachine(core::Core& core) : core_(core) {}
  void apply(Now now, core::Input&& input, core::Effects& effects) override {
    core_.apply(now, std::move(input), effects);
  }

 private:
  core::Core& core_;
};

/// A shard as the turn sees it.
class TurnShard {
 public:
  virtual ~TurnShard() = default;
  /// Makes its loop go round once more: look at the mailbox, run the turn. From any thread; cheap
  /// when it is already on its way.
  virtual void wake() = 0;
  virtual Mailbox& mailbox() = 0;
};

/// Runs the core, one thread at a time, without a lock.
///
/// All inputs stand in one FIFO. A shard that submits while the core is idle runs it right there;
/// while another shard is in it, that one takes the batch too. Only shards run turns; other
/// threads push and wake shard 0. With one shard a turn is a plain call. Effects are put into the
/// shards' mailboxes inside the turn, so that their order is the order of decisions.
class Turn final : public core::InputSink {
 public:
  /// `store` may be null: nothing is persisted. `shards_size` as given to the core.
  Turn(Machine& machine, Clock& clock, core::Store* store, std::size_t shards_size);
  ~Turn() override;

  /// Before the first input: shards in their order, and who gets replies (called inside the turn,
  /// on whichever shard runs it; must not block).
  void add_shard(TurnShard& shard);
  void set_reply_handler(std::function<void(core::Reply)> handler);
  void set_store(core::Store* store) { store_ = store; }

  /// Any thread; never blocks. Wakes shard 0.
  void submit(core::Input input) override;

  /// A shard's thread only: submits `batch` (left empty) and runs the core if it is idle and
  /// anything waits.
  void run(std::size_t shard, std::vector<core::Input>& batch);

  /// Hands effects that come from elsewhere (`Core::restored`) to store and shards. Before the
  /// first input only.
  void distribute(core::Effects& effects);

  /// Number the shard's next batch will have, from 1 on; that shard's thread only.
  std::uint32_t next_batch(std::size_t shard) const { return ports_[shard]->submitted + 1; }
  /// The newest of the shard's batches whose effects are in the mailboxes.
  std::uint32_t applied(std::size_t shard) const {
    return ports_[shard]->applied.load(std::memory_order_seq_cst);
  }
  /// The shard wants to be woken when `applied` grows; it looks again after this call.
  void await_applied(std::size_t shard) {
    ports_[shard]->waits.store(true, std::memory_order_seq_cst);
  }
  /// Some shard does not keep up: nobody should read meanwhile.
  bool congested() const;

  /// Batches a runner takes before it returns to its sockets.
  static constexpr std::size_t batches_per_run_max = 64;

 private:
  static constexpr std::size_t no_shard = static_cast<std::size_t>(-1);

  struct Batch {
    std::vector<core::Input> inputs;
    std::size_t shard = no_shard;
    std::uint32_t number = 0;
    Batch* next = nullptr;
  };
  /// On a cache line of its own: each shard polls its own numbers.
  struct alignas(64) Port {
    explicit Port(TurnShard& s) : shard(s) {}
    TurnShard& shard;
    std::uint32_t submitted = 0;
    std::atomic<std::uint32_t> applied{0};
    std::atomic<bool> waits{false};
  };

  bool has_work() const { return left_over_.load(std::memory_order_seq_cst) || !queue_.empty(); }
  /// One pass with the core held. Returns the batches taken.
  std::size_t pass(std::size_t runner, std::size_t batches_max, std::vector<core::Input>* own);
  void apply(Now now, std::vector<core::Input>& inputs);
  void hand_out(core::Effects& effects, std::size_t runner);
  void note_applied(const Batch& batch, std::size_t runner);

  Machine& machine_;
  Clock& clock_;
  core::Store* store_;
  std::function<void(core::Reply)> reply_handler_;
  std::vector<std::unique_ptr<Port>> ports_;

  PushList<Batch> queue_;
  std::atomic<bool> running_{false};
  /// True while `taken_` is not empty: other threads must not look into that one.
  std::atomic<bool> left_over_{false};
  /// The core wants to go on with a long work once the sockets had their turn.
  std::atomic<bool> again_{false};

  // Touched by the thread that holds `running_` only.
  Batch* taken_ = nullptr;
  core::Effects effects_;
};

}  // namespace lineshaft::net
