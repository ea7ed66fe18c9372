#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "broker/app/config_loader.h"

namespace lineshaft::app {

/// A folder with configuration files, and surroundings that know nothing else.
class ConfigWorld {
 public:
  ConfigWorld() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lineshaft-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    sources.system_file = path("etc.toml");
    sources.environment = {{"HOME", "/home/press"}};
    sources.host_name = "box";
  }
  ~ConfigWorld() { std::filesystem::remove_all(folder_); }
  ConfigWorld(const ConfigWorld&) = delete;
  ConfigWorld& operator=(const ConfigWorld&) = delete;

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  /// The file "lineshaft.toml" with this text becomes the configuration.
  void configure(const std::string& text) {
    write("lineshaft.toml", text);
    sources.config_file = path("lineshaft.toml");
  }

  std::shared_ptr<const Options> load() const { return load_options(sources); }

  /// What is wrong, each problem as "WHERE: WHAT | REMEDY" with the folder's name taken away.
  std::vector<std::string> problems() const {
    std::vector<std::string> out;
    try {
      load();
    } catch (const ConfigError& error) {
      for (const ConfigProblem& each : error.problems()) {
        std::string text = each.where + ": " + each.what;
        if (!each.remedy.empty()) text += " | " + each.remedy;
        const std::string prefix = folder_.string() + "/";
        for (auto at = text.find(prefix); at != text.npos; at = text.find(prefix)) {
          text.erase(at, prefix.size());
        }
        out.push_back(text);
      }
    }
    return out;
  }

  ConfigSources sources;

 private:
  std::filesystem::path folder_;
};

}  // namespace lineshaft::app
