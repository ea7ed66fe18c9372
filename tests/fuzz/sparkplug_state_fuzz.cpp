// The host view of Sparkplug: whatever edge nodes do, in whatever order, it holds together; and so
// it does when the bytes are a payload on every kind of topic, or a record of the store.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/unit/sparkplug/edge_driver.h"

namespace lineshaft::sparkplug {
namespace {

void feed(std::string_view bytes) {
  Plant plant;
  plant.nbirth(0);
  plant.dbirth(1);
  for (const std::string_view topic :
       {"spBv1.0/G/NDATA/E", "spBv1.0/G/DDATA/E/D", "spBv1.0/G/DBIRTH/E/D", "spBv1.0/G/NCMD/E",
        "spBv1.0/G/NDEATH/E", "spBv1.0/STATE/h", "spBv1.0/G/NBIRTH/E", "spBv1.0/G/NBIRTH/E2",
        "spBv1.0/G/NDATA/E2"}) {
    plant.publish(topic, bytes);
  }
  plant.machine.restore(bytes.substr(0, bytes.size() / 2), bytes.substr(bytes.size() / 2));
  Plant restored;
  restored.machine.restore_birth(*parse_topic("spBv1.0/G/NBIRTH/E"), node_birth(0), WallTime{});
  for (const char kind : {'l', 'n', 'p'}) {
    restored.machine.restore(std::string(1, kind) + std::string("G\0E\0\0\0\0\0\0", 9), bytes);
  }
}

}  // namespace
}  // namespace lineshaft::sparkplug

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  if (bytes[0] % 2 == 0) {
    lineshaft::sparkplug::EdgeDriver driver;
    driver.run(bytes.substr(1, 3 * 400));
  } else {
    lineshaft::sparkplug::feed(bytes.substr(1));
  }
  return 0;
}
