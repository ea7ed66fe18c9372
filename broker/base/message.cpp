#include "broker/base/message.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "broker/base/assert.h"

namespace lineshaft {

/// A chunk of memory that messages are bump-allocated in; freed with its last message.
class MessageBlock {
 public:
  static MessageBlock* create() {
    void* memory = std::malloc(sizeof(MessageBlock) + MessageArena::block_size_bytes);
    if (memory == nullptr) throw std::bad_alloc{};
    return new (memory) MessageBlock;
  }

  void add_reference() { references_.fetch_add(1, std::memory_order_relaxed); }

  void release() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) std::free(this);
  }

  /// Nobody but the arena holds it.
  bool idle() const { return references_.load(std::memory_order_acquire) == 1; }

  void* allocate(std::size_t size_bytes) {
    const std::size_t rounded = (size_bytes + 7) & ~std::size_t{7};
    if (used_ + rounded > MessageArena::block_size_bytes) return nullptr;
    void* const place = reinterpret_cast<char*>(this) + sizeof(MessageBlock) + used_;
    used_ += rounded;
    return place;
  }

  void reset() { used_ = 0; }

 private:
  std::atomic<std::uint32_t> references_{1};
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

KeptMessagePtr KeptMessage::make(const MessageFields& fields, const KeepInfo& info) {
  const std::size_t size = data_size(fields);
  void* memory = std::malloc(sizeof(KeptMessage) + size);
  if (memory == nullptr) throw std::bad_alloc{};
  auto* message = new (memory) KeptMessage(fields, info, static_cast<std::uint32_t>(size));
  copy_data(static_cast<char*>(memory) + sizeof(KeptMessage), fields);
  return KeptMessagePtr(message);
}

KeptMessagePtr KeptMessage::keep(const Message& message, const KeepInfo& info) {
  if (!message.has_own_allocation()) return make(fields_of(message), info);
  const auto& kept = static_cast<const KeptMessage&>(message);
  if (kept.info_.seq == 0) kept.info_ = info;
  return KeptMessagePtr(&kept);
}

void KeptMessage::replace(KeptMessagePtr& slot, const Message& message, const KeepInfo& info) {
  const bool alone = slot && !message.has_own_allocation() && slot->store_id == 0 &&
                     slot->references_.load(std::memory_order_acquire) == 1;
  const MessageFields fields = fields_of(message);
  const std::size_t size = data_size(fields);
  if (!alone || size > slot->capacity_ || size < slot->capacity_ / 2) {
    slot = keep(message, info);
    return;
  }
  void* const memory = const_cast<KeptMessage*>(slot.get());
  const std::uint32_t capacity = slot->capacity_;
  auto* const again = new (memory) KeptMessage(fields, info, capacity);
  again->references_.store(1, std::memory_order_relaxed);
  copy_data(static_cast<char*>(memory) + sizeof(KeptMessage), fields);
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
  if (block_ != nullptr) block_->release();
}

MessagePtr MessageArena::make(const MessageFields& fields) {
  if (fields.payload.size() > own_allocation_above_bytes) return KeptMessage::make(fields, {});
  const std::size_t size = sizeof(Message) + Message::data_size(fields);
  if (size > block_size_bytes) return KeptMessage::make(fields, {});
  if (block_ != nullptr && block_->idle()) block_->reset();
  void* place = block_ == nullptr ? nullptr : block_->allocate(size);
  if (place == nullptr) {
    if (block_ != nullptr) block_->release();
    block_ = MessageBlock::create();
    place = block_->allocate(size);
  }
  const auto offset =
      static_cast<std::uint32_t>(static_cast<char*>(place) - reinterpret_cast<char*>(block_));
  auto* const message = new (place) Message(fields, 0, offset);
  Message::copy_data(static_cast<char*>(place) + sizeof(Message), fields);
  return MessagePtr(message);
}

}  // namespace lineshaft
