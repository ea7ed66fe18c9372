#include "auth/hash_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace lineshaft::auth {
namespace {

constexpr int niceness = 10;

}  // namespace

std::size_t HashQueue::size_of(const std::string& group) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(waiting_, [&](const Waiting& one) { return one.job.group == group; }));
}

std::vector<HashQueue::Waiting>::iterator HashQueue::last_of_longest(bool only_strangers) {
  auto longest = waiting_.end();
  std::size_t size = 0;
  for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
    if (only_strangers && one->job.is_known) continue;
    // The later one of a group, for it is its last.
    if (const std::size_t its = size_of(one->job.group); its >= size) {
      size = its;
      longest = one;
    }
  }
  return longest;
}

std::vector<HashJob> HashQueue::push(HashJob job) {
  const auto strangers = static_cast<std::size_t>(
      std::ranges::count_if(waiting_, [](const Waiting& one) { return !one.job.is_known; }));
  const bool no_place = waiting_.size() >= jobs_max_;
  std::vector<HashJob> refused;
  const std::size_t own = size_of(job.group);
  if (no_place || (!job.is_known && strangers >= strangers_max_)) {
    const auto victim = last_of_longest(!no_place);
    // Two more than we have, or the two would only take each other's place.
    const bool makes_room = victim != waiting_.end() && size_of(victim->job.group) >= own + 2;
    refused.push_back(std::move(makes_room ? victim->job : job));
    if (!makes_room) return refused;
    waiting_.erase(victim);
  }
  std::uint64_t round = round_;
  for (const Waiting& one : waiting_) {
    if (one.job.group == job.group) round = std::max(round, one.round + 1);
  }
  waiting_.push_back({round, std::move(job)});
  return refused;
}

HashJob HashQueue::pop() {
  const auto next = std::ranges::min_element(waiting_, {}, &Waiting::round);
  round_ = next->round;
  HashJob job = std::move(next->job);
  waiting_.erase(next);
  return job;
}

HashPool::HashPool(std::size_t threads, std::size_t jobs_max, std::size_t strangers_max)
    : queue_(jobs_max, strangers_max) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

HashPool::~HashPool() {
  {
    std::lock_guard lock(mutex_);
    stops_ = true;
  }
  has_work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void HashPool::submit(HashJob job) {
  std::vector<HashJob> refused;
  {
    std::lock_guard lock(mutex_);
    refused = queue_.push(std::move(job));
  }
  has_work_.notify_one();
  for (const HashJob& one : refused) one.refuse();
}

void HashPool::run() {
  // On Linux a thread has a priority of its own. Without the right to change it nothing is lost.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
  std::unique_lock lock(mutex_);
  for (;;) {
    has_work_.wait(lock, [this] { return stops_ || !queue_.empty(); });
    if (stops_) return;
    const HashJob job = queue_.pop();
    lock.unlock();
    job.run();
    lock.lock();
  }
}

}  // namespace lineshaft::auth
