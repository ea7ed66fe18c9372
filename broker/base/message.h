#pragma once

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "broker/base/time.h"

namespace lineshaft {

/// Raw bytes. Topic names and strings are UTF-8, checked when decoded.
using Octets = std::string_view;

enum class QoS : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

/// "No Message Expiry Interval" (MQTT 5.0 section 3.3.2.3.3).
inline constexpr std::uint32_t no_expiry_s = 0xFFFFFFFF;

/// What a new message consists of; the bytes are copied.
struct MessageFields {
  Octets topic;
  /// v5 properties that travel unchanged, in wire form without length: Payload Format Indicator,
  /// Content Type, Response Topic, Correlation Data, User Properties, in the sender's order.
  Octets properties;
  Octets payload;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  /// Carries a Response Topic or Correlation Data: no last value is kept of it.
  bool request_response = false;
  std::uint32_t expiry_interval_s = no_expiry_s;
};

class KeptMessage;
class MessageBlock;

/// One application message, immutable; its bytes stand behind the object in the same allocation.
///
/// Lives in a `MessageBlock` (made by the decoder) or, as `KeptMessage`, in an allocation of its
/// own. Counted; the counter is atomic because effects hold messages in other shards' mailboxes.
class Message {
 public:
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  Octets topic() const { return {data(), topic_size_}; }
  Octets properties() const { return {data() + topic_size_, properties_size_}; }
  Octets payload() const { return {data() + topic_size_ + properties_size_, payload_size_}; }
  /// Quality of service it was published with.
  QoS qos() const { return static_cast<QoS>(flags_ & qos_mask); }
  bool retain() const { return (flags_ & retain_flag) != 0; }
  bool request_response() const { return (flags_ & request_response_flag) != 0; }
  /// As received, seconds; `no_expiry_s` when absent.
  std::uint32_t expiry_interval_s() const { return expiry_interval_s_; }
  bool has_own_allocation() const { return (flags_ & kept_flag) != 0; }

 protected:
  static constexpr std::uint8_t qos_mask = 0x03;
  static constexpr std::uint8_t retain_flag = 0x04;
  static constexpr std::uint8_t request_response_flag = 0x08;
  static constexpr std::uint8_t kept_flag = 0x10;

  Message(const MessageFields& fields, std::uint8_t extra_flags, std::uint32_t block_offset);
  /// A twin with its own allocation; the bytes are not copied yet.
  explicit Message(const Message* original);
  ~Message() = default;

  inline const char* data() const;
  std::size_t data_size() const { return topic_size_ + properties_size_ + payload_size_; }
  static std::size_t data_size(const MessageFields& fields) {
    return fields.topic.size() + fields.properties.size() + fields.payload.size();
  }
  static void copy_data(char* to, const MessageFields& fields);

  std::uint32_t payload_size_;
  std::uint32_t properties_size_;
  std::uint32_t expiry_interval_s_;
  std::uint16_t topic_size_;
  std::uint8_t flags_;
  std::uint8_t reserved_ = 0;
  mutable std::atomic<std::uint32_t> references_{0};  // of a kept message only
  std::uint32_t block_offset_;                        // back to the block's start

  friend class MessageArena;
  friend class KeptMessage;
  friend void intrusive_ptr_add_ref(const Message* message);
  friend void intrusive_ptr_release(const Message* message);
};

/// What is recorded when a message is kept.
struct KeepInfo {
  WallTime received;
  /// Node-wide sequence: orders all stored records.
  std::uint64_t seq = 0;
  /// Interned client identifier of the publisher, 0 unknown.
  std::uint32_t publisher = 0;
};

class KeptMessage;
using KeptMessagePtr = boost::intrusive_ptr<const KeptMessage>;

/// A message that outlives its turn: retained, last value, queue, inflight, will, journal.
/// One allocation shared by all keepers. A type of its own, so that no block is stored by accident.
class KeptMessage : public Message {
 public:
  static KeptMessagePtr make(const MessageFields& fields, const KeepInfo& info);

  /// A kept twin of `message`; the same object when it already has its own allocation, whose
  /// `info` is set if it was not set before.
  static KeptMessagePtr keep(const Message& message, const KeepInfo& info);

  /// Puts `message` into `slot`: over the old value in place when nobody else holds it and the
  /// new one fits without wasting more than half, else as a new allocation.
  static void replace(KeptMessagePtr& slot, const Message& message, const KeepInfo& info);

  WallTime received() const { return info_.received; }
  std::uint64_t seq() const { return info_.seq; }
  std::uint32_t publisher() const { return info_.publisher; }

  bool expires() const { return expiry_interval_s() != no_expiry_s; }
  /// Meaningful only when `expires()`.
  WallTime expires_at() const {
    return received() + Milliseconds{1000} * static_cast<std::int64_t>(expiry_interval_s());
  }

  /// Number under which the store keeps it once for several queues; 0 when stored inline.
  /// Set by the core's turn before anybody else sees the message in a queue.
  mutable std::uint64_t store_id = 0;

  /// Bytes this object occupies.
  std::size_t footprint() const { return sizeof(KeptMessage) + capacity_; }

 private:
  KeptMessage(const MessageFields& fields, const KeepInfo& info, std::uint32_t capacity);
  /// A copy of `original`, for the holder of the first reference.
  KeptMessage(const Message& original, const KeepInfo& info, std::uint32_t capacity);
  friend class Message;
  friend void intrusive_ptr_release(const Message* message);

  mutable KeepInfo info_;
  std::uint32_t capacity_;
};

using MessagePtr = boost::intrusive_ptr<const Message>;

/// The fields of an existing message, for copies.
MessageFields fields_of(const Message& message);

inline const char* Message::data() const {
  return reinterpret_cast<const char*>(this) +
         (has_own_allocation() ? sizeof(KeptMessage) : sizeof(Message));
}

/// Makes messages in blocks: one arena per shard, used by its decoders. A block nobody holds any
/// more is reused, so a steady stream allocates nothing. Payloads above 4 KiB get their own
/// allocation. Only the shard's thread calls it; the messages may be released anywhere.
class MessageArena {
 public:
  MessageArena() = default;
  ~MessageArena();
  MessageArena(const MessageArena&) = delete;
  MessageArena& operator=(const MessageArena&) = delete;

  MessagePtr make(const MessageFields& fields);

  static constexpr std::size_t own_allocation_above_bytes = 4096;
  static constexpr std::size_t block_size_bytes = 64 * 1024;

 private:
  MessageBlock* block_ = nullptr;
};

}  // namespace lineshaft
