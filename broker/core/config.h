#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/base/limits.h"

namespace lineshaft::core {

enum class Durability : std::uint8_t { sync, async };

/// What a full session queue does (storage: `overflow`).
enum class Overflow : std::uint8_t { drop_oldest, drop_newest, reject_publisher, disconnect };

/// The core's part of the options. `Core` keeps what a reload cannot change: store, durability,
/// packet size, inbound aliases, queue window and page.
struct CoreConfig {
  /// False: nothing is persisted and nothing waits (tests, bench).
  bool has_store = true;
  Durability durability = Durability::sync;

  std::uint32_t packet_size_bytes_max = limits::packet_size_bytes_max;
  std::uint16_t receive_maximum = limits::receive_maximum;
  std::uint16_t inflight_out_max = limits::inflight_out_max;
  std::uint16_t topic_alias_in_max = limits::topic_alias_in_max;
  std::uint16_t topic_alias_out_max = limits::topic_alias_out_max;
  std::uint16_t keep_alive_s_max = limits::keep_alive_s_max;
  std::uint32_t session_expiry_s_max = limits::session_expiry_s_max;
  std::uint32_t idle_session_expiry_s = limits::idle_session_expiry_s;
  std::size_t subscriptions_per_session_max = limits::subscriptions_per_session_max;
  std::size_t sessions_max = limits::sessions_max;

  Overflow overflow = Overflow::drop_oldest;
  std::size_t queued_max = limits::queued_max;
  std::size_t queued_bytes_max = limits::queued_bytes_max;
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
