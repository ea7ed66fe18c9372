#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "broker/core/principal.h"

namespace lineshaft::core {

/// What each identity has in the broker, for the limits per identity. Who proved nothing is not
/// counted. Holds an entry per identity that has something, so it is bounded by the sessions and
/// by the authors of retained messages.
class Quotas {
 public:
  struct Use {
    std::size_t sessions = 0;
    /// Those of them whose client is connected.
    std::size_t connections = 0;
    /// Topics whose retained message it wrote.
    std::size_t retained = 0;
  };

  Use of(const Principal& identity) const;

  /// A session passes from one owner to another; null: from or to nobody.
  void pass_session(const Principal* from, const Principal* to);
  void connected(const Principal* owner) { change(owner, &Use::connections, 1); }
  void disconnected(const Principal* owner) { change(owner, &Use::connections, -1); }
  /// A topic's retained message is of another author than before; null: there is or was none.
  void pass_retained(const Principal* from, const Principal* to);

 private:
  void change(const Principal* identity, std::size_t Use::*what, int by);

  std::unordered_map<std::string, Use> uses_;
};

}  // namespace lineshaft::core
