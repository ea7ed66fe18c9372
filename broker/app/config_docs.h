#pragma once

#include <string>

namespace lineshaft::app {

/// docs/lineshaft.example.toml: every option with its default, commented out.
std::string example_config();

/// docs/configuration.md: how a configuration is found and merged, and every option.
std::string configuration_guide();

}  // namespace lineshaft::app
