#pragma once

#include <concepts>
#include <cstdio>
#include <string>
#include <string_view>

namespace lineshaft::load {

/// One flat JSON object, written in the order of the calls. Names and texts are our own plain
/// words; nothing in them needs escaping.
class JsonObject {
 public:
  void add(std::string_view name, std::integral auto value) { put(name, std::to_string(value)); }

  void add(std::string_view name, bool value) { put(name, value ? "true" : "false"); }

  void add(std::string_view name, double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", value);
    put(name, text);
  }

  void add(std::string_view name, std::string_view value) {
    put(name, "\"" + std::string(value) + "\"");
  }

  void add(std::string_view name, const char* value) { add(name, std::string_view(value)); }

  void print() const { std::printf("{%s}\n", members_.c_str()); }

 private:
  void put(std::string_view name, const std::string& value) {
    if (!members_.empty()) members_ += ", ";
    members_ += "\"" + std::string(name) + "\": " + value;
  }

  std::string members_;
};

}  // namespace lineshaft::load
