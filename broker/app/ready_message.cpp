#include "broker/app/ready_message.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "broker/app/bind_address.h"

namespace lineshaft::app {
namespace {

/// A client's options for the first address; none when its defaults are right.
std::string client_options(const std::vector<std::string>& addresses) {
  if (addresses.empty()) return {};
  const auto parsed = parse_bind_address(addresses.front());
  if (!parsed.address) return {};
  const BindAddress& address = *parsed.address;
  if (address.kind == BindAddress::Kind::unix_socket) return " --unix " + address.path;
  std::string options;
  std::string host = address.host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host != "127.0.0.1") options += " -h " + host;
  if (address.port != 1883) options += fmt::format(" -p {}", address.port);
  return options;
}

}  // namespace

std::string subscribe_command(const std::vector<std::string>& addresses) {
  return fmt::format("mosquitto_sub{} -t 'acme/#' -v", client_options(addresses));
}

std::string publish_command(const std::vector<std::string>& addresses) {
  return fmt::format("mosquitto_pub{} -t acme/berlin/press/line1/cell2/temp -m 21.5 -r -q 1",
                     client_options(addresses));
}

std::string ready_message(const ReadyFacts& facts) {
  const char* durability = facts.is_durable ? "sync: what is acknowledged is on the disk"
                                            : "async: a power failure loses the last seconds";
  return fmt::format(
      "Lineshaft {} is ready.\n"
      "  listening on  {}\n"
      "  data folder   {} ({} retained topics, {} sessions)\n"
      "  durability    {}\n"
      "Type next, in other shells:\n"
      "  {}\n"
      "  {}\n",
      facts.version, fmt::join(facts.addresses, ", "), facts.data_dir, facts.retained,
      facts.sessions, durability, subscribe_command(facts.addresses),
      publish_command(facts.addresses));
}

}  // namespace lineshaft::app
