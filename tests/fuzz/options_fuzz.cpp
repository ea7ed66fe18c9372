// Whatever a configuration file contains: it becomes options within their ranges, or an error.
#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/app/config_loader.h"
#include "broker/app/settings_reader.h"
#include "broker/base/assert.h"

using namespace lineshaft;
using namespace lineshaft::app;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ConfigSources sources;
  sources.environment = {{"HOME", "/home/fuzz"}};
  SettingsReader reader;
  reader.add_file({"fuzz.toml", std::string(reinterpret_cast<const char*>(data), size)});
  try {
    const Options options = finish_options(reader, sources);
    LINESHAFT_ASSERT(options.shards >= 1 && options.shards <= 64);
    LINESHAFT_ASSERT(!options.listeners.empty() && !options.data_dir.empty());
    for (const ListenerOptions& each : options.listeners) {
      LINESHAFT_ASSERT(each.bind.is_local() || !options.authorization.empty());
    }
    const Reloaded same = merge_reload(options, options);
    LINESHAFT_ASSERT(same.changed.empty() && same.needs_restart.empty());
  } catch (const ConfigError& error) {
    LINESHAFT_ASSERT(!error.problems().empty());
    for (const char* c = error.what(); *c != '\0'; ++c) {
      LINESHAFT_ASSERT(static_cast<unsigned char>(*c) >= 0x20 || *c == '\n');
    }
  }
  return 0;
}
