#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

/// Hashing and one small open-addressing index, for tables on the message path.
///
/// A std::unordered_map costs a heap node and two dependent cache misses per entry; the topic
/// structures keep a million entries and look one up per level of a name.
namespace lineshaft {

/// Multiplies to 128 bits and folds the halves: every input bit reaches every output bit.
inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ typedef unsigned __int128 Wide;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline constexpr std::uint64_t hash_multiplier_1 = 0x9E3779B97F4A7C15u;
inline constexpr std::uint64_t hash_multiplier_2 = 0xD6E8FEB86659FD93u;

/// Hash of one 64-bit key under `seed`. Names come from clients: a seed they do not know keeps
/// them from choosing names that collide.
inline std::uint32_t hash_u64(std::uint64_t key, std::uint64_t seed) {
  const std::uint64_t mixed =
      fold_multiply(key ^ hash_multiplier_1, seed ^ hash_multiplier_2) ^ seed;
  return static_cast<std::uint32_t>(fold_multiply(mixed, hash_multiplier_1) >> 32);
}

/// Hash of `bytes` under `seed`. Not for storage: the value depends on the byte order.
inline std::uint32_t hash_bytes(std::string_view bytes, std::uint64_t seed) {
  const auto word = [](const char* at, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, size);
    return value;
  };
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t state = seed ^ (bytes.size() * hash_multiplier_1);
  for (; left > 16; left -= 8, at += 8) {
    state = fold_multiply(state ^ word(at, 8), hash_multiplier_2);
  }
  // The last 0 to 16 bytes as two words that may overlap: no loop, no table.
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  if (left >= 8) {
    low = word(at, 8);
    high = word(at + left - 8, 8);
  } else if (left >= 4) {
    low = word(at, 4);
    high = word(at + left - 4, 4);
  } else if (left > 0) {
    low = word(at, 1) | word(at + left / 2, 1) << 8 | word(at + left - 1, 1) << 16;
  }
  state = fold_multiply(low ^ hash_multiplier_1, high ^ state ^ hash_multiplier_2);
  return static_cast<std::uint32_t>(fold_multiply(state ^ seed, hash_multiplier_1) >> 32);
}

/// A set of 32-bit ids found by a 32-bit hash; the keys themselves live with whoever owns the ids.
///
/// 8 bytes per slot, linear probing, at most 3/4 full, no tombstones. A slot's place is the top of
/// its hash, so growing reads and writes memory in order (about 3 ns per entry) and never looks at
/// a key. Capacity is kept until destruction. Single-threaded, like everything that owns one.
class FlatIndex {
 public:
  /// No id; never insert it.
  static constexpr std::uint32_t npos = 0xFFFF'FFFFu;

  /// The id stored under `hash` for which `equal(id)` holds, else npos.
  template <class Equal>
  std::uint32_t find(std::uint32_t hash, Equal&& equal) const {
    if (slots_.empty()) return npos;
    for (std::size_t i = home(hash);; i = next(i)) {
      const Slot& slot = slots_[i];
      if (slot.id == npos) return npos;
      if (slot.hash == hash && equal(slot.id)) return slot.id;
    }
  }

  /// Adds an id whose key is not in the index yet.
  void insert(std::uint32_t hash, std::uint32_t id) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    place(Slot{hash, id});
    ++size_;
  }

  /// Removes `id`; false if it does not stand under `hash`.
  bool erase(std::uint32_t hash, std::uint32_t id) {
    if (slots_.empty()) return false;
    std::size_t hole = home(hash);
    while (slots_[hole].id != id) {
      if (slots_[hole].id == npos) return false;
      hole = next(hole);
    }
    // Pull later entries of the same run into the hole, unless that puts one before its home.
    for (std::size_t i = next(hole); slots_[i].id != npos; i = next(i)) {
      const std::size_t from_home = (i - home(slots_[i].hash)) & (slots_.size() - 1);
      const std::size_t from_hole = (i - hole) & (slots_.size() - 1);
      if (from_home < from_hole) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole].id = npos;
    --size_;
    return true;
  }

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t id = npos;
  };
  static constexpr std::size_t capacity_min = 16;

  std::size_t home(std::uint32_t hash) const { return hash >> shift_; }
  std::size_t next(std::size_t i) const { return (i + 1) & (slots_.size() - 1); }

  void place(Slot slot) {
    std::size_t i = home(slot.hash);
    while (slots_[i].id != npos) i = next(i);
    slots_[i] = slot;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? capacity_min : slots_.size() * 2);
    old.swap(slots_);
    shift_ = 32u - static_cast<unsigned>(std::countr_zero(slots_.size()));
    for (const Slot& slot : old) {
      if (slot.id != npos) place(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  unsigned shift_ = 0;
};

}  // namespace lineshaft
