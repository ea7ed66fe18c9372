#include "broker/net/fair_queue.h"

#include <algorithm>

#include "broker/base/assert.h"

namespace lineshaft::net {

void FairQueue::push(std::size_t listener, core::ConnectionRef who) {
  if (listener >= lines_.size()) lines_.resize(listener + 1);
  lines_[listener].waiting.push_back(who);
  ++size_;
}

core::ConnectionRef FairQueue::pop() {
  LINESHAFT_ASSERT(size_ > 0);
  while (lines_[at_].waiting.empty() || lines_[at_].credit <= 0) {
    at_ = at_ + 1 == lines_.size() ? 0 : at_ + 1;
    Line& next = lines_[at_];
    // Nobody saves up more than one share.
    if (!next.waiting.empty()) next.credit = std::min(next.credit + share_, share_);
  }
  Line& line = lines_[at_];
  const core::ConnectionRef who = line.waiting.front();
  line.waiting.pop_front();
  --size_;
  return who;
}

}  // namespace lineshaft::net
