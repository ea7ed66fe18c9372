#include "sparkplug/host_table.h"

#include <nlohmann/json.hpp>

#include "broker/base/limits.h"

namespace lineshaft::sparkplug {

std::optional<HostStatement> read_host_statement(std::string_view payload) {
  if (payload.size() > limits::state_payload_bytes_max) return std::nullopt;
  const auto json = nlohmann::json::parse(payload, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto online = json.find("online");
  const auto timestamp = json.find("timestamp");
  if (online == json.end() || !online->is_boolean()) return std::nullopt;
  if (timestamp == json.end() || !timestamp->is_number_unsigned()) return std::nullopt;
  return HostStatement{online->get<bool>(), timestamp->get<std::uint64_t>()};
}

HostTable::Result HostTable::on_state(std::string_view host_id, std::string_view payload,
                                      bool retain, WallTime now) {
  const auto statement = read_host_statement(payload);
  if (!statement) return Result::malformed;
  auto found = hosts_.find(host_id);
  if (found == hosts_.end()) {
    if (hosts_.size() >= hosts_max_) return Result::full;
    found = hosts_.emplace(std::string(host_id), Host{}).first;
  } else if (statement->timestamp < found->second.timestamp) {
    ++found->second.late;
    if (retain) found->second.has_late_retained = true;
    return Result::late;
  } else if (found->second.is_online == statement->is_online) {
    found->second.timestamp = statement->timestamp;
    found->second.received = now;
    if (retain) found->second.has_late_retained = false;
    return Result::same;
  }
  Host& host = found->second;
  host.is_online = statement->is_online;
  host.timestamp = statement->timestamp;
  host.received = now;
  if (retain) host.has_late_retained = false;
  return Result::changed;
}

const HostTable::Host* HostTable::find(std::string_view host_id) const {
  const auto found = hosts_.find(host_id);
  return found == hosts_.end() ? nullptr : &found->second;
}

}  // namespace lineshaft::sparkplug
