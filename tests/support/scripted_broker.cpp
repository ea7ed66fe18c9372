#include "tests/support/scripted_broker.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "broker/core/core.h"

namespace lineshaft::test {
namespace {

constexpr std::uint64_t seed = 20'240'501;

}  // namespace

std::string cut_packet(std::string& bytes) {
  std::size_t size = 0;
  for (std::size_t i = 1; i < bytes.size() && i < 5; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    size |= std::size_t{byte & 0x7FU} << (7 * (i - 1));
    if ((byte & 0x80U) != 0) continue;
    if (bytes.size() < i + 1 + size) return {};
    std::string packet = bytes.substr(0, i + 1 + size);
    bytes.erase(0, packet.size());
    return packet;
  }
  return {};
}

ScriptedBroker::ScriptedBroker(core::CoreConfig config)
    : config_(std::move(config)),
      peer_(std::make_shared<core::Peer>(core::Peer{"test", "127.0.0.1:40312"})) {
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets_) != 0) {
    throw std::runtime_error("no socket pair");
  }
  core_ = std::make_unique<core::Core>(config_, 1, seed);
}

ScriptedBroker::~ScriptedBroker() {
  ::close(sockets_[0]);
  ::close(sockets_[1]);
}

ScriptedBroker::Pipe& ScriptedBroker::open_pipe() {
  mqtt::DecoderLimits limits{config_.packet_size_bytes_max, config_.connect_size_bytes_max,
                             config_.topic_alias_in_max, config_.user_properties_max};
  limits.topic = {config_.topic_size_bytes_max, config_.topic_levels_max};
  const auto slot = static_cast<std::uint32_t>(pipes_.size());
  pipes_.push_back(std::make_unique<Pipe>(limits, arena_));
  pipes_.back()->id = {0, slot, 1};
  return *pipes_.back();
}

void ScriptedBroker::feed(Pipe& pipe, std::string_view bytes) {
  if (pipe.closed_by_broker || pipe.closed_by_client) return;
  std::vector<mqtt::Packet> packets;
  pipe.decoder.feed(bytes, packets);
  if (packets.empty()) return;
  const bool proves =
      pipe.login || std::holds_alternative<std::unique_ptr<mqtt::ConnectPacket>>(packets.front());
  if (!pipe.known_to_core && authenticator_ != nullptr && proves) {
    return log_in(pipe, std::move(packets));
  }
  if (!std::exchange(pipe.known_to_core, true)) run(core::ConnectionOpened{pipe.id, peer_});
  run(core::PacketsArrived{pipe.id, std::move(packets)});
}

void ScriptedBroker::lose(Pipe& pipe) {
  if (pipe.closed_by_broker || std::exchange(pipe.closed_by_client, true)) return;
  if (pipe.known_to_core) run(core::ConnectionLost{pipe.id, core::LostBecause::network_error});
}

void ScriptedBroker::run(core::Input input) {
  inputs_.push_back(std::move(input));
  while (!inputs_.empty()) {
    core::Input next = std::move(inputs_.front());
    inputs_.pop_front();
    core_->apply(now_, std::move(next), effects_);
    take_effects();
  }
  answer_logins();
}

void ScriptedBroker::take_effects() {
  const core::ShardEffects& shard = effects_.shards[0];
  for (const core::Effect& effect : shard.list) {
    if (const auto* deliver = std::get_if<core::Deliver>(&effect)) {
      for (const core::Recipient& recipient : shard.recipients_of(*deliver)) {
        pipe_of(recipient.connection)
            .outbox.publish(*deliver, recipient, shard.identifiers_of(recipient), nullptr,
                            limits::outbox_bytes_max, totals_);
      }
    } else if (const auto* acknowledge = std::get_if<core::Acknowledge>(&effect)) {
      pipe_of(acknowledge->connection).outbox.packet(acknowledge->packet, totals_);
    } else if (const auto* configure = std::get_if<core::Configure>(&effect)) {
      pipe_of(configure->connection).outbox.configure(*configure);
    } else if (const auto* close = std::get_if<core::Close>(&effect)) {
      pipe_of(close->connection).closed_by_broker = true;
    } else if (const auto* reading = std::get_if<core::SetReading>(&effect)) {
      pipe_of(reading->connection).reading_paused = reading->paused;
    } else if (const auto* await = std::get_if<core::AwaitDrain>(&effect)) {
      if (holds_drains_) continue;
      inputs_.push_back(core::OutboxDrained{pipe_of(await->connection).id});
    } else if (const auto* ask = std::get_if<core::Authenticate>(&effect)) {
      authenticate(*ask);
    } else if (const auto* discard = std::get_if<core::Discard>(&effect)) {
      pipe_of(discard->connection).outbox.discard();
    } else if (const auto* fence = std::get_if<core::Fence>(&effect)) {
      inputs_.push_back(core::FencePassed{fence->number});
    }
  }
  for (const auto& pipe : pipes_) drain(*pipe);
  if (effects_.persist) {
    store_.persist(std::move(*effects_.persist), now_.wall);
    if (!holds_commits_) {
      inputs_.push_back(
          core::StoreCommitted{core::StoreSource::journal, store_.commit(store_.waiting())});
    }
  }
  for (const core::LoadQueue& load : effects_.loads) loads_.push_back(load);
  for (core::Reply& reply : effects_.replies) replies_.push_back(std::move(reply));
  if (!holds_loads_) push_loads(false);
  if (effects_.again) inputs_.push_back(core::TimeAdvanced{});
  effects_.clear();
}

void ScriptedBroker::drain(Pipe& pipe) {
  if (pipe.outbox.empty()) return;
  std::array<char, 65536> buffer;
  while (!pipe.outbox.empty()) {
    pipe.outbox.flush(sockets_[0], totals_);
    const ssize_t size = ::recv(sockets_[1], buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0) throw std::runtime_error("the socket pair does not take bytes");
    if (!pipe.closed_by_client) pipe.received.append(buffer.data(), static_cast<std::size_t>(size));
  }
  for (;;) {
    const ssize_t size = ::recv(sockets_[1], buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0) return;
    if (!pipe.closed_by_client) pipe.received.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

void ScriptedBroker::let_pass(Milliseconds time) {
  now_.steady += time;
  now_.wall += time;
}

void ScriptedBroker::after(Milliseconds time) {
  let_pass(time);
  run(core::TimeAdvanced{});
}

void ScriptedBroker::commit(std::size_t count) {
  const std::uint64_t seq = store_.commit(count);
  if (seq != 0) run(core::StoreCommitted{core::StoreSource::journal, seq});
}

void ScriptedBroker::push_loads(bool failed) {
  for (const core::LoadQueue& load : std::exchange(loads_, {})) {
    core::QueueLoaded loaded = store_.load(load);
    loaded.failed = failed;
    if (failed) loaded.entries.clear();
    inputs_.push_back(std::move(loaded));
  }
}

void ScriptedBroker::answer_loads(bool failed) {
  push_loads(failed);
  run(core::TimeAdvanced{});
}

void ScriptedBroker::store_accepts_writes(bool accepts) {
  run(core::StoreStateChanged{accepts, ReasonCode::quota_exceeded, false});
}

void ScriptedBroker::crash() {
  store_.crash();
  store_.crashed();
  start();
}

void ScriptedBroker::restart(Milliseconds away) {
  run(core::Request{1, core::DrainRequest{}});
  commit();
  store_.stopped(now_.wall);
  let_pass(away);
  start();
}

void ScriptedBroker::start() {
  for (const auto& pipe : pipes_) pipe->closed_by_broker = true;
  inputs_.clear();
  loads_.clear();
  core_ = std::make_unique<core::Core>(config_, 1, seed + 1, interceptor_);
  if (make_extension_) core_->add_extension(make_extension_());
  for (core::Change& change : store_.records()) {
    if (!core_->restore(now_, std::move(change))) throw std::logic_error("a record was refused");
  }
  core_->restored(now_, store_.summary(), effects_);
  take_effects();
  run(core::TimeAdvanced{});
}

core::Statistics ScriptedBroker::statistics() const { return core_->statistics(); }

void ScriptedBroker::request(core::Request request) { run(std::move(request)); }

void ScriptedBroker::reconfigure(core::CoreConfig config) {
  config_ = config;
  run(core::Reconfigured{std::move(config)});
}

}  // namespace lineshaft::test
