#include <algorithm>
#include <utility>

#include "tests/sim/world.h"

namespace lineshaft::sim {

bool World::answer_commit() {
  if (settings_.fault == Fault::answer_before_write && journal.waiting() > 0) {
    submit(core::StoreCommitted{core::StoreSource::journal, journal.latest().last_seq});
    return true;
  }
  if (journal.answers.empty()) return false;
  // The newest one first, the older ones late: they must not undo it.
  std::size_t which = 0;
  if (chance_.one_in(8)) which = chance_.below(journal.answers.size());
  const std::uint64_t seq = journal.answers[which];
  journal.answers.erase(journal.answers.begin() + static_cast<std::ptrdiff_t>(which));
  if (settings_.trace) note(fmt::format("-- committed {}", seq & 0xFFFFF));
  submit(core::StoreCommitted{core::StoreSource::journal, seq});
  return true;
}

bool World::answer_load() {
  if (journal.loads.empty()) return false;
  const core::LoadQueue request = journal.loads.front();
  journal.loads.pop_front();
  core::QueueLoaded loaded = journal.page(request);
  if (settings_.trace) {
    note(fmt::format("-- page of {}: {} entries", request.sid, loaded.entries.size()));
  }
  if (settings_.fault == Fault::page_with_a_hole && !loaded.entries.empty()) {
    loaded.entries.erase(loaded.entries.begin());
  }
  if (chance_.one_in(16)) {
    loaded.entries.clear();
    loaded.failed = true;
  }
  submit(std::move(loaded));
  return true;
}

void World::commit() {
  for (int round = 0; round < 64 && (journal.waiting() > 0 || !journal.answers.empty()); ++round) {
    journal.write(journal.waiting());
    journal.sync();
    while (!journal.answers.empty()) {
      const std::uint64_t seq = journal.answers.front();
      journal.answers.pop_front();
      submit(core::StoreCommitted{core::StoreSource::journal, seq});
    }
  }
}

void World::store_state(bool accepts, bool overloaded) {
  core::StoreStateChanged state;
  state.accepts_writes = accepts;
  state.refusal = ReasonCode::quota_exceeded;
  state.overloaded = overloaded;
  if (settings_.trace) note(fmt::format("-- store accepts {} overloaded {}", accepts, overloaded));
  submit(state);
}

void World::damage() {
  StoredState& state = journal.damage();
  switch (settings_.fault) {
    case Fault::lose_queue_record:
      for (auto at = state.queue.begin(); at != state.queue.end(); ++at) {
        const auto sid = at->first.first;
        const auto seq = at->first.second;
        std::erase_if(state.inflight, [&](const auto& flight) {
          return flight.second.sid == sid && flight.second.seq == seq &&
                 flight.second.direction == core::Direction::out;
        });
        state.queue.erase(at);
        break;
      }
      break;
    case Fault::forget_dedupe:
      std::erase_if(state.inflight, [](const auto& flight) {
        return flight.second.direction == core::Direction::in;
      });
      break;
    case Fault::lose_retained:
      if (!state.retained.empty()) state.retained.erase(state.retained.begin());
      break;
    case Fault::lose_will:
      if (!state.wills.empty()) state.wills.erase(state.wills.begin());
      break;
    default:
      return;
  }
}

void World::crash(Milliseconds downtime) {
  if (settings_.trace) note("== crash");
  core_.reset();
  journal.crash(chance_);
  start_again(downtime, false);
}

void World::drain() {
  if (settings_.trace) note("== drain");
  drain_done_ = false;
  model_->draining();
  submit(core::Request{++requests_, core::DrainRequest{}});
  for (int round = 0; round < 1000 && !drain_done_; ++round) {
    commit();
    while (answer_load()) {
    }
    // The outboxes go on sending while the broker stops.
    const std::vector<int> pipes = live_;
    for (const int index : pipes) drained(index);
    if (again_) submit(core::TimeAdvanced{});
  }
  if (!drain_done_) violated(Invariant::answers_in_order, "the broker never came to an end");
}

void World::start_again(Milliseconds downtime, bool clean) {
  core_.reset();
  const WallTime stopped_at = now_.wall;
  if (clean) journal.close();
  damage();
  journal.reload();
  for (const int index : std::vector<int>(live_)) {
    pipe(index).cut = true;
    bury(index);
  }
  held_back_.reset();
  for (auto& slots : slots_) slots.clear();
  wait(downtime);
  // The steady clock of a new process has nothing to do with the old one's.
  now_.steady = Instant{Milliseconds{500 + static_cast<std::int64_t>(chance_.below(100'000))}};
  make_core();
  model_->configure(settings_.config);
  model_->restarted(now_, clean, stopped_at);
  bool dropped = false;
  for (core::Change& record : journal.latest().records()) {
    if (settings_.fault == Fault::restore_incomplete && !dropped &&
        std::holds_alternative<core::SubscriptionRecord>(record)) {
      dropped = true;
      continue;
    }
    if (!core_->restore(now_, std::move(record))) {
      violated(Invariant::restored_same, "a record was refused at restore");
    }
  }
  check_restored(core_->statistics());
  const StoredState& state = journal.latest();
  begin_turn();
  core_->restored(now_, core::RestoreSummary{clean, stopped_at, state.last_seq, state.last_wall},
                  effects_);
  end_turn();
}

void World::check_restored(const core::Statistics& statistics) const {
  constexpr auto same = Invariant::restored_same;
  const StoredState& state = journal.latest();
  const auto check = [](const char* what, std::size_t is, std::size_t stored) {
    if (is != stored) violated(same, "{} {} after the restart, {} stored", is, what, stored);
  };
  // Those with expiry 0 are over, and end when their shared messages have moved.
  const auto kept = [&](core::SessionId sid) {
    return std::any_of(state.sessions.begin(), state.sessions.end(),
                       [&](const auto& entry) { return entry.second.sid == sid; });
  };
  const auto subscriptions =
      std::count_if(state.subscriptions.begin(), state.subscriptions.end(),
                    [&](const auto& entry) { return kept(entry.first.first); });
  const auto queued = std::count_if(state.queue.begin(), state.queue.end(),
                                    [&](const auto& entry) { return kept(entry.first.first); });
  check("retained", statistics.retained, state.retained.size());
  check("subscriptions", statistics.subscriptions, static_cast<std::size_t>(subscriptions));
  check("queued messages", statistics.queued, static_cast<std::size_t>(queued));
  check("wills", statistics.wills, state.wills.size());
}

// --- injected bugs -------------------------------------------------------------------------------

void World::inject_swap(std::vector<Out>& outs) {
  const auto stream = [&](const Out& out) {
    const Sent& sent = registry_[static_cast<std::size_t>(out.frame.message)];
    return std::tuple{out.pipe, sent.publisher, sent.topic, sent.qos, out.frame.qos};
  };
  for (std::size_t i = 0; i < outs.size() && !fault_done_; ++i) {
    Out& out = outs[i];
    if (out.kind == Out::Kind::close) held_back_.reset();
    if (out.kind != Out::Kind::frame || out.frame.type != mqtt::PacketType::publish ||
        out.frame.message < 0 || out.frame.retain || out.frame.dup) {
      continue;
    }
    if (!held_back_) {
      held_back_ = std::move(out);
      outs.erase(outs.begin() + static_cast<std::ptrdiff_t>(i--));
    } else if (stream(*held_back_) == stream(out)) {
      outs.insert(outs.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(*held_back_));
      held_back_.reset();
      fault_done_ = true;
    }
  }
}

void World::inject_share(std::vector<Out>& outs) {
  const std::size_t size = outs.size();
  for (std::size_t i = 0; i < size && !fault_done_; ++i) {
    if (outs[i].kind != Out::Kind::frame || outs[i].frame.type != mqtt::PacketType::publish ||
        outs[i].frame.message < 0) {
      continue;
    }
    const Sent& sent = registry_[static_cast<std::size_t>(outs[i].frame.message)];
    if (sent.topic.rfind("s/", 0) != 0) continue;
    for (const int index : live_) {
      if (pipe(index).client == pipe(outs[i].pipe).client || !model_->connected(index)) continue;
      const Life* life = model_->life_of_client(pipe(index).client);
      const bool member = life != nullptr && life->connection == index &&
                          model_->connection(index).connack_sent &&
                          std::any_of(life->filters.begin(), life->filters.end(),
                                      [](const auto& f) { return is_shared(f.first); });
      if (!member) continue;
      Out twin = outs[i];
      twin.pipe = index;
      twin.frame.qos = QoS::at_most_once;
      twin.frame.packet_id = 0;
      outs.push_back(std::move(twin));
      fault_done_ = true;
      break;
    }
  }
}

void World::inject(std::vector<Out>& outs) {
  if (settings_.fault == Fault::swap_deliveries) return inject_swap(outs);
  if (settings_.fault == Fault::share_twice) return inject_share(outs);
  for (std::size_t i = 0; i < outs.size() && !fault_done_; ++i) {
    Out& out = outs[i];
    if (out.kind != Out::Kind::frame) continue;
    const bool publish = out.frame.type == mqtt::PacketType::publish;
    switch (settings_.fault) {
      case Fault::flip_session_present:
        if (out.frame.type != mqtt::PacketType::connack) break;
        out.frame.session_present = !out.frame.session_present;
        fault_done_ = true;
        break;
      case Fault::lose_replay:
        if (!publish || !out.frame.retain || out.frame.qos != QoS::at_most_once) break;
        outs.erase(outs.begin() + static_cast<std::ptrdiff_t>(i));
        return;
      case Fault::answers_out_of_order: {
        const auto next = i + 1;
        const bool both = next < outs.size() && outs[next].kind == Out::Kind::frame &&
                          outs[next].pipe == out.pipe && !publish &&
                          outs[next].frame.type != mqtt::PacketType::publish &&
                          outs[next].frame.type != mqtt::PacketType::disconnect;
        if (!both) break;
        std::swap(outs[i], outs[next]);
        fault_done_ = true;
        break;
      }
      default:
        return;
    }
  }
}

}  // namespace lineshaft::sim
