#include "broker/app/config_docs.h"

#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/catch.h"
#include "tests/unit/app/config_world.h"

using namespace lineshaft::app;

namespace {

/// Tests run in the project's root folder.
std::string content(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

}  // namespace

TEST_CASE("docs/configuration.md is what the option table prints", "[app]") {
  INFO("lineshaft config-docs --markdown > docs/configuration.md");
  const bool in_step = content("docs/configuration.md") == configuration_guide();
  CHECK(in_step);
}

TEST_CASE("docs/lineshaft.example.toml is what the option table prints", "[app]") {
  INFO("lineshaft config-docs --example > docs/lineshaft.example.toml");
  const bool in_step = content("docs/lineshaft.example.toml") == example_config();
  CHECK(in_step);
}

TEST_CASE("docs/security.md names every limit with its default", "[app]") {
  const std::string page = content("docs/security.md");
  for (const OptionSection& section : option_sections()) {
    for (const OptionSpec& spec : section.options) {
      const bool is_limit = spec.set_limit != nullptr && spec.inherits.empty();
      const bool of_listener = section.name == "listeners.*" && spec.name.ends_with("_max");
      if (!is_limit && !of_listener && section.name != "memory") continue;
      const std::string row =
          "| `" + std::string(spec.name) + "` | " + std::to_string(spec.number) + " ";
      INFO(row);
      CHECK(page.find(row + std::string(spec.unit) + " |") != std::string::npos);
    }
  }
}

TEST_CASE("the example file is right as it stands and with every option switched on", "[app]") {
  ConfigWorld world;
  world.configure(example_config());
  CHECK(world.problems().empty());

  std::string all;
  std::istringstream lines(example_config());
  for (std::string line; std::getline(lines, line);) {
    const bool option = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    all += (option ? line.substr(1) : line) + "\n";
  }
  world.configure(all);
  CHECK(world.problems().empty());
  for (const OptionSection& section : option_sections()) {
    for (const OptionSpec& spec : section.options) {
      std::string name(spec.name);
      if (const auto star = name.find('*'); star != name.npos) name.replace(star, 1, "plant");
      INFO(name);
      CHECK(world.load()->settings.at(name).where.find("lineshaft.toml:") != std::string::npos);
    }
  }
}
