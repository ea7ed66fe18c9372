#include "broker/base/message.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "broker/base/assert.h"

namespace lineshaft {

/// A chunk of memory that messages are bump-allocated in; freed with its last message.
///
/// The arena takes a great many references at once and gives one to each message it makes, so that
/// making one costs no locked instruction; what is left goes back when the arena lets go.
class MessageBlock {
 public:
  static MessageBlock* create() {
    void* memory = std::malloc(sizeof(MessageBlock) + MessageArena::block_size_bytes);
    if (memory == nullptr) throw std::bad_alloc{};
    return new (memory) MessageBlock;
  }

  void add_reference() { references_.fetch_add(1, std::memory_order_relaxed); }

  void release(std::uint32_t references = 1) {
    if (references_.fetch_sub(references, std::memory_order_acq_rel) == references) std::free(this);
  }

  /// For the arena only: one of its references now belongs to a message.
  void hand_out() { ++handed_out_; }
  /// For the arena only: nobody else holds it.
  bool idle() const { return references_.load(std::memory_order_acquire) == left(); }
  /// For the arena only: it will not use the block any more.
  void give_back() { release(left()); }

  void* allocate(std::size_t size_bytes) {
    const std::size_t rounded = (size_bytes + 7) & ~std::size_t{7};
    if (used_ + rounded > MessageArena::block_size_bytes) return nullptr;
    void* const place = reinterpret_cast<char*>(this) + sizeof(MessageBlock) + used_;
    used_ += rounded;
    return place;
  }

  /// For the arena only, while idle.
  void reset() {
    used_ = 0;
    handed_out_ = 0;
    references_.store(taken, std::memory_order_relaxed);
  }

 private:
  /// A block holds some thousand messages; copies may add three times as many as are taken.
  static constexpr std::uint32_t taken = 1u << 30;

  std::uint32_t left() const { return taken - handed_out_; }

  std::atomic<std::uint32_t> references_{taken};
  std::uint32_t handed_out_ = 0;
  std::size_t used_ = 0;
};

Message::Message(const MessageFields& fields, std::uint8_t extra_flags, std::uint32_t block_offset)
    : payload_size_(static_cast<std::uint32_t>(fields.payload.size())),
      properties_size_(static_cast<std::uint32_t>(fields.properties.size())),
      expiry_interval_s_(fields.expiry_interval_s),
      topic_size_(static_cast<std::uint16_t>(fields.topic.size())),
      flags_(static_cast<std::uint8_t>(
          static_cast<std::uint8_t>(fields.qos) | (fields.retain ? retain_flag : 0) |
          (fields.request_response ? request_response_flag : 0) | extra_flags)),
      block_offset_(block_offset) {}

Message::Message(const Message* original)
    : payload_size_(original->payload_size_),
      properties_size_(original->properties_size_),
      expiry_interval_s_(original->expiry_interval_s_),
      topic_size_(original->topic_size_),
      flags_(static_cast<std::uint8_t>(original->flags_ | kept_flag)),
      references_(1),
      block_offset_(0) {}

void Message::copy_data(char* to, const MessageFields& fields) {
  const auto append = [&to](Octets part) {
    if (!part.empty()) std::memcpy(to, part.data(), part.size());
    to += part.size();
  };
  append(fields.topic);
  append(fields.properties);
  append(fields.payload);
}

KeptMessage::KeptMessage(const MessageFields& fields, const KeepInfo& info, std::uint32_t capacity)
    : Message(fields, kept_flag, 0), info_(info), capacity_(capacity) {}

KeptMessage::KeptMessage(const Message& original, const KeepInfo& info, std::uint32_t capacity)
    : Message(&original), info_(info), capacity_(capacity) {
  // All its bytes stand back to back.
  std::memcpy(reinterpret_cast<char*>(this) + sizeof(KeptMessage), original.data(),
              original.data_size());
}

KeptMessagePtr KeptMessage::make(const MessageFields& fields, const KeepInfo& info) {
  const std::size_t size = data_size(fields);
  void* memory = std::malloc(sizeof(KeptMessage) + size);
  if (memory == nullptr) throw std::bad_alloc{};
  auto* message = new (memory) KeptMessage(fields, info, static_cast<std::uint32_t>(size));
  copy_data(static_cast<char*>(memory) + sizeof(KeptMessage), fields);
  message->references_.store(1, std::memory_order_relaxed);  // nobody else knows it yet
  return KeptMessagePtr(message, false);
}

KeptMessagePtr KeptMessage::keep(const Message& message, const KeepInfo& info) {
  if (!message.has_own_allocation()) {
    const std::size_t size = message.data_size();
    void* memory = std::malloc(sizeof(KeptMessage) + size);
    if (memory == nullptr) throw std::bad_alloc{};
    const auto capacity = static_cast<std::uint32_t>(size);
    return KeptMessagePtr(new (memory) KeptMessage(message, info, capacity), false);
  }
  const auto& kept = static_cast<const KeptMessage&>(message);
  if (kept.info_.seq == 0) kept.info_ = info;
  return KeptMessagePtr(&kept);
}

void KeptMessage::replace(KeptMessagePtr& slot, const Message& message, const KeepInfo& info) {
  const bool alone = slot && !message.has_own_allocation() && slot->store_id == 0 &&
                     slot->references_.load(std::memory_order_acquire) == 1;
  const std::size_t size = message.data_size();
  if (!alone || size > slot->capacity_ || size < slot->capacity_ / 2) {
    slot = keep(message, info);
    return;
  }
  void* const memory = const_cast<KeptMessage*>(slot.get());
  const std::uint32_t capacity = slot->capacity_;
  new (memory) KeptMessage(message, info, capacity);
}

MessageFields fields_of(const Message& message) {
  return {message.topic(),  message.properties(),       message.payload(),          message.qos(),
          message.retain(), message.request_response(), message.expiry_interval_s()};
}

void intrusive_ptr_add_ref(const Message* message) {
  if (message->block_offset_ == 0) {
    message->references_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  auto* const start = reinterpret_cast<const char*>(message) - message->block_offset_;
  reinterpret_cast<MessageBlock*>(const_cast<char*>(start))->add_reference();
}

void intrusive_ptr_release(const Message* message) {
  if (message->block_offset_ == 0) {
    if (message->references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    auto* const kept = const_cast<KeptMessage*>(static_cast<const KeptMessage*>(message));
    kept->~KeptMessage();
    std::free(static_cast<void*>(kept));
    return;
  }
  auto* const start = reinterpret_cast<const char*>(message) - message->block_offset_;
  reinterpret_cast<MessageBlock*>(const_cast<char*>(start))->release();
}

MessageArena::~MessageArena() {
  if (block_ != nullptr) block_->give_back();
}

MessagePtr MessageArena::make(const MessageFields& fields) {
  if (fields.payload.size() > own_allocation_above_bytes) return KeptMessage::make(fields, {});
  const std::size_t size = sizeof(Message) + Message::data_size(fields);
  if (size > block_size_bytes) return KeptMessage::make(fields, {});
  if (block_ != nullptr && block_->idle()) block_->reset();
  void* place = block_ == nullptr ? nullptr : block_->allocate(size);
  if (place == nullptr) {
    if (block_ != nullptr) block_->give_back();
    block_ = MessageBlock::create();
    place = block_->allocate(size);
  }
  const auto offset =
      static_cast<std::uint32_t>(static_cast<char*>(place) - reinterpret_cast<char*>(block_));
  auto* const message = new (place) Message(fields, 0, offset);
  Message::copy_data(static_cast<char*>(place) + sizeof(Message), fields);
  block_->hand_out();
  return MessagePtr(message, false);
}

}  // namespace lineshaft
