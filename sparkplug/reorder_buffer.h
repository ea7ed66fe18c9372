#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/base/time.h"
#include "sparkplug/topic.h"

namespace lineshaft::sparkplug {

/// A message that came before the one it follows.
struct EarlyMessage {
  MessageType type = MessageType::none;
  std::string device;
  std::string payload;
  WallTime received{};

  std::size_t bytes() const { return payload.size() + device.size(); }
};

/// Messages of one edge node that wait for a missing one, by seq.
///
/// Spec: tck-id-operational-behavior-host-reordering-start, -success.
class ReorderBuffer {
 public:
  ReorderBuffer(Instant now, Milliseconds timeout) : timeout_(timeout) { restart(now); }

  /// False: there is another message with this seq.
  bool add(std::uint8_t seq, EarlyMessage message) {
    const std::size_t bytes = message.bytes();
    if (!messages_.emplace(seq, std::move(message)).second) return false;
    bytes_ += bytes;
    return true;
  }
  /// The message with this seq, which no longer waits.
  std::optional<EarlyMessage> take(std::uint8_t seq) {
    auto node = messages_.extract(seq);
    if (node.empty()) return std::nullopt;
    bytes_ -= node.mapped().bytes();
    return std::move(node.mapped());
  }
  const EarlyMessage* find(std::uint8_t seq) const {
    const auto found = messages_.find(seq);
    return found == messages_.end() ? nullptr : &found->second;
  }

  bool empty() const { return messages_.empty(); }
  std::size_t size() const { return messages_.size(); }
  std::size_t bytes() const { return bytes_; }
  /// When the missing message counts as lost.
  Instant deadline() const { return deadline_; }
  void restart(Instant now) { deadline_ = now + timeout_; }

 private:
  std::map<std::uint8_t, EarlyMessage> messages_;
  std::size_t bytes_ = 0;
  Milliseconds timeout_;
  Instant deadline_{};
};

}  // namespace lineshaft::sparkplug
