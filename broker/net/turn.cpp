#include "broker/net/turn.h"

#include <algorithm>

#include "broker/base/assert.h"

namespace lineshaft::net {

Turn::Turn(Machine& machine, Clock& clock, core::Store* store, std::size_t shards_size)
    : machine_(machine), clock_(clock), store_(store), effects_(shards_size) {}

Turn::~Turn() { PushList<Batch>::destroy(taken_); }

void Turn::add_shard(TurnShard& shard) {
  LINESHAFT_ASSERT(ports_.size() < effects_.shards.size());
  ports_.push_back(std::make_unique<Port>(shard));
}

void Turn::set_reply_handler(std::function<void(core::Reply)> handler) {
  reply_handler_ = std::move(handler);
}

void Turn::submit(core::Input input) {
  auto* const batch = new Batch;
  batch->inputs.push_back(std::move(input));
  if (queue_.push(batch)) ports_.front()->shard.wake();
}

void Turn::run(std::size_t shard, std::vector<core::Input>& batch) {
  Port& port = *ports_[shard];
  if (again_.load(std::memory_order_relaxed) && again_.exchange(false)) {
    batch.push_back(core::TimeAdvanced{});
  }
  if (ports_.size() == 1) {
    // The only thread that ever comes here: nothing to take, nobody to tell.
    if (batch.empty() && !has_work()) return;
    if (!batch.empty()) ++port.submitted;
    pass(shard, batches_per_run_max, &batch);
    if (left_over_.load(std::memory_order_relaxed)) port.shard.wake();
    return;
  }
  if (!batch.empty()) {
    queue_.push(new Batch{std::move(batch), shard, ++port.submitted, nullptr});
    batch.clear();
  }
  std::size_t left = batches_per_run_max;
  while (has_work()) {
    // Whoever is inside looks at the queue once more after it has left: our batch is safe there.
    if (running_.exchange(true, std::memory_order_seq_cst)) return;
    left -= pass(shard, left, nullptr);
    running_.store(false, std::memory_order_seq_cst);
    if (left == 0) {
      // Our sockets must not starve: come back after a look at them.
      if (has_work()) port.shard.wake();
      return;
    }
  }
}

std::size_t Turn::pass(std::size_t runner, std::size_t batches_max, std::vector<core::Input>* own) {
  if (taken_ == nullptr) taken_ = queue_.take_all();
  const Now now = clock_.now();
  Batch* done = nullptr;
  Batch** done_end = &done;
  std::size_t size = 0;
  while (taken_ != nullptr && size < batches_max) {
    Batch* const batch = std::exchange(taken_, taken_->next);
    batch->next = nullptr;
    apply(now, batch->inputs);
    *done_end = batch;
    done_end = &batch->next;
    ++size;
  }
  if (own != nullptr) apply(now, *own);
  left_over_.store(taken_ != nullptr, std::memory_order_seq_cst);
  hand_out(effects_, runner);
  if (own != nullptr) ports_[runner]->applied.store(ports_[runner]->submitted);
  for (const Batch* batch = done; batch != nullptr; batch = batch->next) {
    note_applied(*batch, runner);
  }
  PushList<Batch>::destroy(done);
  return size;
}

void Turn::apply(Now now, std::vector<core::Input>& inputs) {
  for (core::Input& input : inputs) machine_.apply(now, std::move(input), effects_);
  inputs.clear();
}

void Turn::distribute(core::Effects& effects) { hand_out(effects, no_shard); }

void Turn::hand_out(core::Effects& effects, std::size_t runner) {
  if (effects.persist && store_ != nullptr) store_->persist(std::move(*effects.persist));
  effects.persist.reset();
  if (store_ != nullptr) {
    for (const core::LoadQueue& load : effects.loads) store_->load(load);
  }
  effects.loads.clear();
  for (std::size_t i = 0; i < effects.shards.size(); ++i) {
    if (effects.shards[i].list.empty()) continue;
    ports_[i]->shard.mailbox().put(effects.shards[i]);
    if (i != runner) ports_[i]->shard.wake();
  }
  if (reply_handler_) {
    for (core::Reply& reply : effects.replies) reply_handler_(std::move(reply));
  }
  effects.replies.clear();
  if (std::exchange(effects.again, false)) {
    again_.store(true);
    ports_[runner == no_shard ? 0 : runner]->shard.wake();
  }
}

void Turn::note_applied(const Batch& batch, std::size_t runner) {
  if (batch.shard == no_shard) return;
  Port& port = *ports_[batch.shard];
  port.applied.store(batch.number, std::memory_order_seq_cst);
  const bool waits = port.waits.exchange(false, std::memory_order_seq_cst);
  if (waits && batch.shard != runner) port.shard.wake();
}

bool Turn::congested() const {
  if (ports_.size() == 1) return false;
  return std::any_of(ports_.begin(), ports_.end(),
                     [](const auto& port) { return port->shard.mailbox().congested(); });
}

}  // namespace lineshaft::net
