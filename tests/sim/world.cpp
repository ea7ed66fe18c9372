#include "tests/sim/world.h"

#include <algorithm>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::sim {

namespace {

std::uint64_t counted_drops() { return counter_value(Counter::dropped_queue_full); }

std::string change_text(const core::Change& change) {
  static constexpr const char* names[] = {
      "session",    "-session",    "sub",     "-sub",     "queue",    "-queue",
      "inflight",   "-inflight",   "payload", "-payload", "retained", "-retained",
      "last-value", "-last-value", "will",    "-will",    "name",     "item",
      "-item"};
  std::string text = std::string(" ") + names[change.index()];
  if (const auto* entry = std::get_if<core::QueueRecord>(&change)) {
    text += fmt::format("({} m{} id{})", entry->seq, number_of(*entry->message), entry->packet_id);
  } else if (const auto* gone = std::get_if<core::QueueErase>(&change)) {
    text += fmt::format("({})", gone->seq);
  } else if (const auto* flight = std::get_if<core::InflightRecord>(&change)) {
    text += fmt::format("({} id{} of {})", flight->direction == core::Direction::in ? "in" : "out",
                        flight->packet_id, flight->seq);
  }
  return text;
}

std::string packet_text(const mqtt::Packet& packet) {
  static constexpr const char* names[] = {"PUBLISH",     "ACK",        "PINGREQ",   "PINGRESP",
                                          "CONNECT",     "CONNACK",    "SUBSCRIBE", "SUBACK",
                                          "UNSUBSCRIBE", "DISCONNECT", "AUTH",      "violation"};
  std::string text = names[packet.index()];
  if (const auto* p = std::get_if<mqtt::PublishPacket>(&packet)) {
    text += fmt::format(" m{} {} q{} id{}{}{}", number_of(*p->message), p->message->topic(),
                        static_cast<int>(p->message->qos()), p->packet_id, p->dup ? " dup" : "",
                        p->message->retain() ? " retain" : "");
    if (p->message->payload().empty()) text += " empty";
  } else if (const auto* a = std::get_if<mqtt::AckPacket>(&packet)) {
    text = fmt::format("ack{} {}", static_cast<int>(a->type), a->packet_id);
  } else if (const auto* c = std::get_if<std::unique_ptr<mqtt::ConnectPacket>>(&packet)) {
    text += fmt::format(" {} v{} clean{} expiry{} rm{}", (*c)->client_id,
                        static_cast<int>((*c)->version), (*c)->clean_start,
                        (*c)->session_expiry_interval_s, (*c)->receive_maximum);
    if ((*c)->will) {
      text += fmt::format(" will m{} delay{}", number_of(*(*c)->will->message),
                          (*c)->will->delay_interval_s);
    }
  } else if (const auto* s = std::get_if<std::unique_ptr<mqtt::SubscribePacket>>(&packet)) {
    for (const auto& item : (*s)->items) {
      text += fmt::format(" {} q{} rh{}{}", item.filter, static_cast<int>(item.options.qos),
                          item.options.retain_handling, item.options.no_local ? " nolocal" : "");
    }
  } else if (const auto* u = std::get_if<std::unique_ptr<mqtt::UnsubscribePacket>>(&packet)) {
    for (const auto& filter : (*u)->filters) text += " " + filter;
  } else if (const auto* d = std::get_if<std::unique_ptr<mqtt::DisconnectPacket>>(&packet)) {
    text += fmt::format(" {:02x}", static_cast<unsigned>((*d)->reason));
  }
  return text;
}

}  // namespace

World::World(const Settings& settings, Chance& chance)
    : settings_(settings),
      chance_(chance),
      now_{Instant{Milliseconds{1'000}}, WallTime{Milliseconds{1'700'000'000'000}}},
      effects_(settings.shards),
      cursors_(settings.shards, 0),
      recipients_seen_(settings.shards, 0),
      slots_(settings.shards) {
  log::set_level(log::Level::critical);
  model_ = std::make_unique<Model>(settings_.config, registry_, journal);
  registry_.emplace_back();  // number 0 names no message
  drops_at_start_ = counted_drops();
  make_core();
  begin_turn();
  core_->restored(now_, core::RestoreSummary{true, now_.wall, 0, now_.wall}, effects_);
  end_turn();
}

World::~World() = default;

void World::make_core() {
  core::CoreConfig config = settings_.config;
  if (settings_.fault == Fault::no_bound) config.queued_max *= 100;
  core_ = std::make_unique<core::Core>(config, settings_.shards, ++boots_);
}

std::uint64_t World::drops() const { return counted_drops() - drops_at_start_; }

void World::note(std::string line) {
  if (!settings_.trace) return;
  notes_.push_back(
      fmt::format("{:>9} {}", now_.wall.time_since_epoch().count() - 1'700'000'000'000, line));
  if (notes_.size() > 2000) notes_.pop_front();
}

void World::wait(Milliseconds duration) {
  now_.steady += duration;
  now_.wall += duration;
}

void World::pass(Milliseconds duration) {
  wait(duration);
  if (settings_.trace) note(fmt::format("-- time +{} ms", duration.count()));
  submit(core::TimeAdvanced{});
}

int World::open(int client) {
  const std::size_t shard = static_cast<std::size_t>(client) % settings_.shards;
  auto& slots = slots_[shard];
  std::size_t slot = 0;
  while (slot < slots.size() && slots[slot].second >= 0) ++slot;
  if (slot == slots.size()) slots.emplace_back(0, -1);
  const int index = static_cast<int>(pipes_.size());
  slots[slot].first += 1;
  slots[slot].second = index;
  auto made = std::make_unique<Pipe>();
  made->id = {static_cast<std::uint32_t>(shard), static_cast<std::uint32_t>(slot),
              slots[slot].first};
  made->client = client;
  pipes_.push_back(std::move(made));
  live_.push_back(index);
  return index;
}

void World::send(int index, mqtt::Packet packet) {
  Pipe& p = pipe(index);
  if (!p.dead && !p.cut) p.up.push_back(std::move(packet));
}

void World::cut(int index, std::size_t kept) {
  Pipe& p = pipe(index);
  p.cut = true;
  p.down.clear();
  while (p.up.size() > kept) p.up.pop_back();
}

void World::bury(int index) {
  Pipe& p = pipe(index);
  p.dead = true;
  p.up.clear();
  auto& slot = slots_[p.id.shard][p.id.slot];
  if (slot.second == index) slot.second = -1;
  live_.erase(std::remove(live_.begin(), live_.end(), index), live_.end());
}

void World::carry(int index, std::size_t packets) {
  Pipe& p = pipe(index);
  if (p.dead || p.paused || p.up.empty()) return;
  begin_turn();
  if (!p.opened) {
    p.opened = true;
    model_->opened(index, p.client);
    static const auto peer = std::make_shared<const core::Peer>();
    apply(core::ConnectionOpened{p.id, peer});
  }
  core::PacketsArrived arrived;
  arrived.connection = p.id;
  while (packets-- > 0 && !p.up.empty()) {
    mqtt::Packet& packet = p.up.front();
    const bool last = std::holds_alternative<mqtt::Violation>(packet) ||
                      std::holds_alternative<std::unique_ptr<mqtt::DisconnectPacket>>(packet) ||
                      std::holds_alternative<std::unique_ptr<mqtt::ConnectPacket>>(packet);
    if (last && !arrived.packets.empty()) {
      // An input of its own: the model sees what the packets before it led to first.
      apply(std::move(arrived));
      arrived = {p.id, {}};
      if (p.dead) break;
    }
    if (settings_.trace) note(fmt::format("> [{}] {}", index, packet_text(packet)));
    arrived.packets.push_back(std::move(packet));
    p.up.pop_front();
  }
  if (!p.dead && !arrived.packets.empty()) apply(std::move(arrived));
  end_turn();
}

void World::notice(int index) {
  Pipe& p = pipe(index);
  if (p.dead) return;
  if (settings_.trace) note(fmt::format("> [{}] lost", index));
  if (p.opened) submit(core::ConnectionLost{p.id, core::LostBecause::peer_closed});
  if (!p.dead) bury(index);
}

void World::drained(int index) {
  Pipe& p = pipe(index);
  if (p.dead || !p.drain_asked) return;
  p.drain_asked = false;
  submit(core::OutboxDrained{p.id});
}

std::optional<Frame> World::read(int index) {
  Pipe& p = pipe(index);
  if (p.cut || p.down.empty()) return std::nullopt;
  Frame frame = std::move(p.down.front());
  p.down.pop_front();
  model_->received(index, frame);
  return frame;
}

void World::submit(core::Input input) {
  begin_turn();
  apply(std::move(input));
  end_turn();
}

void World::begin_turn() {
  if (turn_depth_++ > 0) return;
  std::fill(cursors_.begin(), cursors_.end(), 0);
  std::fill(recipients_seen_.begin(), recipients_seen_.end(), 0);
}

void World::apply(core::Input input) {
  Now now = now_;
  if (auto* arrived = std::get_if<core::PacketsArrived>(&input)) {
    const int index = pipe_of(arrived->connection.shard,
                              {arrived->connection.slot, arrived->connection.generation});
    for (const mqtt::Packet& packet : arrived->packets) {
      if (index >= 0) model_->arrived(index, packet, now_);
    }
  } else if (auto* lost = std::get_if<core::ConnectionLost>(&input)) {
    const int index =
        pipe_of(lost->connection.shard, {lost->connection.slot, lost->connection.generation});
    if (index >= 0) model_->lost(index, now_);
  } else if (std::holds_alternative<core::TimeAdvanced>(input)) {
    model_->advanced(now_);
    if (settings_.fault == Fault::clock_ahead) {
      now.steady += Milliseconds{3000};
      now.wall += Milliseconds{3000};
    }
  } else if (auto* state = std::get_if<core::StoreStateChanged>(&input)) {
    model_->store_accepts(state->accepts_writes);
  }
  core_->apply(now, std::move(input), effects_);
  collect();
}

void World::end_turn() {
  if (turn_depth_ > 1) {
    --turn_depth_;
    return;
  }
  collect();
  if (effects_.persist) {
    core::Persist persist = std::move(*effects_.persist);
    core::Persist shown;
    shown.seq = persist.seq;
    for (const core::Change& change : persist.changes) shown.changes.push_back(change);
    if (settings_.trace) {
      std::string what;
      for (const core::Change& change : persist.changes) what += change_text(change);
      note(fmt::format("  persist {}{}:{}", persist.seq & 0xFFFFF,
                       persist.needs_sync ? " sync" : "", what));
    }
    journal.push(std::move(persist), now_.wall);
    model_->persisted(shown, now_);
  }
  for (const core::LoadQueue& load : effects_.loads) journal.loads.push_back(load);
  for (const core::Reply& reply : effects_.replies) {
    if (std::holds_alternative<core::DrainDone>(reply.what)) drain_done_ = true;
  }
  again_ = effects_.again;
  effects_.clear();
  model_->turn_over(now_);
  --turn_depth_;
}

int World::pipe_of(std::size_t shard, const core::ConnectionRef& ref) const {
  if (shard >= slots_.size() || ref.slot >= slots_[shard].size()) return -1;
  const auto& [generation, index] = slots_[shard][ref.slot];
  return generation == ref.generation ? index : -1;
}

void World::collect_recipients(std::size_t shard, const core::Deliver& deliver,
                               std::vector<Out>& outs) {
  const core::ShardEffects& effects = effects_.shards[shard];
  const auto recipients = effects.recipients_of(deliver);
  for (const core::Recipient& recipient : recipients.subspan(recipients_seen_[shard])) {
    Out out;
    out.pipe = pipe_of(shard, recipient.connection);
    out.message = deliver.message;
    out.frame.type = mqtt::PacketType::publish;
    out.frame.message = number_of(*deliver.message);
    out.frame.packet_id = recipient.packet_id;
    out.frame.qos = recipient.qos;
    out.frame.dup = recipient.dup;
    out.frame.retain = recipient.retain;
    out.frame.expiry_s = deliver.expiry_s;
    const auto identifiers = effects.identifiers_of(recipient);
    out.frame.identifiers.assign(identifiers.begin(), identifiers.end());
    outs.push_back(std::move(out));
  }
  recipients_seen_[shard] = recipients.size();
}

void World::collect_shard(std::size_t shard, std::vector<Out>& outs) {
  core::ShardEffects& effects = effects_.shards[shard];
  std::size_t& i = cursors_[shard];
  if (i > 0) {
    const auto* last = std::get_if<core::Deliver>(&effects.list[i - 1]);
    if (last != nullptr) collect_recipients(shard, *last, outs);
  }
  for (; i < effects.list.size(); ++i) {
    core::Effect& effect = effects.list[i];
    recipients_seen_[shard] = 0;
    if (const auto* deliver = std::get_if<core::Deliver>(&effect)) {
      collect_recipients(shard, *deliver, outs);
      continue;
    }
    Out out;
    if (auto* acknowledge = std::get_if<core::Acknowledge>(&effect)) {
      out.pipe = pipe_of(shard, acknowledge->connection);
      out.frame = frame_of(acknowledge->packet);
    } else if (auto* close = std::get_if<core::Close>(&effect)) {
      out.pipe = pipe_of(shard, close->connection);
      out.kind = Out::Kind::close;
    } else if (auto* drain = std::get_if<core::AwaitDrain>(&effect)) {
      out.pipe = pipe_of(shard, drain->connection);
      out.kind = Out::Kind::await_drain;
    } else if (auto* reading = std::get_if<core::SetReading>(&effect)) {
      out.pipe = pipe_of(shard, reading->connection);
      out.kind = Out::Kind::reading;
      out.paused = reading->paused;
    } else {
      continue;  // Configure: there is no encoder here
    }
    outs.push_back(std::move(out));
  }
}

void World::collect() {
  std::vector<Out> outs;
  for (std::size_t shard = 0; shard < settings_.shards; ++shard) collect_shard(shard, outs);
  if (settings_.fault != Fault::none) inject(outs);
  for (Out& out : outs) emit(out);
}

void World::emit(Out& out) {
  if (out.pipe < 0) {
    violated(Invariant::protocol_kept, "an effect for a connection that is gone: {}",
             out.kind == Out::Kind::frame ? text_of(out.frame) : std::string("no packet"));
  }
  Pipe& p = pipe(out.pipe);
  switch (out.kind) {
    case Out::Kind::frame:
      if (settings_.trace) note(fmt::format("< [{}] {}", out.pipe, text_of(out.frame)));
      model_->sent(out.pipe, out.frame, out.message.get(), now_);
      if (!p.cut) p.down.push_back(std::move(out.frame));
      return;
    case Out::Kind::close:
      if (settings_.trace) note(fmt::format("< [{}] close", out.pipe));
      model_->closed(out.pipe, now_);
      bury(out.pipe);
      return;
    case Out::Kind::await_drain:
      p.drain_asked = true;
      return;
    case Out::Kind::reading:
      p.paused = out.paused;
      return;
  }
}

Sent& World::compose(std::string topic, QoS qos, bool retain, std::string payload) {
  Sent& sent = registry_.emplace_back();
  sent.number = static_cast<int>(registry_.size()) - 1;
  sent.topic = std::move(topic);
  sent.properties = properties_for(sent.number);
  sent.payload = std::move(payload);
  sent.qos = qos;
  sent.retain = retain;
  return sent;
}

MessagePtr World::block_message(int number) {
  return arena_.make(fields_of(registry_[static_cast<std::size_t>(number)]));
}

KeptMessagePtr World::kept_message(int number) {
  return KeptMessage::make(fields_of(registry_[static_cast<std::size_t>(number)]), {});
}

}  // namespace lineshaft::sim
