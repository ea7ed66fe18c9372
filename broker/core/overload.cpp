// Short of memory: what is shed, and whose (docs/decisions/0013).
#include "broker/core/overload.h"

#include <algorithm>
#include <array>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/base/sparkplug_topic.h"
#include "broker/core/core.h"

namespace lineshaft::core {
namespace {

/// Percent of the budget from which on a level begins, and below which it ends.
struct Threshold {
  std::uint64_t begins;
  std::uint64_t ends;
};
constexpr std::array<Threshold, 4> thresholds = {{{0, 0}, {80, 75}, {90, 85}, {97, 92}}};

/// How often it is decided anew who is not read.
constexpr Milliseconds round_interval{1000};

}  // namespace

OverloadLevel overload_level(OverloadLevel now, std::uint64_t used_bytes,
                             std::uint64_t budget_bytes) {
  if (budget_bytes == 0) return OverloadLevel::none;
  const std::uint64_t percent = used_bytes * 100 / budget_bytes;
  auto level = static_cast<std::size_t>(now);
  while (level > 0 && percent < thresholds[level].ends) --level;
  while (level + 1 < thresholds.size() && percent >= thresholds[level + 1].begins) ++level;
  return static_cast<OverloadLevel>(level);
}

std::string_view to_string(OverloadLevel level) {
  constexpr std::array<std::string_view, 4> names = {"none", "slow_senders", "no_new_clients",
                                                     "drop_qos0"};
  return names[static_cast<std::size_t>(level)];
}

bool is_vital(std::string_view topic) {
  if (topic.starts_with('$') || topic.starts_with("STATE/")) return true;
  switch (classify_topic(topic)) {
    case SparkplugType::none:
    case SparkplugType::ndata:
    case SparkplugType::ddata:
      return false;
    default:
      return true;
  }
}

void Core::on_overload(OverloadLevel level) {
  if (overload_ == OverloadLevel::none) next_overload_round_ = now_.steady + round_interval;
  overload_ = level;
  if (level != OverloadLevel::none) return;
  heavy_.clear();
  for (const SlowedSender& slowed : std::exchange(slowed_, {})) read_again(slowed.connection);
}

/// Only while overloaded: the bytes of each sender in this round.
void Core::note_sent(ConnectionState& connection, std::size_t size_bytes) {
  if (connection.overload_round != overload_round_) {
    connection.overload_round = overload_round_;
    connection.round_bytes = 0;
  }
  const bool was_heavy = connection.round_bytes >= limits::heavy_sender_bytes;
  connection.round_bytes += size_bytes;
  if (!was_heavy && connection.round_bytes >= limits::heavy_sender_bytes) {
    heavy_.push_back(connection.id);
  }
}

/// Once per second: the few that sent half of what came are not read for as many seconds as the
/// level says. A pause ends by itself, so that nobody is silenced: commands and deaths of a heavy
/// sender come late, never not at all.
void Core::slow_heavy_senders() {
  next_overload_round_ = now_.steady + round_interval;
  ++overload_round_;
  std::erase_if(slowed_, [this](const SlowedSender& slowed) {
    if (slowed.until_round > overload_round_) return false;
    read_again(slowed.connection);
    return true;
  });
  std::vector<ConnectionState*> heavy;
  std::uint64_t left = 0;
  for (const ConnectionId& id : std::exchange(heavy_, {})) {
    ConnectionState* const connection = connections_.find(id);
    if (connection == nullptr || !connection->accepted) continue;
    heavy.push_back(connection);
    left += connection->round_bytes;
  }
  left /= 2;
  std::ranges::sort(heavy, std::greater{}, &ConnectionState::round_bytes);
  for (ConnectionState* const connection : heavy) {
    slow(*connection);
    if (connection->round_bytes >= left) return;
    left -= connection->round_bytes;
  }
}

void Core::slow(ConnectionState& connection) {
  count(Counter::reading_paused_memory);
  Session& session = sessions_.at(connection.session);
  if (!std::exchange(session.slowed_logged, true)) {
    LINESHAFT_LOG(core, warn, "sender_slowed", {"client_id", session.client_id},
                  {"bytes_per_s", connection.round_bytes},
                  {"effect", "it is read less often until there is memory again"});
  }
  pause_reading(connection, &ConnectionState::paused_by_memory, true);
  slowed_.push_back({connection.id, overload_round_ + static_cast<std::uint32_t>(overload_)});
}

void Core::read_again(const ConnectionId& id) {
  ConnectionState* const connection = connections_.find(id);
  if (connection != nullptr) {
    pause_reading(*connection, &ConnectionState::paused_by_memory, false);
  }
}

/// A value that is lost is followed by the next one; everything else goes on.
bool Core::sheds(const Target& target, const Publication& publication) {
  if (overload_ < OverloadLevel::drop_qos0 || target.qos != QoS::at_most_once) return false;
  // What the broker says itself (wills, $SYS) has no connection behind it that could be slowed.
  if (publication.own || is_vital(publication.message->topic())) return false;
  count(Counter::dropped_qos0_memory);
  return true;
}

/// Short of memory only who comes back is let in: its queue then empties.
bool Core::too_full_for(const mqtt::ConnectPacket& packet) {
  if (overload_ < OverloadLevel::no_new_clients) return false;
  const Session* const known = sessions_.find(packet.client_id);
  if (known != nullptr && !known->ended && !is_expired(*known)) return false;
  count(Counter::connects_refused_memory);
  return true;
}

}  // namespace lineshaft::core
