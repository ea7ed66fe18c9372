#include "broker/app/option_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/app/bind_address.h"
#include "broker/app/config_error.h"
#include "broker/core/topic_name.h"
#include "broker/net/proxy_layer.h"

namespace lineshaft::app {

std::string check_bind(const Value& value) {
  return parse_bind_address(std::get<std::string>(value)).problem;
}

std::string check_socket_path(const Value& value) {
  const std::string& path = std::get<std::string>(value);
  if (path.empty()) return {};
  if (path.front() != '/') return R"(the path must begin with "/")";
  // The rest of what the system asks of a path.
  return parse_bind_address("unix:" + path).problem;
}

std::string check_admin_listen(const Value& value) {
  const std::string& text = std::get<std::string>(value);
  if (text.empty()) return {};
  const BindAddressParse parsed = parse_bind_address(text);
  if (!parsed.address) return parsed.problem;
  if (parsed.address->kind == BindAddress::Kind::unix_socket) {
    return "the Unix socket is admin.socket; this is for TCP";
  }
  if (parsed.address->is_local()) return {};
  return "what it serves needs no password, so it must be a loopback address (127.0.0.1 or "
         "[::1]); let Prometheus or a proxy run on this machine, or in the same pod";
}

std::string check_name(const Value& value) {
  const std::string& name = std::get<std::string>(value);
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (name.size() <= 64 && std::all_of(name.begin(), name.end(), fits)) return {};
  return "use at most 64 letters, digits, \"-\", \"_\" and \".\"";
}

std::string check_filters(const Value& value) {
  for (const std::string& filter : std::get<std::vector<std::string>>(value)) {
    if (core::is_valid_topic_filter(filter)) continue;
    return fmt::format("{} is not a Topic Filter", in_quotes(filter));
  }
  return {};
}

std::string check_paths(const Value& value) {
  for (const std::string& path : std::get<std::vector<std::string>>(value)) {
    const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
      return c > 0x20 && c < 0x7F && c != '?' && c != '#';
    });
    if (path.starts_with('/') && plain) continue;
    return fmt::format("{} is no path: it begins with \"/\" and has neither \"?\" nor \"#\"",
                       in_quotes(path));
  }
  return {};
}

std::string check_origins(const Value& value) {
  for (const std::string& origin : std::get<std::vector<std::string>>(value)) {
    if (origin == "*" || origin == "null") continue;
    const std::size_t host = origin.find("://");
    const bool sound = host != std::string::npos && host > 0 && origin.size() > host + 3 &&
                       origin.find_first_of("/ *", host + 3) == std::string::npos;
    if (sound) continue;
    return fmt::format(
        "{} is no Origin: write it as a browser does, \"https://host\" or "
        "\"https://host:port\", without a path",
        in_quotes(origin));
  }
  return {};
}

std::string check_address_ranges(const Value& value) {
  for (const std::string& range : std::get<std::vector<std::string>>(value)) {
    if (net::AddressRange::parse(range)) continue;
    return fmt::format("{} is neither an address nor a network like \"10.0.0.0/8\", nor \"unix\"",
                       in_quotes(range));
  }
  return {};
}

}  // namespace lineshaft::app
