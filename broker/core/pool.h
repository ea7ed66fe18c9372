#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace lineshaft::core {

/// Objects named by a 32-bit index, in blocks that never move.
///
/// A vector of a million nodes would copy 32 MB inside one turn when it grows, and keep up to half
/// of it as slack. Freed indexes are reused last in, first out; blocks are kept until destruction.
/// `take` hands an object out in the state its last user left it in (a new one is `T{}`).
template <class T, std::size_t BlockSize = 1024>
class Pool {
 public:
  std::uint32_t take() {
    if (!free_.empty()) {
      const std::uint32_t index = free_.back();
      free_.pop_back();
      return index;
    }
    if (used_ % BlockSize == 0) blocks_.push_back(std::make_unique<T[]>(BlockSize));
    return used_++;
  }

  void give_back(std::uint32_t index) { free_.push_back(index); }

  T& operator[](std::uint32_t index) { return blocks_[index / BlockSize][index % BlockSize]; }
  const T& operator[](std::uint32_t index) const {
    return blocks_[index / BlockSize][index % BlockSize];
  }

  /// Objects handed out and not given back.
  std::size_t size() const { return used_ - free_.size(); }

  /// Memory of the blocks and lists, without what the objects themselves own.
  std::size_t memory_bytes() const {
    return blocks_.size() * BlockSize * sizeof(T) + blocks_.capacity() * sizeof(blocks_[0]) +
           free_.capacity() * sizeof(free_[0]);
  }

 private:
  std::vector<std::unique_ptr<T[]>> blocks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t used_ = 0;
};

}  // namespace lineshaft::core
