// The decoders of stored records: any bytes give a record or a fault, and a record that was
// accepted is written and read again as the same bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "broker/base/assert.h"
#include "storage/keys.h"
#include "storage/records.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::storage;

/// Encoding an accepted record must give bytes that decode and encode to themselves. They may
/// differ from the input: a decoder takes tags it does not know and longer forms of a number.
template <class Decode, class Encode>
void round_trip(std::string_view value, Decode&& decode, Encode&& encode) {
  const auto first = decode(value);
  if (first.has_error()) {
    LINESHAFT_ASSERT(!to_string(first.error()).empty());
    return;
  }
  std::string bytes;
  encode(bytes, *first);
  const auto second = decode(std::string_view(bytes));
  LINESHAFT_ASSERT(second.has_value());
  std::string again;
  encode(again, *second);
  LINESHAFT_ASSERT(again == bytes);
}

void decode_all(std::string_view key, std::string_view value) {
  const auto with_key = [key](auto decode) {
    return [key, decode](std::string_view bytes) { return decode(key, bytes); };
  };
  round_trip(value, decode_value, encode_value);
  round_trip(value, with_key(decode_retained), encode_retained);
  round_trip(value, with_key(decode_last_value), encode_last_value);
  round_trip(value, with_key(decode_session), encode_session);
  round_trip(value, with_key(decode_subscription), encode_subscription);
  round_trip(value, with_key(decode_inflight), encode_inflight);
  round_trip(value, with_key(decode_payload), encode_payload);
  round_trip(value, with_key(decode_will), encode_will);
  round_trip(value, with_key(decode_name), [](std::string& out, const core::NameRecord& record) {
    encode_name(out, record);
  });
  // An entry whose message stands elsewhere has nothing to encode.
  const auto entry = decode_queue(key, value);
  if (entry.has_error() || entry->store_id != 0) return;
  LINESHAFT_ASSERT(entry->record.message);
  std::string bytes;
  encode_queue(bytes, entry->record);
  LINESHAFT_ASSERT(decode_queue(key, bytes).has_value());
}

}  // namespace

/// First byte: length of the key; then the key; then the value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  std::string_view input(reinterpret_cast<const char*>(data), size_bytes);
  if (input.empty()) return 0;
  const auto key_size = static_cast<std::size_t>(static_cast<std::uint8_t>(input.front()));
  input.remove_prefix(1);
  const std::string_view key = input.substr(0, key_size);
  decode_all(key, input.substr(key.size()));
  return 0;
}
