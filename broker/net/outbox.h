#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/base/message.h"
#include "broker/core/effects.h"
#include "broker/mqtt/encoder.h"
#include "broker/net/alias_table.h"
#include "broker/net/byte_stream.h"
#include "broker/net/frame_cache.h"

namespace lineshaft::net {

/// What the outboxes of a shard sent; added to the counters once per loop turn.
struct SentTotals {
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
  std::uint64_t publishes = 0;
  /// Those of them that belong to a replay, which goes at its own pace.
  std::uint64_t replayed = 0;
  std::uint64_t payload_bytes = 0;

  /// Adds them to the thread's counters and starts again from 0.
  void count();
};

/// The unsent bytes of one connection, in order.
///
/// Packets are encoded straight into one contiguous buffer; payloads above 4 KiB stay where they
/// are and are gathered by `flush`. Memory is taken at first use, kept while the connection is
/// active and given back by `release_idle`. Owned by its connection; its shard's thread only.
class Outbox {
 public:
  enum class Added : std::uint8_t { yes, slow_consumer, too_large };
  enum class Flushed : std::uint8_t {
    all,
    /// The socket takes no more now: wait until it is writable.
    blocked,
    failed,
  };

  void configure(const core::Configure& configure);

  /// One PUBLISH. `cache` is null when nobody else gets the message. `unsent_bytes_max`: with so
  /// much unsent, QoS 0 is dropped (`slow_consumer`); QoS 0 above the client's Maximum Packet Size
  /// is dropped too (`too_large`) [MQTT-3.1.2-25]; QoS 1 and 2 are the core's to check.
  Added publish(const core::Deliver& deliver, const core::Recipient& recipient,
                std::span<const std::uint32_t> identifiers, FrameCache* cache,
                std::size_t unsent_bytes_max, SentTotals& totals);

  /// Any other packet. False: it has no form in the client's version or exceeds its limit.
  bool packet(const core::OutPacket& packet, SentTotals& totals);

  /// Sends what the socket takes without waiting.
  Flushed flush(int socket, SentTotals& totals);
  /// The same through a stream, which also sends what it has itself.
  Flushed flush(ByteStream& stream, SentTotals& totals);

  std::size_t unsent_bytes() const { return unsent_; }
  /// Bytes of answers (everything but PUBLISH) taken since it was last empty.
  std::size_t answer_bytes() const { return answers_; }
  bool empty() const { return unsent_ == 0; }
  mqtt::Version version() const { return options_.version; }

  /// Throws away what is unsent. False: a packet was cut by it.
  bool discard();

  /// Gives the buffer back when nothing is unsent. True: there is none now.
  bool release_idle();
  std::size_t memory_bytes() const { return buffer_.capacity(); }

  /// Capacity kept after everything was sent.
  static constexpr std::size_t capacity_kept_bytes_max = 256 * 1024;

 private:
  /// A payload that stands in the stream before buffer position `at`.
  struct Segment {
    std::size_t at;
    MessagePtr message;
  };
  struct Segments {
    std::vector<Segment> list;
    /// The first that is not sent, and how much of it is.
    std::size_t first = 0;
    std::size_t first_sent = 0;

    bool empty() const { return first == list.size(); }
  };

  void append(const MessagePtr& message, const mqtt::PublishHeader& header);
  void append(const MessagePtr& message, const FrameCache::Frame& frame, std::uint16_t packet_id);
  void reference(const MessagePtr& message);
  /// Sets the alias in `header` when there is one and the packet still fits. True: it is new.
  bool choose_alias(const Message& message, mqtt::PublishHeader& header);
  bool fits(const Message& message, const mqtt::PublishHeader& header) const;
  void prepare_buffer();
  /// Describes what is unsent from the front on. Returns the pieces used.
  std::size_t gather(std::span<iovec> pieces, std::size_t& offered) const;
  void consume(std::size_t size);
  void after_send();

  std::string buffer_;
  /// Bytes of `buffer_` that are sent.
  std::size_t sent_ = 0;
  std::size_t unsent_ = 0;
  std::size_t answers_ = 0;
  /// A part of what was taken since it was last empty is sent: perhaps a part of a packet.
  bool partly_sent_ = false;
  std::unique_ptr<Segments> segments_;
  std::unique_ptr<AliasTable> aliases_;
  mqtt::EncodeOptions options_;
  std::uint16_t topic_alias_maximum_ = 0;
};

}  // namespace lineshaft::net
