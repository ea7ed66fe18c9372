#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "broker/app/options.h"

/// The rows of the option table, a file per part, and what their setters share.
namespace lineshaft::app {

std::span<const OptionSpec> top_options();
std::span<const OptionSpec> node_options();
std::span<const OptionSpec> listener_options();
std::span<const OptionSpec> listener_tls_options();
/// `[listeners.<name>.limits]`: a row for each general one that has `set_limit`.
std::span<const OptionSpec> listener_limit_options();
std::span<const OptionSpec> net_options();
std::span<const OptionSpec> users_options();
std::span<const OptionSpec> mqtt_options();
std::span<const OptionSpec> storage_options();
std::span<const OptionSpec> memory_options();
std::span<const OptionSpec> sparkplug_options();
std::span<const OptionSpec> audit_options();
std::span<const OptionSpec> log_options();
std::span<const OptionSpec> log_room_options();
std::span<const OptionSpec> admin_options();
std::span<const OptionSpec> sys_options();

/// The listener of this name; made if there is none yet.
ListenerOptions& listener_of(Options& options, std::string_view name);

inline std::int64_t number(const Value& value) { return std::get<std::int64_t>(value); }
inline const std::string& text(const Value& value) { return std::get<std::string>(value); }
inline const std::vector<std::string>& list(const Value& value) {
  return std::get<std::vector<std::string>>(value);
}

/// The table's range keeps a number inside the field's type.
template <class Field>
void assign(Field& field, const Value& value) {
  if constexpr (std::is_same_v<Field, bool>) {
    field = std::get<bool>(value);
  } else if constexpr (std::is_same_v<Field, std::vector<std::string>>) {
    field = list(value);
  } else if constexpr (std::is_same_v<Field, Milliseconds>) {
    field = Milliseconds{number(value)};
  } else {
    field = static_cast<Field>(number(value));
  }
}

template <auto member>
void set_core(Options& options, std::string_view, const Value& value) {
  assign(options.core.*member, value);
}

template <auto member>
void set_limit(core::ClientLimits& limits, const Value& value) {
  assign(limits.*member, value);
}

/// The same for a value in KiB, MiB or seconds.
template <auto member, std::int64_t scale>
void set_scaled_limit(core::ClientLimits& limits, const Value& value) {
  assign(limits.*member, Value{number(value) * scale});
}

/// Enumerators stand in the order of their choices.
template <class Enum, std::size_t size>
Enum chosen(const std::string_view (&choices)[size], const Value& value) {
  const auto* found = std::find(std::begin(choices), std::end(choices), text(value));
  return static_cast<Enum>(found - std::begin(choices));
}

}  // namespace lineshaft::app
