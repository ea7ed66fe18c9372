#include "auth/backoff.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "auth/crypto.h"
#include "broker/base/metrics.h"

namespace lineshaft::auth {
namespace {

/// No name contains a control character. Nobody has a very long one, but somebody may send it.
std::string name_key(std::string_view name, const std::string& group) {
  const bool is_long = name.size() > limits::user_name_size_bytes_max;
  std::string key = is_long ? sha256(name) : std::string(name);
  key += '\0';
  return key + group;
}

}  // namespace

std::list<BackoffTable::Entry>& BackoffTable::home_of(const Entry& entry) {
  return entry.trusted ? trusted_ : others_;
}

BackoffTable::Entry* BackoffTable::find(const std::string& key) {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &*found->second;
}

BackoffTable::Entry& BackoffTable::obtain(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    std::list<Entry>& home = home_of(*found->second);
    home.splice(home.begin(), home, found->second);
    return home.front();
  }
  make_room(others_);
  others_.push_front({});
  others_.front().key = key;
  by_key_.emplace(others_.front().key, others_.begin());
  return others_.front();
}

void BackoffTable::make_room(std::list<Entry>& home) {
  if (home.size() < limits::login_backoffs_max) return;
  count(Counter::login_backoffs_forgotten);
  by_key_.erase(home.back().key);
  home.pop_back();
}

bool BackoffTable::may_try(const std::string& key, Instant now) {
  Entry* const entry = find(key);
  if (entry == nullptr) return true;
  if (now >= entry->last_failure + limits::login_backoff_memory) entry->failures = 0;
  const std::uint32_t under_way = limits_.counts_pending ? entry->pending : 0;
  // A fleet that shares a name behind one address comes back all at once after a cut.
  const bool is_fleet = entry->trusted && entry->failures == 0;
  if (is_fleet && under_way < limits::login_fleet_pending_max) return true;
  if (entry->failures + under_way < limits_.failures_free) return true;
  return entry->pending == 0 && now >= entry->next;
}

void BackoffTable::begin(const std::string& key) { ++obtain(key).pending; }

void BackoffTable::succeeded(const std::string& key) {
  Entry& entry = obtain(key);
  if (entry.pending > 0) --entry.pending;
  entry.failures = 0;
  if (entry.trusted) return;
  make_room(trusted_);
  entry.trusted = true;
  trusted_.splice(trusted_.begin(), others_, by_key_.find(key)->second);
}

void BackoffTable::failed(const std::string& key, Instant now) {
  Entry& entry = obtain(key);
  if (entry.pending > 0) --entry.pending;
  ++entry.failures;
  entry.last_failure = now;
  if (entry.failures < limits_.failures_free) return;
  const std::uint32_t doublings =
      std::min<std::uint32_t>(entry.failures - limits_.failures_free, 16);
  entry.next = now + std::min(limits_.distance_min * (1 << doublings), limits_.distance_max);
}

void BackoffTable::abandoned(const std::string& key) {
  Entry* const entry = find(key);
  if (entry != nullptr && entry->pending > 0) --entry->pending;
}

bool BackoffTable::is_trusted(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found != by_key_.end() && found->second->trusted;
}

LoginBackoff::LoginBackoff()
    : names_({limits::login_failures_free, limits::login_backoff_min, limits::login_backoff_max,
              true}),
      addresses_({limits::login_failures_free_address, limits::login_backoff_min,
                  limits::login_backoff_address_max, false}) {}

bool LoginBackoff::begin(std::string_view name, std::string_view address, Instant now) {
  const std::string group = address_group(address);
  const std::string key = name_key(name, group);
  if (!names_.may_try(key, now)) return false;
  if (!names_.is_trusted(key) && !addresses_.may_try(group, now)) return false;
  names_.begin(key);
  addresses_.begin(group);
  return true;
}

bool LoginBackoff::is_known(std::string_view name, std::string_view address) const {
  return names_.is_trusted(name_key(name, address_group(address)));
}

void LoginBackoff::end(std::string_view name, std::string_view address, Outcome outcome,
                       Instant now) {
  const std::string group = address_group(address);
  const std::string key = name_key(name, group);
  switch (outcome) {
    case Outcome::right:
      names_.succeeded(key);
      // One right password does not buy an address more wrong ones.
      addresses_.abandoned(group);
      break;
    case Outcome::wrong:
      names_.failed(key, now);
      addresses_.failed(group, now);
      break;
    case Outcome::not_tried:
      names_.abandoned(key);
      addresses_.abandoned(group);
      break;
  }
}

std::string address_group(std::string_view peer_address) {
  if (peer_address.starts_with("unix:")) return std::string(peer_address);
  const std::string_view host = peer_address.substr(0, peer_address.rfind(':'));
  if (!host.starts_with('[') || !host.ends_with(']')) return std::string(host);
  in6_addr address{};
  const std::string text(host.substr(1, host.size() - 2));
  if (::inet_pton(AF_INET6, text.c_str(), &address) != 1) return text;
  if (IN6_IS_ADDR_V4MAPPED(&address)) {  // a load balancer may name IPv4 clients so
    std::array<char, INET_ADDRSTRLEN> v4{};
    ::inet_ntop(AF_INET, address.s6_addr + 12, v4.data(), v4.size());
    return v4.data();
  }
  return std::string(reinterpret_cast<const char*>(address.s6_addr), 8);
}

}  // namespace lineshaft::auth
