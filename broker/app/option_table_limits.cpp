#include <fmt/format.h>

#include <deque>
#include <string>
#include <vector>

#include "broker/app/option_table.h"

namespace lineshaft::app {
namespace {

/// Rows look at texts; these live as long as the process.
std::string_view lasting(std::string text) {
  static std::deque<std::string> texts;
  return texts.emplace_back(std::move(text));
}

constexpr OptionSpec memory_table[] = {
    {.name = "memory.budget_mb",
     .unit = "MiB",
     .min = 0,
     .max = 16'777'216,
     .number = 0,
     .takes = Takes::restart,
     .help = "Memory of the process. From 80 % of it on the heaviest senders are read less often, "
             "from 90 % on new clients are refused, from 97 % on QoS 0 is dropped; never Sparkplug "
             "births, deaths, states and commands. 0: 75 % of the control group's limit or of the "
             "machine's memory.",
     .set = [](Options& o, std::string_view, const Value& v) { assign(o.memory_budget_mb, v); }},
};

OptionSpec override_of(const OptionSpec& general) {
  OptionSpec row = general;
  const std::string_view last = general.name.substr(general.name.rfind('.') + 1);
  row.name = lasting(fmt::format("listeners.*.limits.{}", last));
  row.help = lasting(fmt::format("`{}` of this listener.", general.name));
  row.inherits = general.name;
  return row;
}

}  // namespace

std::span<const OptionSpec> memory_options() { return memory_table; }

std::span<const OptionSpec> listener_limit_options() {
  static const std::vector<OptionSpec> rows = [] {
    std::vector<OptionSpec> all;
    for (const auto table : {net_options(), mqtt_options(), storage_options()}) {
      for (const OptionSpec& spec : table) {
        if (spec.set_limit != nullptr) all.push_back(override_of(spec));
      }
    }
    return all;
  }();
  return rows;
}

}  // namespace lineshaft::app
