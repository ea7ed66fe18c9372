#include "storage/payload_reader.h"

#include <string>

#include "broker/base/log.h"
#include "storage/keys.h"
#include "storage/records.h"
#include "storage/rocks.h"

namespace lineshaft::storage {

PayloadReader::Outcome PayloadReader::read(std::uint64_t store_id, KeptMessagePtr& message) {
  if (const auto known = remembered_.find(store_id); known != remembered_.end()) {
    message = known->second;
    return Outcome::found;
  }
  std::string key;
  append_payload_key(key, store_id);
  rocksdb::PinnableSlice value;
  const auto status =
      database_.db().Get(rocksdb::ReadOptions(), database_.family(Family::payload), key, &value);
  if (status.IsNotFound()) return Outcome::missing;
  if (!status.ok()) return Outcome::unreadable;
  auto decoded = decode_payload(key, to_view(value));
  if (decoded.has_error()) {
    LINESHAFT_LOG(storage, error, "payload_not_readable", {"store_id", store_id},
                  {"fault", to_string(decoded.error())});
    return Outcome::missing;
  }
  message = std::move(decoded->message);
  remember(store_id, message);
  return Outcome::found;
}

void PayloadReader::remember(std::uint64_t store_id, const KeptMessagePtr& message) {
  remembered_.emplace(store_id, message);
  order_.push_back(store_id);
  remembered_bytes_ += message->footprint();
  while (remembered_bytes_ > remembered_bytes_max_ && order_.size() > 1) {
    const auto oldest = remembered_.find(order_.front());
    remembered_bytes_ -= oldest->second->footprint();
    remembered_.erase(oldest);
    order_.pop_front();
  }
}

}  // namespace lineshaft::storage
