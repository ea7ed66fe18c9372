#pragma once

#include <rocksdb/write_batch.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/core/persist.h"
#include "storage/database.h"

namespace lineshaft::storage {

/// Turns changes into one RocksDB batch over all column families: durable together or not at all.
///
/// Owned by the journal thread, which is the only writer: what the store and the batch hold is all
/// there is.
class BatchBuilder {
 public:
  explicit BatchBuilder(Database& database) : database_(database) {}

  /// Starts an empty batch.
  void clear();
  void add(const core::Persist& persist);
  /// Adds the newest sequence number and the time, so that neither is ever used again.
  void stamp(std::uint64_t last_seq, WallTime wall);

  rocksdb::WriteBatch& batch() { return batch_; }
  std::size_t size_bytes() const { return batch_.GetDataSize(); }
  /// Changes added since `clear`.
  std::size_t changes() const { return changes_; }

 private:
  void apply(const core::SessionRecord& record);
  void apply(const core::SessionErase& erase);
  void apply(const core::SubscriptionRecord& record);
  void apply(const core::SubscriptionErase& erase);
  void apply(const core::QueueRecord& record);
  void apply(const core::QueueErase& erase);
  void apply(const core::InflightRecord& record);
  void apply(const core::InflightErase& erase);
  void apply(const core::PayloadRecord& record);
  void apply(const core::PayloadErase& erase);
  void apply(const core::RetainedRecord& record);
  void apply(const core::RetainedErase& erase);
  void apply(const core::LastValueRecord& record);
  void apply(const core::LastValueErase& erase);
  void apply(const core::WillRecord& record);
  void apply(const core::WillErase& erase);
  void apply(const core::NameRecord& record);
  void apply(const core::KeptItemRecord& record);
  void apply(const core::KeptItemErase& erase);

  void put(Family family);
  void erase_key(Family family);
  void touch(core::SessionId sid);
  void erase_range(Family family, core::SessionId sid);
  bool erase_found(Family family, core::SessionId sid);

  Database& database_;
  rocksdb::WriteBatch batch_;
  std::size_t changes_ = 0;
  /// Sessions that have puts in this batch, in order of appearance, neighbours once.
  std::vector<core::SessionId> touched_;
  std::string key_;
  std::string value_;
};

}  // namespace lineshaft::storage
