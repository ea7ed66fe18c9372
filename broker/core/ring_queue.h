#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace lineshaft::core {

/// A first-in-first-out queue that costs three words when empty (`std::deque` costs 576 bytes) and
/// gives its memory back when it runs empty after having been large.
template <class T>
class RingQueue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  T& operator[](std::size_t i) { return slots_[(head_ + i) & (capacity_ - 1)]; }
  const T& operator[](std::size_t i) const { return slots_[(head_ + i) & (capacity_ - 1)]; }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == capacity_) grow();
    slots_[(head_ + size_) & (capacity_ - 1)] = std::move(value);
    ++size_;
  }

  T pop_front() {
    T value = std::move(front());
    front() = T{};
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
    if (size_ == 0 && capacity_ > kept_capacity) clear();
    return value;
  }

  /// Removes every element for which `gone` is true; the others keep their order.
  template <class Predicate>
  void remove_if(Predicate gone) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      if (gone((*this)[i])) continue;
      if (kept != i) (*this)[kept] = std::move((*this)[i]);
      ++kept;
    }
    for (std::size_t i = kept; i < size_; ++i) (*this)[i] = T{};
    size_ = kept;
  }

  void clear() {
    slots_.reset();
    head_ = size_ = capacity_ = 0;
  }

 private:
  static constexpr std::size_t kept_capacity = 64;

  void grow() {
    const std::size_t wider = capacity_ == 0 ? 4 : capacity_ * 2;
    auto slots = std::make_unique<T[]>(wider);
    for (std::size_t i = 0; i < size_; ++i) slots[i] = std::move((*this)[i]);
    slots_ = std::move(slots);
    head_ = 0;
    capacity_ = wider;
  }

  std::unique_ptr<T[]> slots_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace lineshaft::core
