#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/sim/random_run.h"

/// Runs seeds and says which one fails: `sim_run [--seeds N] [--first S] [--events M]`. One seed
/// again, with everything that happens: `sim_run --seed S [--events M]`. With an injected bug:
/// `sim_run --fault NAME`.
namespace {

using namespace lineshaft::sim;

constexpr const char* usage =
    "usage: sim_run [--seeds N] [--first S] [--events M] [--fault NAME] | --seed S [--events M]\n"
    "  --seeds N    seeds to run (default 10000)\n"
    "  --first S    the first of them (default 1)\n"
    "  --events M   events per seed (default 300)\n"
    "  --seed S     only this seed, with a trace\n"
    "  --fault NAME inject a bug (see tests/sim/faults.cpp)\n";

struct Arguments {
  std::uint64_t seeds = 10'000;
  std::uint64_t first = 1;
  std::size_t events = 300;
  std::size_t lines = 80;
  bool single = false;
  Fault fault = Fault::none;
};

[[noreturn]] void fail(std::string_view why) {
  fmt::print(stderr, "{}\n{}", why, usage);
  std::exit(64);
}

Fault fault_named(std::string_view name) {
  for (const FaultCase& known : fault_cases()) {
    if (known.name == name) return known.fault;
  }
  fail("no such fault");
}

Arguments parse(int argc, char* argv[]) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) fail("a value is missing");
    const std::string value = argv[++i];
    if (name == "--fault") {
      arguments.fault = fault_named(value);
      continue;
    }
    const std::uint64_t number = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "--seeds") {
      arguments.seeds = number;
    } else if (name == "--first") {
      arguments.first = number;
    } else if (name == "--events") {
      arguments.events = number;
    } else if (name == "--lines") {
      arguments.lines = number;
    } else if (name == "--seed") {
      arguments.first = number;
      arguments.seeds = 1;
      arguments.single = true;
      arguments.lines = 2000;
    } else {
      fail("unknown option");
    }
  }
  return arguments;
}

void explain(const Arguments& arguments, std::uint64_t seed) {
  const RunResult again = run({seed, arguments.events, arguments.fault, true});
  const std::size_t skip =
      again.trace.size() > arguments.lines ? again.trace.size() - arguments.lines : 0;
  for (std::size_t i = skip; i < again.trace.size(); ++i) fmt::print("{}\n", again.trace[i]);
  if (!again.broken) {
    fmt::print("seed {}: nothing broken in {} events\n", seed, again.events);
    return;
  }
  fmt::print("seed {} after {} events: {}\n", seed, again.events, again.what);
  fmt::print("again: sim_run --seed {} --events {}\n", seed, arguments.events);
}

}  // namespace

int main(int argc, char* argv[]) {
  const Arguments arguments = parse(argc, argv);
  if (arguments.single) {
    explain(arguments, arguments.first);
    return run({arguments.first, arguments.events, arguments.fault, false}).broken ? 1 : 0;
  }
  std::size_t events = 0;
  for (std::uint64_t seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
    const RunResult result = run({seed, arguments.events, arguments.fault, false});
    events += result.events;
    if (!result.broken) continue;
    explain(arguments, seed);
    return 1;
  }
  fmt::print("{} seeds, {} events: every invariant held\n", arguments.seeds, events);
  return 0;
}
