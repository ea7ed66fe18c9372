#include "broker/admin/metric_writer.h"

#include <fmt/format.h>

#include <iterator>

#include "broker/base/json_text.h"

namespace lineshaft::admin {
namespace {

void append_help(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\') out += '\\';
    out += c;
  }
}

}  // namespace

void MetricWriter::begin(std::string_view name, std::string_view help, std::string_view type) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {} ", name);
  append_help(text_, help);
  fmt::format_to(std::back_inserter(text_), "\n# TYPE {} {}\n", name, type);
}

void MetricWriter::begin_sample(Labels labels) {
  text_ += name_;
  if (labels.size() == 0) return;
  char separator = '{';
  for (const auto& [label, value] : labels) {
    fmt::format_to(std::back_inserter(text_), "{}{}=\"", separator, label);
    append_escaped(text_, value, Escapes::metric_label);
    text_ += '"';
    separator = ',';
  }
  text_ += '}';
}

void MetricWriter::sample(std::uint64_t value, Labels labels) {
  begin_sample(labels);
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

void MetricWriter::sample(double value, Labels labels) {
  begin_sample(labels);
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

}  // namespace lineshaft::admin
