#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/base/message.h"
#include "broker/base/time.h"
#include "broker/core/extension.h"
#include "broker/core/principal.h"

namespace lineshaft::core {

/// Marks a message that no extension made.
inline constexpr std::size_t no_extension = extensions_max;

/// What the core knows about its extensions.
struct Extensions {
  struct One {
    std::shared_ptr<Extension> extension;
    std::unique_ptr<ExtensionContext, void (*)(ExtensionContext*)> context;
    std::optional<Instant> wake_at;
  };
  std::vector<One> list;

  /// Made during a packet, routed behind it.
  struct Made {
    MessagePtr message;
    PrincipalPtr author;
    std::size_t by = no_extension;
  };
  std::vector<Made> made;

  /// A connection that has ended during a packet: told behind it, and behind its will.
  struct Gone {
    std::uint64_t connection = 0;
    std::string client_id;
    PrincipalPtr principal;
    bool in_order = false;
  };
  std::vector<Gone> gone;

  std::uint64_t last_connection = 0;

  bool empty() const { return list.empty(); }
  /// Something has to be done behind the running packet.
  bool is_due() const { return !made.empty() || !gone.empty(); }
};

}  // namespace lineshaft::core
