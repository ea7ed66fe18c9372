#include "broker/net/mailbox.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "broker/base/limits.h"

namespace lineshaft::net {
namespace {

std::size_t size_bytes_of(const core::ShardEffects& effects) {
  std::size_t sum = effects.list.size() * sizeof(core::Effect) +
                    effects.recipients.size() * sizeof(core::Recipient);
  for (const core::Effect& effect : effects.list) {
    const auto* deliver = std::get_if<core::Deliver>(&effect);
    if (deliver != nullptr && deliver->message) sum += deliver->message->payload().size();
  }
  return sum;
}

/// Lets go of messages that nobody awaits with QoS 1 or 2. Returns the deliveries lost.
std::size_t drop_qos0(core::ShardEffects& effects) {
  std::size_t dropped = 0;
  for (core::Effect& effect : effects.list) {
    auto* const deliver = std::get_if<core::Deliver>(&effect);
    if (deliver == nullptr) continue;
    const auto recipients = effects.recipients_of(*deliver);
    const bool only_qos0 = std::all_of(recipients.begin(), recipients.end(), [](const auto& one) {
      return one.qos == QoS::at_most_once && !one.replay;
    });
    if (!only_qos0) continue;
    dropped += recipients.size();
    deliver->recipients_size = 0;
    deliver->message.reset();
  }
  return dropped;
}

}  // namespace

Mailbox::~Mailbox() { delete spare_.load(); }

void Mailbox::put(core::ShardEffects& effects) {
  Letter* letter = spare_.exchange(nullptr, std::memory_order_acquire);
  if (letter == nullptr) letter = new Letter;
  letter->dropped_size = congested() ? drop_qos0(effects) : 0;
  letter->size_bytes = size_bytes_of(effects);
  std::swap(letter->effects, effects);
  size_bytes_.fetch_add(letter->size_bytes, std::memory_order_relaxed);
  letters_.push(letter);
}

void Mailbox::give_back(Letter* letter) {
  size_bytes_.fetch_sub(letter->size_bytes, std::memory_order_relaxed);
  letter->effects.clear();
  Letter* none = nullptr;
  if (!spare_.compare_exchange_strong(none, letter, std::memory_order_release,
                                      std::memory_order_relaxed)) {
    delete letter;
  }
}

bool Mailbox::congested() const {
  return size_bytes_.load(std::memory_order_relaxed) > limits::mailbox_bytes_max;
}

}  // namespace lineshaft::net
