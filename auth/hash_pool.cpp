#include "auth/hash_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace lineshaft::auth {
namespace {

constexpr int niceness = 10;

}  // namespace

HashPool::HashPool(std::size_t threads, std::size_t queue_max) : queue_max_(queue_max) {
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

bool HashPool::submit(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() >= queue_max_) return false;
    queue_.push_back(std::move(work));
  }
  has_work_.notify_one();
  return true;
}

void HashPool::run() {
  // On Linux a thread has a priority of its own. Without the right to change it nothing is lost.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
  std::unique_lock lock(mutex_);
  for (;;) {
    has_work_.wait(lock, [this] { return stops_ || !queue_.empty(); });
    if (stops_) return;
    const auto work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

}  // namespace lineshaft::auth
