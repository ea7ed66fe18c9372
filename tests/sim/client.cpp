#include "tests/sim/client.h"

#include <algorithm>
#include <utility>

namespace lineshaft::sim {

using mqtt::PacketType;

namespace {

constexpr const char* topics[] = {"a/1", "a/2", "a/b/1", "b/1", "b/2", "c", "s/1", "s/2"};
constexpr const char* filters[] = {"a/1", "a/2", "a/+", "a/#",   "+/1",
                                   "b/#", "c",   "#",   "a/b/+", "s/#"};
constexpr const char* member_filters[] = {"a/1", "a/+", "a/#", "b/1", "c"};
constexpr const char* shares[] = {"$share/g/s/#", "$share/g/s/1", "$share/h/s/+"};
constexpr std::uint32_t forever = 0xFFFFFFFF;

}  // namespace

Client::Client(World& world, int index, Profile profile)
    : world_(world),
      chance_(world.chance()),
      index_(index),
      id_("c" + std::to_string(index)),
      profile_(profile) {}

void Client::lose_state() {
  has_state_ = false;
  outgoing_.clear();
}

void Client::forget_connection() {
  pipe_ = -1;
  connected_ = false;
  requests_ = 0;
  acknowledgements_.clear();
  if (!durable() || ends_session_) lose_state();
  ends_session_ = false;
}

void Client::connect(bool calm) {
  const bool fresh = has_state_ && !calm && chance_.one_in(12);
  auto packet = std::make_unique<mqtt::ConnectPacket>();
  packet->version = profile_.version;
  packet->client_id = id_;
  packet->receive_maximum = v5() ? profile_.receive_maximum : 65535;
  packet->session_expiry_interval_s = profile_.expiry_s;
  // Without state of its own a v5 client must not meet an old session [MQTT-3.2.2-4].
  packet->clean_start = !has_state_ && (ever_ || chance_.one_in(2));
  if (fresh) packet->clean_start = true;
  if (!v5()) {
    // 3.x: Clean Session says both, start and end.
    packet->clean_start = !durable() || fresh;
    packet->session_expiry_interval_s = packet->clean_start ? 0 : forever;
    ends_session_ = packet->clean_start;
  }
  if (packet->clean_start) lose_state();
  if (v5() && durable() && !profile_.steady && !calm && chance_.one_in(12)) {
    // From now on the session ends with its connection.
    packet->session_expiry_interval_s = 0;
    ends_session_ = true;
  }
  if (profile_.wills && chance_.percent(70)) {
    const auto qos = static_cast<QoS>(chance_.below(3));
    const bool retain = qos != QoS::at_most_once && chance_.one_in(3);
    Sent& sent = world_.compose("w/" + id_, qos, retain, "will of " + id_);
    sent.will = true;
    sent.publisher = index_;
    constexpr std::uint32_t delays[] = {0, 0, 1, 5, 60, 7200};
    packet->will =
        mqtt::Will{world_.kept_message(sent.number), v5() ? delays[chance_.below(6)] : 0};
  }
  ever_ = true;
  has_state_ = true;
  quota_ = world_.config().receive_maximum;
  pipe_ = world_.open(index_);
  send(std::move(packet));
}

std::uint16_t Client::free_id() {
  for (;;) {
    next_id_ = static_cast<std::uint16_t>(next_id_ % 60 + 1);
    const bool used = std::any_of(outgoing_.begin(), outgoing_.end(),
                                  [&](const Outgoing& out) { return out.packet_id == next_id_; });
    if (!used && requests_ != next_id_) return next_id_;
  }
}

void Client::send_publish(const Outgoing& out, bool dup) {
  mqtt::PublishPacket packet;
  packet.message = world_.block_message(out.message);
  packet.packet_id = out.packet_id;
  packet.dup = dup;
  send(std::move(packet));
}

void Client::publish() {
  const auto qos = static_cast<QoS>(chance_.percent(20) ? 0 : 1 + chance_.below(2));
  const std::size_t window = std::min<std::size_t>(quota_, 40);
  if (qos != QoS::at_most_once && outgoing_.size() >= window) return;
  bool retain = chance_.percent(25);
  const bool empty = retain && chance_.one_in(5);
  if (retain && !retained_deletes_ && (empty || qos == QoS::at_most_once)) retain = false;
  std::string payload = empty && retain ? "" : "value";
  if (!payload.empty() && chance_.one_in(4)) payload.append(chance_.below(1200), 'x');
  Sent& sent = world_.compose(topics[chance_.below(std::size(topics))], qos, retain, payload);
  sent.publisher = index_;
  if (!retain && chance_.one_in(12)) {
    constexpr std::uint32_t expiries[] = {2, 5, 60};
    sent.expiry_s = expiries[chance_.below(3)];
  }
  Outgoing out;
  out.message = sent.number;
  out.pipe = pipe_;
  if (qos != QoS::at_most_once) {
    out.packet_id = free_id();
    outgoing_.push_back(out);
  }
  send_publish(out, false);
}

std::string Client::filter() {
  if (!profile_.shares) return filters[chance_.below(std::size(filters))];
  if (chance_.percent(60)) return shares[chance_.below(std::size(shares))];
  return member_filters[chance_.below(std::size(member_filters))];
}

void Client::subscribe(std::string filter, QoS qos) {
  auto packet = std::make_unique<mqtt::SubscribePacket>();
  packet->packet_id = requests_ = free_id();
  mqtt::SubscriptionOptions options;
  options.qos = qos;
  packet->items.push_back({std::move(filter), options});
  send(std::move(packet));
}

void Client::subscribe_by_chance() {
  if (requests_ != 0) return;
  auto packet = std::make_unique<mqtt::SubscribePacket>();
  packet->packet_id = requests_ = free_id();
  if (v5() && chance_.one_in(3)) {
    packet->subscription_identifier = static_cast<std::uint32_t>(1 + chance_.below(9));
  }
  const std::size_t size = chance_.between(1, 3);
  for (std::size_t i = 0; i < size; ++i) {
    mqtt::SubscribePacket::Item item;
    item.filter = filter();
    const bool shared = is_shared(item.filter);
    item.options.qos = static_cast<QoS>(shared || chance_.percent(80) ? 1 + chance_.below(2) : 0);
    if (v5()) {
      item.options.retain_handling = static_cast<std::uint8_t>(chance_.below(3));
      if (!shared) {
        item.options.no_local = chance_.one_in(8);
        item.options.retain_as_published = chance_.one_in(8);
      }
    }
    const bool twice = std::any_of(packet->items.begin(), packet->items.end(),
                                   [&](const auto& other) { return other.filter == item.filter; });
    if (!twice) packet->items.push_back(std::move(item));
  }
  send(std::move(packet));
}

void Client::unsubscribe() {
  if (requests_ != 0) return;
  auto packet = std::make_unique<mqtt::UnsubscribePacket>();
  packet->packet_id = requests_ = free_id();
  packet->filters.push_back(filter());
  send(std::move(packet));
}

void Client::disconnect() {
  auto packet = std::make_unique<mqtt::DisconnectPacket>();
  if (v5() && chance_.one_in(3)) packet->reason = ReasonCode::disconnect_with_will;
  if (v5() && durable() && !ends_session_ && chance_.one_in(6)) {
    packet->session_expiry_interval_s = chance_.one_in(2) ? 0 : 30;
    if (*packet->session_expiry_interval_s == 0) ends_session_ = true;
  }
  const int pipe = pipe_;
  send(std::move(packet));
  forget_connection();
  world_.cut(pipe, 1000);
}

void Client::vanish() {
  const int pipe = pipe_;
  forget_connection();
  world_.cut(pipe, chance_.below(6));
}

// Breaks a rule: the broker has to close the connection, as if it had failed.
void Client::misbehave() {
  if (chance_.one_in(2)) {
    send(mqtt::Violation{Error{ReasonCode::malformed_packet, "MQTT-2.1.3-1"}});
    return;
  }
  auto packet = std::make_unique<mqtt::ConnectPacket>();
  packet->version = profile_.version;
  packet->client_id = id_;
  send(std::move(packet));
}

void Client::send_ack(PacketType type, std::uint16_t id) {
  mqtt::AckPacket packet;
  packet.type = type;
  packet.packet_id = id;
  send(packet);
}

void Client::acknowledge(std::size_t count) {
  while (count-- > 0 && !acknowledgements_.empty()) {
    send(acknowledgements_.front());
    acknowledgements_.pop_front();
  }
}

void Client::act() {
  if (pipe_ < 0) {
    if (chance_.percent(40)) connect();
    return;
  }
  if (!connected_) {
    // Some do not wait for CONNACK, if nothing older has to be sent again first; some give up.
    const bool first = std::all_of(outgoing_.begin(), outgoing_.end(),
                                   [&](const Outgoing& out) { return out.pipe == pipe_; });
    if (first && chance_.percent(20)) publish();
    if (chance_.percent(3)) subscribe_by_chance();
    if (chance_.percent(2)) vanish();
    return;
  }
  if (chance_.percent(profile_.vanishes)) return vanish();
  if (!profile_.steady && chance_.percent(1)) return chance_.one_in(3) ? misbehave() : disconnect();
  if (chance_.percent(profile_.acknowledges)) acknowledge(chance_.between(1, 4));
  if (chance_.percent(profile_.publishes)) return publish();
  if (chance_.percent(20)) return subscribe_by_chance();
  if (chance_.percent(6)) return unsubscribe();
  if (chance_.percent(5)) send(mqtt::PingreqPacket{});
}

void Client::on_connack(const Frame& frame) {
  if (is_failure(frame.reason)) return;  // the connection is closed behind it
  connected_ = true;
  quota_ = frame.receive_maximum;
  if (!frame.session_present) {
    std::erase_if(outgoing_, [&](const Outgoing& out) { return out.pipe != pipe_; });
    return;
  }
  for (Outgoing& out : outgoing_) {
    if (out.pipe == pipe_) continue;
    out.pipe = pipe_;
    if (out.released) {
      send_ack(PacketType::pubrel, out.packet_id);
    } else {
      send_publish(out, true);
    }
  }
}

void Client::on_ack(const Frame& frame) {
  const auto at = std::find_if(outgoing_.begin(), outgoing_.end(), [&](const Outgoing& out) {
    return out.packet_id == frame.packet_id;
  });
  if (at == outgoing_.end()) return;
  if (frame.type == PacketType::pubrec && !is_failure(frame.reason)) {
    at->released = true;
    send_ack(PacketType::pubrel, frame.packet_id);
    return;
  }
  outgoing_.erase(at);
}

void Client::read() {
  if (pipe_ < 0) return;
  const int pipe = pipe_;
  const auto frame = world_.read(pipe);
  if (!frame) {
    if (world_.pipe(pipe).dead) forget_connection();
    return;
  }
  const auto queue_ack = [&](PacketType type) {
    mqtt::AckPacket packet;
    packet.type = type;
    packet.packet_id = frame->packet_id;
    acknowledgements_.push_back(packet);
  };
  switch (frame->type) {
    case PacketType::connack:
      return on_connack(*frame);
    case PacketType::publish:
      if (frame->qos == QoS::at_least_once) queue_ack(PacketType::puback);
      if (frame->qos == QoS::exactly_once) queue_ack(PacketType::pubrec);
      return;
    case PacketType::pubrel:
      return queue_ack(PacketType::pubcomp);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubcomp:
      return on_ack(*frame);
    case PacketType::suback:
    case PacketType::unsuback:
      requests_ = 0;
      return;
    default:
      return;
  }
}

}  // namespace lineshaft::sim
