#include "broker/net/outbox.h"

#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <variant>

#include "broker/base/assert.h"
#include "broker/base/metrics.h"

namespace lineshaft::net {
namespace {

/// Enough for most packets of a quiet connection; growing from nothing would allocate four times.
constexpr std::size_t first_capacity_bytes = 512;
/// Sent bytes in front of a backlog are cut off above this, so that it does not grow for ever.
constexpr std::size_t sent_prefix_bytes_max = 64 * 1024;
/// Sent segments in front of unsent ones likewise.
constexpr std::size_t sent_segments_max = 256;
constexpr std::size_t gathered_max = 64;

}  // namespace

void SentTotals::count() {
  if (packets == 0 && bytes == 0) return;
  lineshaft::count(Counter::bytes_sent, bytes);
  lineshaft::count(Counter::packets_sent, packets);
  lineshaft::count(Counter::publish_sent, publishes);
  lineshaft::count(Counter::publish_bytes_sent, payload_bytes);
  *this = {};
}

void Outbox::configure(const core::Configure& configure) {
  options_.version = configure.version;
  options_.packet_size_bytes_max = configure.packet_size_bytes_max;
  options_.problem_information = configure.problem_information;
  topic_alias_maximum_ =
      configure.version == mqtt::Version::v5 ? configure.topic_alias_maximum : std::uint16_t{0};
}

void Outbox::prepare_buffer() {
  if (buffer_.capacity() < first_capacity_bytes) buffer_.reserve(first_capacity_bytes);
}

bool Outbox::fits(const Message& message, const mqtt::PublishHeader& header) const {
  return options_.packet_size_bytes_max == 0 ||
         mqtt::publish_size_bytes(message, header) <= options_.packet_size_bytes_max;
}

Outbox::Added Outbox::publish(const core::Deliver& deliver, const core::Recipient& recipient,
                              std::span<const std::uint32_t> identifiers, FrameCache* cache,
                              std::size_t unsent_bytes_max, SentTotals& totals) {
  const Message& message = *deliver.message;
  const bool may_drop = recipient.qos == QoS::at_most_once;
  // A replay is paced by `AwaitDrain`: cutting it would leave the receiver with half a picture.
  if (may_drop && !recipient.replay && unsent_ >= unsent_bytes_max) return Added::slow_consumer;
  mqtt::PublishHeader header;
  header.version = options_.version;
  header.qos = recipient.qos;
  header.retain = recipient.retain;
  header.expiry_s = deliver.expiry_s;

  const bool common = identifiers.empty() && !recipient.dup && topic_alias_maximum_ == 0;
  if (common && cache != nullptr) {
    const FrameCache::Frame& frame = cache->frame(message, header);
    const std::uint32_t limit = options_.packet_size_bytes_max;
    if (may_drop && limit != 0 && frame.size_bytes > limit) return Added::too_large;
    append(deliver.message, frame, recipient.packet_id);
  } else {
    header.dup = recipient.dup;
    header.packet_id = recipient.packet_id;
    header.subscription_identifiers = identifiers;
    const bool new_alias = choose_alias(message, header);
    if (may_drop && !fits(message, header)) return Added::too_large;
    if (new_alias) aliases_->commit(message.topic());
    append(deliver.message, header);
  }
  ++totals.packets;
  ++totals.publishes;
  if (recipient.replay) ++totals.replayed;
  totals.payload_bytes += message.payload().size();
  return Added::yes;
}

/// Within what the client announced; without that there are none [MQTT-3.1.2-26], [MQTT-3.1.2-27],
/// [MQTT-3.3.2-11].
bool Outbox::choose_alias(const Message& message, mqtt::PublishHeader& header) {
  if (topic_alias_maximum_ == 0) return false;
  if (!aliases_) aliases_ = std::make_unique<AliasTable>(topic_alias_maximum_);
  const AliasTable::Alias found = aliases_->find(message.topic());
  if (found.alias == 0) return false;
  // A repeated message may be read by a client that lost the first one: it carries its topic.
  const bool with_topic = found.is_new || header.dup;
  header.topic_alias = found.alias;
  header.topic_by_alias = !with_topic;
  if (!with_topic || fits(message, header)) return found.is_new;
  header.topic_alias = 0;
  return false;
}

void Outbox::append(const MessagePtr& message, const mqtt::PublishHeader& header) {
  prepare_buffer();
  const std::size_t before = buffer_.size();
  const bool by_reference = message->payload().size() > copied_payload_bytes_max;
  if (by_reference) {
    mqtt::encode_publish_head(*message, header, buffer_);
  } else {
    mqtt::encode_publish(*message, header, buffer_);
  }
  unsent_ += buffer_.size() - before;
  if (by_reference) reference(message);
}

void Outbox::append(const MessagePtr& message, const FrameCache::Frame& frame,
                    std::uint16_t packet_id) {
  prepare_buffer();
  frame.append_to(buffer_, packet_id);
  unsent_ += frame.bytes.size();
  if (frame.size_bytes > frame.bytes.size()) reference(message);
}

void Outbox::reference(const MessagePtr& message) {
  if (!segments_) segments_ = std::make_unique<Segments>();
  segments_->list.push_back({buffer_.size(), message});
  unsent_ += message->payload().size();
}

bool Outbox::packet(const core::OutPacket& packet, SentTotals& totals) {
  // In 3.x only clients send DISCONNECT [MQTT-3.14.0-1].
  const bool is_disconnect =
      std::holds_alternative<std::unique_ptr<mqtt::DisconnectPacket>>(packet);
  if (is_disconnect && options_.version != mqtt::Version::v5) return false;
  prepare_buffer();
  const std::size_t before = buffer_.size();
  const bool encoded = std::visit(
      [this](const auto& one) {
        if constexpr (requires { *one; }) {
          return mqtt::encode(*one, options_, buffer_);
        } else {
          return mqtt::encode(one, options_, buffer_);
        }
      },
      packet);
  unsent_ += buffer_.size() - before;
  answers_ += buffer_.size() - before;
  if (encoded) ++totals.packets;
  return encoded;
}

std::size_t Outbox::gather(std::span<iovec> pieces, std::size_t& offered) const {
  std::size_t used = 0;
  const auto add = [&](const char* data, std::size_t size) {
    if (size == 0) return;
    // sendmsg only reads, but iovec has no const.
    pieces[used++] = {const_cast<char*>(data), size};
    offered += size;
  };
  std::size_t at = sent_;
  if (segments_) {
    std::size_t skip = segments_->first_sent;
    for (std::size_t i = segments_->first; i < segments_->list.size(); ++i) {
      if (used + 2 >= pieces.size()) return used;
      const Segment& segment = segments_->list[i];
      const Octets payload = segment.message->payload();
      add(buffer_.data() + at, segment.at - at);
      add(payload.data() + skip, payload.size() - skip);
      at = segment.at;
      skip = 0;
    }
  }
  add(buffer_.data() + at, buffer_.size() - at);
  return used;
}

Outbox::Flushed Outbox::flush(int socket, SentTotals& totals) {
  while (unsent_ > 0) {
    std::array<iovec, gathered_max> pieces;
    std::size_t offered = 0;
    const std::size_t used = gather(pieces, offered);
    const ssize_t size = send_pieces(socket, std::span(pieces).first(used));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Flushed::blocked;
    if (size < 0) return Flushed::failed;
    totals.bytes += static_cast<std::uint64_t>(size);
    consume(static_cast<std::size_t>(size));
    // The socket took less than it was offered: it is full, asking again only costs.
    if (static_cast<std::size_t>(size) < offered) return Flushed::blocked;
  }
  return Flushed::all;
}

Outbox::Flushed Outbox::flush(ByteStream& stream, SentTotals& totals) {
  do {
    std::array<iovec, gathered_max> pieces;
    std::size_t offered = 0;
    const std::size_t used = gather(pieces, offered);
    const IoResult written = stream.write(std::span(pieces).first(used));
    totals.bytes += written.size;
    if (written.size > 0) consume(written.size);
    if (written.state == IoState::blocked) return Flushed::blocked;
    if (written.state != IoState::ok) return Flushed::failed;
    LINESHAFT_ASSERT(written.size > 0 || offered == 0);
  } while (unsent_ > 0);
  return Flushed::all;
}

void Outbox::consume(std::size_t size) {
  unsent_ -= size;
  while (segments_ && !segments_->empty()) {
    const Segment& segment = segments_->list[segments_->first];
    const std::size_t before = segment.at - sent_;
    if (size < before) break;
    size -= before;
    sent_ = segment.at;
    const std::size_t left = segment.message->payload().size() - segments_->first_sent;
    if (size < left) {
      segments_->first_sent += size;
      return after_send();
    }
    size -= left;
    segments_->list[segments_->first].message.reset();
    segments_->first_sent = 0;
    ++segments_->first;
  }
  sent_ += size;
  after_send();
}

bool Outbox::discard() {
  if (unsent_ == 0) return true;
  const bool cuts = partly_sent_;
  unsent_ = 0;
  if (segments_) segments_->first_sent = 0;
  after_send();
  return !cuts;
}

void Outbox::after_send() {
  partly_sent_ = unsent_ > 0;
  if (unsent_ == 0) {
    buffer_.clear();
    sent_ = 0;
    answers_ = 0;
    if (segments_) {
      segments_->list.clear();
      segments_->first = 0;
    }
    if (buffer_.capacity() > capacity_kept_bytes_max) std::string{}.swap(buffer_);
    return;
  }
  const bool many_segments = segments_ && segments_->first > sent_segments_max;
  if (many_segments || (sent_ > sent_prefix_bytes_max && sent_ > buffer_.size() / 2)) {
    buffer_.erase(0, sent_);
    if (segments_) {
      auto& list = segments_->list;
      list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(segments_->first));
      segments_->first = 0;
      for (Segment& segment : list) segment.at -= sent_;
    }
    sent_ = 0;
  }
}

bool Outbox::release_idle() {
  if (unsent_ > 0) return false;
  std::string{}.swap(buffer_);
  segments_.reset();
  return true;
}

}  // namespace lineshaft::net
