#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/base/message.h"

namespace lineshaft::net {

/// Topic aliases towards one client: first come, never evicted; dies with the connection
/// [MQTT-3.3.2-7].
class AliasTable {
 public:
  explicit AliasTable(std::uint16_t aliases_max) : aliases_max_(aliases_max) {}

  struct Alias {
    /// 0: the table is full and the topic is not in it.
    std::uint16_t alias = 0;
    /// The client has not been told yet what the alias means.
    bool is_new = false;
  };

  /// The alias of `topic`; a new one is taken only by `commit`.
  Alias find(Octets topic);
  /// The message that carries topic and the new alias is on its way.
  void commit(Octets topic);

 private:
  std::size_t place_of(Octets topic) const;
  void grow();

  std::uint16_t aliases_max_;
  /// Alias n stands at n - 1.
  std::vector<std::string> topics_;
  /// Open addressing, power of two, at most half full; 0 is free, else an alias.
  std::vector<std::uint16_t> index_;
};

}  // namespace lineshaft::net
