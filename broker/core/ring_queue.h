#pragma once

#include <compare>
#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

namespace lineshaft::core {

/// A place in a `RingQueue`, valid until the queue changes otherwise than at its back.
template <class Queue, class Value>
class RingIterator {
 public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = std::remove_const_t<Value>;
  using difference_type = std::ptrdiff_t;
  using pointer = Value*;
  using reference = Value&;

  RingIterator() = default;
  RingIterator(Queue* queue, std::ptrdiff_t at) : queue_(queue), at_(at) {}

  Value& operator*() const { return (*queue_)[static_cast<std::size_t>(at_)]; }
  Value* operator->() const { return &**this; }
  Value& operator[](std::ptrdiff_t n) const { return *(*this + n); }
  RingIterator& operator++() { return *this += 1; }
  RingIterator& operator--() { return *this += -1; }
  RingIterator operator++(int) { return std::exchange(*this, *this + 1); }
  RingIterator operator--(int) { return std::exchange(*this, *this - 1); }
  RingIterator& operator+=(std::ptrdiff_t n) {
    at_ += n;
    return *this;
  }
  RingIterator& operator-=(std::ptrdiff_t n) { return *this += -n; }
  friend RingIterator operator+(RingIterator place, std::ptrdiff_t n) { return place += n; }
  friend RingIterator operator+(std::ptrdiff_t n, RingIterator place) { return place += n; }
  friend RingIterator operator-(RingIterator place, std::ptrdiff_t n) { return place -= n; }
  friend std::ptrdiff_t operator-(const RingIterator& a, const RingIterator& b) {
    return a.at_ - b.at_;
  }
  bool operator==(const RingIterator& other) const { return at_ == other.at_; }
  auto operator<=>(const RingIterator& other) const { return at_ <=> other.at_; }

 private:
  Queue* queue_ = nullptr;
  std::ptrdiff_t at_ = 0;
};

/// A first-in-first-out queue that costs four words when empty (`std::deque` costs 576 bytes) and
/// gives its memory back when it runs empty after having been large. Taking from the front costs
/// the same however many stand behind; from the middle, the shorter part moves.
template <class T>
class RingQueue {
 public:
  using iterator = RingIterator<RingQueue, T>;
  using const_iterator = RingIterator<const RingQueue, const T>;

  iterator begin() { return {this, 0}; }
  iterator end() { return {this, static_cast<std::ptrdiff_t>(size_)}; }
  const_iterator begin() const { return {this, 0}; }
  const_iterator end() const { return {this, static_cast<std::ptrdiff_t>(size_)}; }
  /// The place of an element of this queue.
  iterator iterator_to(const T& element) {
    const auto slot = static_cast<std::size_t>(&element - slots_.get());
    return {this, static_cast<std::ptrdiff_t>((slot - head_) & (capacity_ - 1))};
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  T& operator[](std::size_t i) { return slots_[(head_ + i) & (capacity_ - 1)]; }
  const T& operator[](std::size_t i) const { return slots_[(head_ + i) & (capacity_ - 1)]; }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(const T& value) { push_back(T(value)); }
  void push_back(T&& value) {
    if (size_ == capacity_) grow();
    slots_[(head_ + size_) & (capacity_ - 1)] = std::move(value);
    ++size_;
  }

  /// What is moved from holds nothing: `T` must be such a type.
  T pop_front() {
    T value = std::move(front());
    drop_front();
    return value;
  }

  /// Removes the element at `place`; all iterators are invalid then.
  void erase(iterator place) {
    const auto at = static_cast<std::size_t>(place - begin());
    if (at <= size_ / 2) {
      if (at == 0) front() = T{};
      for (std::size_t i = at; i > 0; --i) (*this)[i] = std::move((*this)[i - 1]);
      drop_front();
      return;
    }
    for (std::size_t i = at + 1; i < size_; ++i) (*this)[i - 1] = std::move((*this)[i]);
    back() = T{};
    --size_;
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

  void drop_front() {
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
    if (size_ == 0 && capacity_ > kept_capacity) clear();
  }

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
