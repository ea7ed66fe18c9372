#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace lineshaft::admin {

/// Prometheus text format 0.0.4. A family is announced once, its samples follow at once.
class MetricWriter {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// `name` in full ("lineshaft_sessions"), in base units (bytes, seconds); `help` is one sentence.
  void begin_gauge(std::string_view name, std::string_view help) { begin(name, help, "gauge"); }
  /// `name` ends in "_total".
  void begin_counter(std::string_view name, std::string_view help) { begin(name, help, "counter"); }

  /// Of the family that was begun last. Label values may be any text.
  void sample(std::uint64_t value, Labels labels = {});
  void sample(double value, Labels labels = {});

  /// A family of one sample without labels.
  template <class Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    begin_gauge(name, help);
    sample(value);
  }
  template <class Number>
  void counter(std::string_view name, std::string_view help, Number value) {
    begin_counter(name, help);
    sample(value);
  }

  const std::string& text() const { return text_; }

 private:
  void begin(std::string_view name, std::string_view help, std::string_view type);
  void begin_sample(Labels labels);

  std::string text_;
  std::string name_;
};

/// Adds families of one part of the broker; called by the admin room's thread at every scrape.
using MetricsSource = std::function<void(MetricWriter&)>;

}  // namespace lineshaft::admin
