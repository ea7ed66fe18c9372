#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "broker/base/message.h"
#include "storage/database.h"

namespace lineshaft::storage {

/// Reads shared messages by their `store_id` and remembers the latest ones, so that queues that
/// share a message share it in memory again. A `store_id` is never used twice: nothing goes stale.
///
/// Owned by one thread.
class PayloadReader {
 public:
  PayloadReader(Database& database, std::size_t remembered_bytes_max)
      : database_(database), remembered_bytes_max_(remembered_bytes_max) {}

  enum class Outcome : std::uint8_t { found, missing, unreadable };
  /// `message` is set when the outcome is `found`. `missing`: not there, or its bytes are no
  /// message. `unreadable`: the disk failed, ask again.
  Outcome read(std::uint64_t store_id, KeptMessagePtr& message);

 private:
  void remember(std::uint64_t store_id, const KeptMessagePtr& message);

  Database& database_;
  std::size_t remembered_bytes_max_;
  std::size_t remembered_bytes_ = 0;
  std::unordered_map<std::uint64_t, KeptMessagePtr> remembered_;
  std::deque<std::uint64_t> order_;
};

}  // namespace lineshaft::storage
