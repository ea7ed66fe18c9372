#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "broker/base/time.h"

namespace lineshaft::sparkplug {

/// What a STATE message says.
struct HostStatement {
  bool is_online = false;
  /// Milliseconds since 1970 UTC.
  std::uint64_t timestamp = 0;
};

/// `{"online":true,"timestamp":1700000000000}`; nullopt for anything else
/// (tck-id-host-topic-phid-birth-payload).
std::optional<HostStatement> read_host_statement(std::string_view payload);

/// The host applications and whether they are online. A statement older than the newest one is a
/// late will: MQTT forwards and retains it, the table does not follow.
///
/// Spec: tck-id-payloads-state-birth-payload, tck-id-payloads-state-will-message-payload,
/// tck-id-message-flow-edge-node-birth-publish-phid-wait-timestamp.
class HostTable {
 public:
  struct Host {
    bool is_online = false;
    std::uint64_t timestamp = 0;
    WallTime received{};
    /// The retained STATE is older than the newest one seen: edge nodes that connect are misled.
    bool has_late_retained = false;
    std::uint64_t late = 0;
  };
  enum class Result : std::uint8_t { changed, same, late, malformed, full };

  explicit HostTable(std::size_t hosts_max) : hosts_max_(hosts_max) {}

  Result on_state(std::string_view host_id, std::string_view payload, bool retain, WallTime now);

  const Host* find(std::string_view host_id) const;
  const std::map<std::string, Host, std::less<>>& hosts() const { return hosts_; }

 private:
  std::map<std::string, Host, std::less<>> hosts_;
  std::size_t hosts_max_;
};

}  // namespace lineshaft::sparkplug
