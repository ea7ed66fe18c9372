#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker/base/time.h"
#include "broker/net/token_bucket.h"

namespace lineshaft::net {

class AddressTable;

/// One connection of an address, given back when it is gone.
class AddressUse {
 public:
  AddressUse(std::shared_ptr<AddressTable> table, std::string host)
      : table_(std::move(table)), host_(std::move(host)) {}
  ~AddressUse();
  AddressUse(const AddressUse&) = delete;
  AddressUse& operator=(const AddressUse&) = delete;

 private:
  std::shared_ptr<AddressTable> table_;
  std::string host_;
};

/// Connections and rate of single addresses at one listener, where it limits them.
///
/// Any thread: a connection begins at the acceptor and ends on its shard. Holds an entry for every
/// address with a connection (the listener bounds those) and up to
/// `limits::addresses_counted_max` of others.
class AddressTable : public std::enable_shared_from_this<AddressTable> {
 public:
  enum class Refusal : std::uint8_t { none, too_many, too_fast };
  struct Verdict {
    Refusal refusal = Refusal::none;
    /// Nobody was refused since somebody was let in.
    bool is_first = false;
    std::unique_ptr<AddressUse> use;
  };

  /// 0: no limit.
  AddressTable(std::size_t connections_max, std::uint32_t per_s_max)
      : connections_max_(connections_max), per_s_max_(per_s_max) {}

  /// May this host have one more connection? Then it is counted until `use` is gone.
  Verdict admit(std::string_view host, Instant now);
  std::size_t size() const;

 private:
  friend class AddressUse;

  struct Entry {
    std::size_t open = 0;
    std::optional<TokenBucket> rate;
  };

  Verdict refuse(Refusal refusal);
  void release(const std::string& host);
  void forget_some(Instant now);

  const std::size_t connections_max_;
  const std::uint32_t per_s_max_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  bool refused_ = false;
};

/// "10.0.0.7" of "10.0.0.7:40312", "::1" of "[::1]:40312"; all of what has no port.
std::string_view host_of(std::string_view address);

}  // namespace lineshaft::net
