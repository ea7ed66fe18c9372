#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "broker/base/limits.h"
#include "broker/core/client_limits.h"

namespace lineshaft::core {

enum class Durability : std::uint8_t { sync, async };

/// What a full session queue does (storage: `overflow`).
enum class Overflow : std::uint8_t { drop_oldest, drop_newest, reject_publisher, disconnect };

/// The core's part of the options. `Core` keeps what a reload cannot change: store, durability,
/// packet size, inbound aliases, queue window and page. Its own `ClientLimits` are for clients
/// whose listener has none.
struct CoreConfig : ClientLimits {
  /// False: nothing is persisted and nothing waits (tests, bench).
  bool has_store = true;
  Durability durability = Durability::sync;

  /// By the listener's name.
  std::map<std::string, ClientLimits, std::less<>> listeners;
  std::uint32_t idle_session_expiry_s = limits::idle_session_expiry_s;
  std::size_t sessions_max = limits::sessions_max;

  Overflow overflow = Overflow::drop_oldest;
  std::size_t queue_window = limits::queue_window;
  std::size_t queue_page = limits::queue_page;

  std::size_t ram_topics_max = limits::ram_topics_max;
  std::size_t topic_entries_idle_max = limits::topic_entries_idle_max;
  /// Keep last values of topics that are not retained.
  bool last_values = true;
  /// Only topics that match one of these (empty: all) and none of the excluded ones.
  std::vector<std::string> last_values_include;
  std::vector<std::string> last_values_exclude;
  Milliseconds lkv_flush = limits::lkv_flush;
  std::size_t inline_bytes_max = limits::inline_bytes_max;
  bool qos1_always_sync = false;
  std::uint32_t will_grace_s = limits::will_grace_s;
};

}  // namespace lineshaft::core
