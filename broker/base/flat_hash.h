#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
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
/// 8 bytes per slot, linear probing, at most 3/4 full, no tombstones. The table is cut into 256
/// segments that grow one by one, so that no insertion moves more than 1/256 of the entries
/// (below 1 ms of CPU up to 3.5 million; a single table took 43 ms and more).
/// Growing never looks at a key. Capacity is kept until destruction. Single-threaded, like
/// everything that owns one.
class FlatIndex {
 public:
  /// No id; never insert it.
  static constexpr std::uint32_t npos = 0xFFFF'FFFFu;

  FlatIndex() : segments_(segment_count) {}

  /// The id stored under `hash` for which `equal(id)` holds, else npos.
  template <class Equal>
  std::uint32_t find(std::uint32_t hash, Equal&& equal) const {
    const Segment& segment = segments_[hash >> segment_shift];
    if (segment.slots == nullptr) return npos;
    for (std::uint32_t i = segment.home(hash);; i = segment.next(i)) {
      const Slot& slot = segment.slots[i];
      if (slot.id == npos) return npos;
      if (slot.hash == hash && equal(slot.id)) return slot.id;
    }
  }

  /// Adds an id whose key is not in the index yet.
  void insert(std::uint32_t hash, std::uint32_t id) {
    Segment& segment = segments_[hash >> segment_shift];
    if ((segment.size + 1) * 4 > segment.capacity() * 3) grow(segment);
    segment.place(Slot{hash, id});
    ++segment.size;
    ++size_;
  }

  /// Removes `id`; false if it does not stand under `hash`.
  bool erase(std::uint32_t hash, std::uint32_t id) {
    Segment& segment = segments_[hash >> segment_shift];
    if (segment.slots == nullptr) return false;
    std::uint32_t hole = segment.home(hash);
    while (segment.slots[hole].id != id) {
      if (segment.slots[hole].id == npos) return false;
      hole = segment.next(hole);
    }
    segment.close(hole);
    --segment.size;
    --size_;
    return true;
  }

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return segment_count * sizeof(Segment) + slots_bytes_; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t id = npos;
  };

  static constexpr std::size_t segment_count = 256;
  static constexpr unsigned segment_shift = 24;  ///< the top 8 bits choose the segment
  static constexpr std::uint32_t capacity_min = 4;

  /// The next bits below those choose the slot, so growing reads and writes memory in order.
  struct Segment {
    std::unique_ptr<Slot[]> slots;
    std::uint32_t size = 0;
    std::uint32_t mask = 0;  ///< capacity - 1, meant if there are slots

    std::uint32_t capacity() const { return slots == nullptr ? 0 : mask + 1; }
    std::uint32_t next(std::uint32_t i) const { return (i + 1) & mask; }
    std::uint32_t home(std::uint32_t hash) const {
      return static_cast<std::uint32_t>((std::uint64_t{hash << 8} * (std::uint64_t{mask} + 1)) >>
                                        32);
    }

    void place(Slot slot) {
      std::uint32_t i = home(slot.hash);
      while (slots[i].id != npos) i = next(i);
      slots[i] = slot;
    }

    /// Pulls later entries of the run into the hole, unless that puts one before its home.
    void close(std::uint32_t hole) {
      for (std::uint32_t i = next(hole); slots[i].id != npos; i = next(i)) {
        const std::uint32_t from_home = (i - home(slots[i].hash)) & mask;
        const std::uint32_t from_hole = (i - hole) & mask;
        if (from_home < from_hole) continue;
        slots[hole] = slots[i];
        hole = i;
      }
      slots[hole].id = npos;
    }
  };

  void grow(Segment& segment) {
    const std::uint32_t old_capacity = segment.capacity();
    const std::uint32_t capacity = old_capacity == 0 ? capacity_min : old_capacity * 2;
    const std::unique_ptr<Slot[]> old = std::move(segment.slots);
    segment.slots = std::make_unique<Slot[]>(capacity);
    segment.mask = capacity - 1;
    for (std::uint32_t i = 0; i < old_capacity; ++i) {
      if (old[i].id != npos) segment.place(old[i]);
    }
    slots_bytes_ += (capacity - old_capacity) * sizeof(Slot);
  }

  std::vector<Segment> segments_;
  std::size_t size_ = 0;
  std::size_t slots_bytes_ = 0;
};

}  // namespace lineshaft
