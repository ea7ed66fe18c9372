#include "broker/net/address_table.h"

#include <utility>

#include "broker/base/limits.h"

namespace lineshaft::net {

AddressUse::~AddressUse() { table_->release(host_); }

AddressTable::Verdict AddressTable::admit(std::string_view host, Instant now) {
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= limits::addresses_counted_max) forget_some(now);
  Entry& entry = entries_[std::string(host)];
  if (connections_max_ != 0 && entry.open >= connections_max_) {
    return refuse(Refusal::too_many);
  }
  if (per_s_max_ != 0) {
    if (!entry.rate) entry.rate.emplace(per_s_max_, now);
    if (!entry.rate->take(now)) return refuse(Refusal::too_fast);
  }
  ++entry.open;
  refused_ = false;
  return {Refusal::none, false,
          std::make_unique<AddressUse>(shared_from_this(), std::string(host))};
}

AddressTable::Verdict AddressTable::refuse(Refusal refusal) {
  return {refusal, !std::exchange(refused_, true), nullptr};
}

std::size_t AddressTable::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void AddressTable::release(const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(host);
  --found->second.open;
  // Its rate is remembered; without one there is nothing to remember.
  if (found->second.open == 0 && !found->second.rate) entries_.erase(found);
}

/// First who could as well be new, then everybody without a connection: whoever fills the table
/// with addresses of his own gains a fresh second for each of them, no more.
void AddressTable::forget_some(Instant now) {
  std::erase_if(entries_, [now](auto& one) {
    return one.second.open == 0 && (!one.second.rate || one.second.rate->full(now));
  });
  if (entries_.size() < limits::addresses_counted_max) return;
  std::erase_if(entries_, [](const auto& one) { return one.second.open == 0; });
}

std::string_view host_of(std::string_view address) {
  if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
  const std::size_t colon = address.rfind(':');
  // An IPv6 address without port has more of them.
  if (colon == std::string_view::npos || address.find(':') != colon) return address;
  return address.substr(0, colon);
}

}  // namespace lineshaft::net
