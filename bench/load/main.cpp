#include "bench/load/options.h"
#include "bench/load/runner.h"

int main(int argc, char** argv) {
  using namespace lineshaft::load;
  const Options options = parse_options(argc, argv);
  switch (options.shape) {
    case Shape::retained:
      return run_retained(options);
    case Shape::idle:
      return run_idle(options);
    case Shape::connect:
      return run_connect(options);
    default:
      return run_traffic(options);
  }
}
