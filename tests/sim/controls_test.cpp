// Proof that the invariants bite: each injected bug must be noticed, by the invariant it breaks;
// and without a bug the same seeds pass.
#include <string>

#include "tests/sim/random_run.h"
#include "tests/support/catch.h"

using namespace lineshaft::sim;

TEST_CASE("every injected bug is noticed by the invariant it breaks", "[sim]") {
  for (const FaultCase& known : fault_cases()) {
    INFO(known.name);
    bool noticed = false;
    std::string others;
    for (std::uint64_t seed = 1; seed <= 600 && !noticed; ++seed) {
      const RunResult result = run({seed, 300, known.fault, false});
      if (!result.broken) continue;
      noticed = *result.broken == known.invariant;
      if (!noticed && others.size() < 1000) others += "\n  " + result.what;
    }
    INFO("noticed instead: " << others);
    CHECK(noticed);
  }
}

TEST_CASE("a seed gives the same run again", "[sim]") {
  for (const std::uint64_t seed : {1u, 17u, 23u}) {
    const RunResult first = run({seed, 300, Fault::none, true});
    const RunResult second = run({seed, 300, Fault::none, true});
    CHECK_FALSE(first.broken);
    CHECK(first.trace == second.trace);
  }
}
