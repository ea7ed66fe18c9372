#include "broker/core/session.h"

#include <utility>

namespace lineshaft::core {

Session* SessionTable::find(std::string_view client_id) {
  const auto found = by_client_id_.find(client_id);
  return found == by_client_id_.end() ? nullptr : slots_[found->second].session.get();
}

Session& SessionTable::create(std::string client_id) {
  SessionIndex index = no_session;
  if (free_.empty()) {
    index = static_cast<SessionIndex>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.session = std::make_unique<Session>();
  slot.session->client_id = std::move(client_id);
  slot.session->index = index;
  slot.session->generation = slot.generation;
  by_client_id_.emplace(slot.session->client_id, index);
  return *slot.session;
}

void SessionTable::erase(SessionIndex index) {
  Slot& slot = slots_[index];
  by_client_id_.erase(slot.session->client_id);
  slot.session.reset();
  ++slot.generation;
  free_.push_back(index);
}

Session* SessionTable::get(SessionIndex index, std::uint32_t generation) {
  if (index >= slots_.size() || slots_[index].generation != generation) return nullptr;
  return slots_[index].session.get();
}

}  // namespace lineshaft::core
