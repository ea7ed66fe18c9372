#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tests/unit/sparkplug/plant.h"

namespace lineshaft::sparkplug {

/// Leads a small plant through whatever the bytes say, three for each step: births, data in and out
/// of order, deaths, lost connections, restarts, garbage. After every step it checks what must
/// always hold, and ends with `std::abort` when it does not, as a fuzzer wants it.
class EdgeDriver {
 public:
  EdgeDriver();

  void run(std::string_view script);
  /// Of everything that was decided: the same for the same script.
  std::uint64_t digest() const { return digest_; }
  std::size_t steps_online() const { return steps_online_; }
  std::size_t steps_reordering() const { return steps_reordering_; }

 private:
  struct Step {
    unsigned char what;
    unsigned char who;
    unsigned char more;
  };
  void step(Step step);
  void publish(Step step, std::string_view type, const std::string& payload);
  std::string data(Step step) const;
  void look(const Outcome& outcome);
  void check();
  void check_node(NodeNumber number);
  void restart();

  std::unique_ptr<Plant> plant_;
  WallTime started_{};
  std::map<std::string, std::string> records_;
  std::map<std::string, std::string> certificates_;
  std::uint64_t digest_ = 0;
  std::size_t steps_online_ = 0;
  std::size_t steps_reordering_ = 0;
};

}  // namespace lineshaft::sparkplug
