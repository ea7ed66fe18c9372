#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "broker/base/limits.h"

namespace lineshaft::auth {

/// A password to be hashed.
struct HashJob {
  /// Who shares a place in the queue: the clients of one address.
  std::string group;
  /// The right password has come with this name from this address before.
  bool is_known = false;
  /// On a thread of the pool.
  std::function<void()> run;
  /// Instead, when there is no place for it: inside the `submit` that took its place.
  std::function<void()> refuse;
};

/// What waits to be hashed: groups take turns, and a full queue takes from the one with most in it.
/// So who comes with many passwords waits for himself. Not thread-safe.
class HashQueue {
 public:
  explicit HashQueue(std::size_t jobs_max, std::size_t strangers_max)
      : jobs_max_(jobs_max), strangers_max_(strangers_max) {}

  /// Returns what is not to run: empty, the new job, or one that had to make room for it.
  std::vector<HashJob> push(HashJob job);
  bool empty() const { return waiting_.empty(); }
  /// Of a queue that is not empty.
  HashJob pop();

 private:
  struct Waiting {
    /// Every group has one job in each round.
    std::uint64_t round;
    HashJob job;
  };

  std::size_t size_of(const std::string& group) const;
  /// Of the group with most jobs (those of strangers, if only they count) its last one.
  std::vector<Waiting>::iterator last_of_longest(bool only_strangers);

  const std::size_t jobs_max_;
  const std::size_t strangers_max_;
  std::uint64_t round_ = 0;
  /// In the order they came.
  std::vector<Waiting> waiting_;
};

/// Threads for work that takes long, with a bounded queue. They run at a lower priority than the
/// broker's other threads: hashing never takes a processor from a message.
class HashPool {
 public:
  explicit HashPool(std::size_t threads = limits::hash_threads,
                    std::size_t jobs_max = limits::hash_queue_max,
                    std::size_t strangers_max = limits::hash_queue_strangers_max);
  /// Ends the threads; what waits is dropped.
  ~HashPool();
  HashPool(const HashPool&) = delete;
  HashPool& operator=(const HashPool&) = delete;

  /// Any thread. One of the job's two functions is called, once, unless the pool ends before.
  void submit(HashJob job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable has_work_;
  HashQueue queue_;
  bool stops_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace lineshaft::auth
