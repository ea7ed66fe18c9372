#include "storage/batch_builder.h"

#include <algorithm>
#include <memory>
#include <variant>

#include "storage/bytes.h"
#include "storage/keys.h"
#include "storage/records.h"
#include "storage/rocks.h"

namespace lineshaft::storage {
namespace {

/// Keys of a session that are deleted one by one; more become one range deletion, which readers of
/// the family pay for until it is compacted away.
constexpr std::size_t keys_erased_singly_max = 256;
/// Old deletions an iterator may step over before the search for those keys is given up.
constexpr std::uint64_t tombstones_skipped_max = 2000;

}  // namespace

void BatchBuilder::clear() {
  batch_.Clear();
  touched_.clear();
  changes_ = 0;
}

void BatchBuilder::add(const core::Persist& persist) {
  for (const core::Change& change : persist.changes) {
    key_.clear();
    value_.clear();
    std::visit([this](const auto& what) { apply(what); }, change);
  }
  changes_ += persist.changes.size();
}

void BatchBuilder::stamp(std::uint64_t last_seq, WallTime wall) {
  key_ = meta_key::seq;
  value_.clear();
  ByteWriter(value_).u64(last_seq);
  put(Family::meta);
  key_ = meta_key::wall;
  value_.clear();
  ByteWriter(value_).u64(static_cast<std::uint64_t>(wall.time_since_epoch().count()));
  put(Family::meta);
}

void BatchBuilder::put(Family family) { batch_.Put(database_.family(family), key_, value_); }

void BatchBuilder::erase_key(Family family) { batch_.Delete(database_.family(family), key_); }

void BatchBuilder::touch(core::SessionId sid) {
  if (touched_.empty() || touched_.back() != sid) touched_.push_back(sid);
}

void BatchBuilder::apply(const core::SessionRecord& record) {
  key_ = record.client_id;
  encode_session(value_, record);
  put(Family::session);
}

void BatchBuilder::apply(const core::SessionErase& erase) {
  key_ = erase.client_id;
  erase_key(Family::session);
  const bool in_batch = std::find(touched_.begin(), touched_.end(), erase.sid) != touched_.end();
  for (const Family family : {Family::sub, Family::queue, Family::inflight}) {
    // A batch applies its parts in order: puts before this are deleted, later ones stay.
    if (in_batch || !erase_found(family, erase.sid)) erase_range(family, erase.sid);
  }
}

void BatchBuilder::erase_range(Family family, core::SessionId sid) {
  key_.clear();
  value_.clear();
  append_session_prefix(key_, sid);
  append_session_prefix(value_, sid + 1);
  batch_.DeleteRange(database_.family(family), key_, value_);
}

/// Deletes the keys the store has of a session. False: too many, or not readable; nothing done.
bool BatchBuilder::erase_found(Family family, core::SessionId sid) {
  std::string first;
  std::string end;
  append_session_prefix(first, sid);
  append_session_prefix(end, sid + 1);
  const rocksdb::Slice bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bound;
  options.max_skippable_internal_keys = tombstones_skipped_max;
  const std::unique_ptr<rocksdb::Iterator> iterator(
      database_.db().NewIterator(options, database_.family(family)));
  std::vector<std::string> keys;
  for (iterator->Seek(first); iterator->Valid(); iterator->Next()) {
    if (keys.size() == keys_erased_singly_max) return false;
    keys.push_back(iterator->key().ToString());
  }
  if (!iterator->status().ok()) return false;
  for (const std::string& key : keys) batch_.Delete(database_.family(family), key);
  return true;
}

void BatchBuilder::apply(const core::SubscriptionRecord& record) {
  touch(record.sid);
  append_sub_key(key_, record.sid, record.filter);
  encode_subscription(value_, record);
  put(Family::sub);
}

void BatchBuilder::apply(const core::SubscriptionErase& erase) {
  append_sub_key(key_, erase.sid, erase.filter);
  erase_key(Family::sub);
}

void BatchBuilder::apply(const core::QueueRecord& record) {
  touch(record.sid);
  append_queue_key(key_, record.sid, record.seq);
  encode_queue(value_, record);
  put(Family::queue);
}

void BatchBuilder::apply(const core::QueueErase& erase) {
  append_queue_key(key_, erase.sid, erase.seq);
  erase_key(Family::queue);
}

void BatchBuilder::apply(const core::InflightRecord& record) {
  touch(record.sid);
  append_inflight_key(key_, record.sid, record.direction, record.packet_id);
  encode_inflight(value_, record);
  put(Family::inflight);
}

void BatchBuilder::apply(const core::InflightErase& erase) {
  append_inflight_key(key_, erase.sid, erase.direction, erase.packet_id);
  erase_key(Family::inflight);
}

void BatchBuilder::apply(const core::PayloadRecord& record) {
  append_payload_key(key_, record.message->store_id);
  encode_payload(value_, record);
  put(Family::payload);
}

void BatchBuilder::apply(const core::PayloadErase& erase) {
  append_payload_key(key_, erase.store_id);
  erase_key(Family::payload);
}

void BatchBuilder::apply(const core::RetainedRecord& record) {
  key_ = record.message->topic();
  encode_retained(value_, record);
  put(Family::retained);
}

void BatchBuilder::apply(const core::RetainedErase& erase) {
  key_ = erase.topic;
  erase_key(Family::retained);
}

void BatchBuilder::apply(const core::LastValueRecord& record) {
  key_ = record.message->topic();
  encode_last_value(value_, record);
  put(Family::lkv);
}

void BatchBuilder::apply(const core::LastValueErase& erase) {
  key_ = erase.topic;
  erase_key(Family::lkv);
}

void BatchBuilder::apply(const core::WillRecord& record) {
  key_ = record.client_id;
  encode_will(value_, record);
  put(Family::will);
}

void BatchBuilder::apply(const core::WillErase& erase) {
  key_ = erase.client_id;
  erase_key(Family::will);
}

void BatchBuilder::apply(const core::NameRecord& record) {
  append_client_name_key(key_, record.client_id);
  encode_name_number(value_, record.number);
  put(Family::names);
  key_.clear();
  value_.clear();
  append_number_name_key(key_, record.number);
  encode_name(value_, record);
  put(Family::names);
}

void BatchBuilder::apply(const core::KeptItemRecord& record) {
  append_item_key(key_, record.family, record.key);
  encode_item(value_, record);
  put(Family::policy);
}

void BatchBuilder::apply(const core::KeptItemErase& erase) {
  append_item_key(key_, erase.family, erase.key);
  erase_key(Family::policy);
}

}  // namespace lineshaft::storage
