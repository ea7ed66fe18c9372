#pragma once

#include <cstddef>
#include <cstdint>

#include "broker/base/message.h"
#include "broker/core/extensions.h"
#include "broker/core/principal.h"
#include "broker/core/session.h"
#include "broker/core/topic_entry.h"

namespace lineshaft::core {

/// One delivery that a publish leads to.
struct Target {
  Session* session = nullptr;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  /// Counts against a rate when it goes out.
  bool limited = false;
  /// Somebody asked for it: a full outbox takes it all the same.
  bool wanted = false;
  ShareId share = 0;
  std::uint32_t identifiers_begin = 0;
  std::uint32_t identifiers_size = 0;
};

/// What a publish needs on its way through the router.
struct Publication {
  MessagePtr message;
  /// What came, when an extension has put another one in its place; null: `message` is it.
  MessagePtr original;
  TopicIndex topic = no_topic;
  /// Null for the broker's own.
  Session* publisher = nullptr;
  /// Whose it is when no session published it; null: the session's owner.
  const PrincipalPtr* author = nullptr;
  /// A will, or of the broker itself: nobody sent it just now.
  bool own = false;
  /// The extension that made it does not see it again.
  std::size_t made_by = no_extension;
  /// Made when somebody keeps it.
  KeptMessagePtr kept;
  /// No delivery may leave before this is committed (a stored QoS 2 identifier).
  std::uint64_t hold_seq = 0;
};

}  // namespace lineshaft::core
