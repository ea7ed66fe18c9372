#pragma once

#include <string>

#include "broker/app/toml_reader.h"

/// Rules of single options beyond kind and range: each returns the sentence that says what is
/// wrong, or nothing. The values have the right kind.
namespace lineshaft::app {

/// An address to listen on.
std::string check_bind(const Value& value);
/// A name for logs and topics; may be empty.
std::string check_name(const Value& value);
/// A list of Topic Filters.
std::string check_filters(const Value& value);

}  // namespace lineshaft::app
