#pragma once

#include <string>

#include "broker/app/toml_reader.h"

/// Rules of single options beyond kind and range: each returns the sentence that says what is
/// wrong, or nothing. The values have the right kind.
namespace lineshaft::app {

/// An address to listen on.
std::string check_bind(const Value& value);
/// Absolute path of a Unix socket; may be empty.
std::string check_socket_path(const Value& value);
/// A TCP address nobody outside this machine can reach; may be empty.
std::string check_admin_listen(const Value& value);
/// A name for logs and topics; may be empty.
std::string check_name(const Value& value);
/// A list of Topic Filters.
std::string check_filters(const Value& value);
/// A list of paths of URLs.
std::string check_paths(const Value& value);
/// A list of Origins of web pages, or "*".
std::string check_origins(const Value& value);
/// A list of addresses and networks, or "unix".
std::string check_address_ranges(const Value& value);

}  // namespace lineshaft::app
