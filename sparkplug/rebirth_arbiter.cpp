#include "sparkplug/rebirth_arbiter.h"

#include <algorithm>
#include <bit>

#include "broker/base/flat_hash.h"
#include "broker/base/metrics.h"

namespace lineshaft::sparkplug {
namespace {

constexpr std::int64_t whole_token = 1000;

constexpr std::uint32_t bit_of(RebirthCause cause) {
  return std::uint32_t{1} << static_cast<unsigned>(cause);
}

/// What a birth may leave as it was: the edge node names another set of metrics than it sends.
constexpr std::uint32_t content_causes = bit_of(RebirthCause::device_not_born) |
                                         bit_of(RebirthCause::unknown_alias) |
                                         bit_of(RebirthCause::unknown_metric);

}  // namespace

RebirthArbiter::RebirthArbiter(const RebirthConfig& config, std::uint64_t seed)
    : config_(config), seed_(seed), tokens_(std::int64_t{config.per_second} * whole_token) {}

bool RebirthArbiter::is_off(std::string_view group) const {
  return !config_.enabled ||
         std::ranges::find(config_.groups_off, group) != config_.groups_off.end();
}

void RebirthArbiter::schedule(NodeNumber node, Record& record, Instant due) {
  if (record.due) queue_.erase({*record.due, node});
  record.due = due;
  queue_.emplace(due, node);
}

/// To the next request: doubled for each one in vain, and up to an eighth more, so that brokers and
/// nodes that began together do not go on together.
Milliseconds RebirthArbiter::distance(NodeNumber node, const Record& record) const {
  const std::uint32_t in_vain = std::max(record.unanswered, 1u) - 1 + record.futile;
  Milliseconds result = config_.interval;
  for (std::uint32_t i = 0; i < in_vain && result < config_.interval_max; ++i) result *= 2;
  result = std::min(result, config_.interval_max);
  const std::uint64_t chance = hash_u64(std::uint64_t{node} << 32 | record.requests, seed_);
  return result + Milliseconds{result.count() / 8 * static_cast<std::int64_t>(chance % 256) / 256};
}

void RebirthArbiter::want(NodeNumber node, Record& record, RebirthCause cause, Instant now) {
  ++record.causes[static_cast<std::size_t>(cause)];
  record.last_cause = cause;
  if (record.is_off && cause != RebirthCause::operator_asked) {
    count(Counter::sparkplug_rebirths_suppressed);
    return;
  }
  if (record.was_helped) {
    // The first cause after a birth: did the birth help? Then the past is forgotten.
    record.was_helped = false;
    const bool is_soon = now - record.last_sent < 2 * distance(node, record);
    const bool is_content = (bit_of(cause) & content_causes) != 0;
    record.futile = is_soon && is_content ? std::min(record.futile + 1, 16u) : 0;
    if (record.requests != 0) {
      record.allowed_at = std::max(record.allowed_at, record.last_sent + distance(node, record));
    }
  }
  record.waiting_causes |= bit_of(cause);
  if (!record.due) schedule(node, record, std::max(now, record.allowed_at));
}

void RebirthArbiter::seen(NodeNumber node, Record& record, Now now) {
  cancel(node, record);
  record.last_sent = now.steady;
  record.allowed_at = now.steady + distance(node, record);
}

void RebirthArbiter::answered(NodeNumber node, Record& record, bool in_conflict, Instant now) {
  cancel(node, record);
  if (in_conflict) {
    // Stays as far apart as it was, and further: two publishers answer each request twice.
    record.futile = std::min(record.futile + 1, 16u);
    record.allowed_at = std::max(record.allowed_at, now + distance(node, record));
    record.unanswered = 0;
    return;
  }
  record.unanswered = 0;
  record.was_helped = true;
  record.allowed_at = record.requests == 0 ? Instant{} : record.last_sent + config_.interval;
}

void RebirthArbiter::cancel(NodeNumber node, Record& record) {
  if (record.due) queue_.erase({*record.due, node});
  record.due.reset();
  record.waiting_causes = 0;
}

void RebirthArbiter::refill(Instant now) {
  if (!has_started_) refilled_at_ = now;
  has_started_ = true;
  const std::int64_t full = std::int64_t{config_.per_second} * whole_token;
  const std::int64_t passed = std::clamp<std::int64_t>((now - refilled_at_).count(), 0, 1000);
  tokens_ = std::min(full, tokens_ + passed * config_.per_second);
  refilled_at_ = std::max(refilled_at_, now);
}

std::optional<NodeNumber> RebirthArbiter::next_due(Instant now) {
  if (queue_.empty() || queue_.begin()->first > now) return std::nullopt;
  refill(now);
  if (tokens_ < whole_token) return std::nullopt;
  return queue_.begin()->second;
}

RebirthArbiter::Request RebirthArbiter::send(NodeNumber node, Record& record, Now now) {
  tokens_ -= whole_token;
  const std::uint32_t causes = record.waiting_causes;
  cancel(node, record);
  ++record.requests;
  ++record.unanswered;
  record.last_request = now.wall;
  record.last_sent = now.steady;
  record.allowed_at = now.steady + distance(node, record);
  const bool is_last = record.unanswered == config_.unanswered_max;
  if (record.unanswered < config_.unanswered_max) {
    // A lost request would leave a quiet node out of sync for hours: asked again by itself.
    record.waiting_causes = causes;
    schedule(node, record, record.allowed_at);
  }
  return {node, causes, is_last};
}

std::optional<Instant> RebirthArbiter::next_timer() const {
  if (queue_.empty()) return std::nullopt;
  const Instant due = queue_.begin()->first;
  if (tokens_ >= whole_token || config_.per_second == 0) return due;
  const std::int64_t missing = whole_token - tokens_;
  const Milliseconds wait{(missing + config_.per_second - 1) / config_.per_second};
  return std::max(due, refilled_at_ + wait);
}

}  // namespace lineshaft::sparkplug
