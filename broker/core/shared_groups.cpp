#include "broker/core/shared_groups.h"

#include <algorithm>

namespace lineshaft::core {

/// A filter has no NUL [MQTT-1.5.4-2].
std::string SharedGroups::key(std::string_view zone, std::string_view filter) {
  std::string made(filter);
  return (made += '\0').append(zone);
}

SharedGroups::Joined SharedGroups::join(std::string_view zone, std::string_view filter,
                                        const SharedGroup::Member& member) {
  auto [place, is_new] = by_key_.try_emplace(key(zone, filter), last_ + 1);
  if (is_new) ++last_;
  SharedGroup& group = groups_[place->second];
  if (is_new) {
    group.filter = filter;
    group.zone = zone;
  }
  const auto same = std::ranges::find(group.members, member.session, &SharedGroup::Member::session);
  if (same == group.members.end()) {
    group.members.push_back(member);
  } else {
    *same = member;
  }
  return {place->second, is_new};
}

bool SharedGroups::leave(ShareId share, SessionIndex session) {
  const auto found = groups_.find(share);
  if (found == groups_.end()) return false;
  SharedGroup& group = found->second;
  std::erase_if(group.members,
                [session](const SharedGroup::Member& m) { return m.session == session; });
  if (!group.members.empty()) return false;
  by_key_.erase(key(group.zone, group.filter));
  groups_.erase(found);
  return true;
}

SharedGroup* SharedGroups::find(ShareId share) {
  const auto found = groups_.find(share);
  return found == groups_.end() ? nullptr : &found->second;
}

ShareId SharedGroups::find(std::string_view zone, std::string_view filter) const {
  const auto found = by_key_.find(key(zone, filter));
  return found == by_key_.end() ? 0 : found->second;
}

}  // namespace lineshaft::core
