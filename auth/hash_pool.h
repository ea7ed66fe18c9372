#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "broker/base/limits.h"

namespace lineshaft::auth {

/// Threads for work that takes long, with a bounded queue. They run at a lower priority than the
/// broker's other threads: hashing never takes a processor from a message.
class HashPool {
 public:
  explicit HashPool(std::size_t threads = limits::hash_threads,
                    std::size_t queue_max = limits::hash_queue_max);
  /// Ends the threads; what waits is dropped.
  ~HashPool();
  HashPool(const HashPool&) = delete;
  HashPool& operator=(const HashPool&) = delete;

  /// Any thread. False: the queue is full, and `work` will not be called.
  bool submit(std::function<void()> work);

 private:
  void run();

  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable has_work_;
  std::deque<std::function<void()>> queue_;
  bool stops_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace lineshaft::auth
