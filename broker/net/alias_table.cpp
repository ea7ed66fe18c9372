#include "broker/net/alias_table.h"

#include <algorithm>

#include "broker/base/flat_hash.h"

namespace lineshaft::net {
namespace {

// Only topics somebody published come here, and the table is small: no secret seed is needed.
constexpr std::uint64_t seed = 0;

}  // namespace

std::size_t AliasTable::place_of(Octets topic) const {
  const std::size_t mask = index_.size() - 1;
  std::size_t place = hash_bytes(topic, seed) & mask;
  while (index_[place] != 0 && topics_[index_[place] - 1u] != topic) place = (place + 1) & mask;
  return place;
}

AliasTable::Alias AliasTable::find(Octets topic) {
  if (!index_.empty()) {
    const std::uint16_t alias = index_[place_of(topic)];
    if (alias != 0) return {alias, false};
  }
  if (topics_.size() >= aliases_max_) return {};
  return {static_cast<std::uint16_t>(topics_.size() + 1), true};
}

void AliasTable::commit(Octets topic) {
  if ((topics_.size() + 1) * 2 > index_.size()) grow();
  const std::size_t place = place_of(topic);
  topics_.emplace_back(topic);
  index_[place] = static_cast<std::uint16_t>(topics_.size());
}

void AliasTable::grow() {
  index_.assign(std::max<std::size_t>(8, index_.size() * 2), 0);
  for (std::size_t i = 0; i < topics_.size(); ++i) {
    index_[place_of(topics_[i])] = static_cast<std::uint16_t>(i + 1);
  }
}

}  // namespace lineshaft::net
