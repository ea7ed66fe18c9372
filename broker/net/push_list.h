#pragma once

#include <atomic>
#include <utility>

namespace lineshaft::net {

/// Many threads push, one takes everything at once; no locks, a push never waits and never fails.
/// Nodes need a member `Node* next` and come out in the order they were pushed.
template <class Node>
class PushList {
 public:
  PushList() = default;
  PushList(const PushList&) = delete;
  PushList& operator=(const PushList&) = delete;
  ~PushList() { destroy(take_all()); }

  /// Takes ownership. True: the list was empty, its reader may sleep and must be woken.
  bool push(Node* node) {
    Node* first = first_.load(std::memory_order_relaxed);
    do {
      node->next = first;
    } while (!first_.compare_exchange_weak(first, node, std::memory_order_seq_cst,
                                           std::memory_order_relaxed));
    return first == nullptr;
  }

  bool empty() const { return first_.load(std::memory_order_seq_cst) == nullptr; }

  /// The oldest node; the others follow by `next`. The caller owns them.
  Node* take_all() {
    // A look first: an exchange would take the cache line from the writers for nothing.
    if (first_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    Node* newest = first_.exchange(nullptr, std::memory_order_acquire);
    Node* oldest = nullptr;
    while (newest != nullptr) {
      Node* const next = std::exchange(newest->next, oldest);
      oldest = std::exchange(newest, next);
    }
    return oldest;
  }

  static void destroy(Node* node) {
    while (node != nullptr) delete std::exchange(node, node->next);
  }

 private:
  std::atomic<Node*> first_{nullptr};
};

}  // namespace lineshaft::net
