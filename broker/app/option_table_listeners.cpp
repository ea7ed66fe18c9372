#include "broker/app/option_checks.h"
#include "broker/app/option_table.h"
#include "broker/base/limits.h"

namespace lineshaft::app {
namespace {

constexpr std::string_view transports[] = {"tcp", "ws"};
constexpr std::string_view client_ids[] = {"", "bind", "equal", "prefix", "free"};

template <auto member>
void set_listener(Options& options, std::string_view name, const Value& value) {
  assign(listener_of(options, name).*member, value);
}

constexpr OptionSpec listener_table[] = {
    {.name = "listeners.*.bind",
     .kind = Kind::text,
     .example = "\"127.0.0.1:1883\"",
     .takes = Takes::restart,
     .help = "Address and port, \"127.0.0.1:1883\" or \"[::1]:1883\", or \"unix:\" and a path. "
             "Port 0 lets the system choose one.",
     .set =
         [](Options& o, std::string_view name, const Value& v) {
           listener_of(o, name).bind = *parse_bind_address(text(v)).address;
         },
     .check = check_bind,
     .required = true},
    {.name = "listeners.*.connections_max",
     .unit = "connections",
     .min = 1,
     .max = 10'000'000,
     .number = limits::connections_max,
     .takes = Takes::restart,
     .help = "Open connections of this listener; a further one is closed at once and counted.",
     .set = set_listener<&ListenerOptions::connections_max>},
    {.name = "listeners.*.transport",
     .kind = Kind::choice,
     .text = "tcp",
     .example = "\"ws\"",
     .choices = transports,
     .takes = Takes::restart,
     .help = "\"tcp\": MQTT. \"ws\": MQTT over WebSocket, as browsers and Grafana speak it.",
     .set = [](Options& o, std::string_view name,
               const Value& v) { listener_of(o, name).websocket = text(v) == "ws"; }},
    {.name = "listeners.*.ws_paths",
     .kind = Kind::list,
     .example = R"(["/mqtt"])",
     .takes = Takes::restart,
     .help = "Paths at which WebSocket clients may ask; others get 404. Empty: /mqtt.",
     .set = set_listener<&ListenerOptions::ws_paths>,
     .check = check_paths},
    {.name = "listeners.*.ws_origins",
     .kind = Kind::list,
     .example = R"(["https://grafana.plant.example"])",
     .takes = Takes::restart,
     .help = "Web sites whose pages may connect from a browser, \"*\" for all; others get 403. "
             "Pages of the broker's own host and port and programs that name no Origin always may.",
     .set = set_listener<&ListenerOptions::ws_origins>,
     .check = check_origins},
    {.name = "listeners.*.proxy_protocol_from",
     .kind = Kind::list,
     .example = R"(["10.0.0.0/8"])",
     .takes = Takes::restart,
     .help = "Load balancers (addresses, networks, \"unix\") that name the real client in a PROXY "
             "header, version 1 or 2. If any is given, a connection from elsewhere or without the "
             "header is refused. Empty: no PROXY protocol.",
     .set = set_listener<&ListenerOptions::proxy_protocol_from>,
     .check = check_address_ranges},
    {.name = "listeners.*.connects_per_s_max",
     .unit = "connections",
     .min = 0,
     .max = 1'000'000,
     .number = limits::connects_per_s_max,
     .takes = Takes::restart,
     .help = "Clients this listener accepts per second; in a storm the others wait in the system's "
             "queue until it is their turn. 0: no limit.",
     .set = set_listener<&ListenerOptions::connects_per_s_max>},
    {.name = "listeners.*.connects_per_s_per_address_max",
     .unit = "connections",
     .min = 0,
     .max = 1'000'000,
     .number = limits::connects_per_s_per_address_max,
     .takes = Takes::restart,
     .help = "The same for one address; a further client of it is closed at once and counted. 0: "
             "no limit, for behind a NAT or an ingress many clients have one address.",
     .set = set_listener<&ListenerOptions::connects_per_s_per_address_max>},
    {.name = "listeners.*.connections_per_address_max",
     .unit = "connections",
     .min = 0,
     .max = 10'000'000,
     .number = limits::connections_per_address_max,
     .takes = Takes::restart,
     .help = "Open connections of one address; a further one is closed at once and counted. 0: no "
             "limit.",
     .set = set_listener<&ListenerOptions::connections_per_address_max>},
    {.name = "listeners.*.zones",
     .kind = Kind::list,
     .example = R"(["ot", "dmz"])",
     .help = "With authorization = \"zones\": the zones whose clients may connect here.",
     .set = set_listener<&ListenerOptions::zones>},
    {.name = "listeners.*.client_id",
     .kind = Kind::choice,
     .choices = client_ids,
     .help =
         "With authorization = \"zones\", which Client Identifiers a client may use. \"bind\": "
         "any, and the first to use one keeps it. \"equal\": its own name. \"prefix\": its name, "
         "\"-\" and more. \"free\": any. Empty: as the client's zone says.",
     .set = [](Options& o, std::string_view name,
               const Value& v) { listener_of(o, name).client_id = text(v); }},
};

constexpr OptionSpec net_table[] = {
    {.name = "net.connect_deadline_ms",
     .unit = "ms",
     .min = 100,
     .max = 600'000,
     .number = limits::connect_deadline.count(),
     .takes = Takes::restart,
     .help = "Time from accept to a complete CONNECT; then the connection is closed and counted.",
     .set_limit = set_limit<&core::ClientLimits::connect_deadline>},
    {.name = "net.connect_max_kb",
     .unit = "KiB",
     .min = 1,
     .max = 262'144,
     .number = limits::connect_size_bytes_max / 1024,
     .takes = Takes::restart,
     .help = "Largest CONNECT: what a stranger may send before anything is known of him; more is "
             "the end of the connection.",
     .set_limit = set_scaled_limit<&core::ClientLimits::connect_size_bytes_max, 1024>},
    {.name = "net.outbox_max_kb",
     .unit = "KiB",
     .min = 64,
     .max = 4'194'304,
     .number = limits::outbox_bytes_max / 1024,
     .takes = Takes::restart,
     .help = "Unsent bytes of a connection above which QoS 0 messages to it are dropped, counted.",
     .set_limit = set_scaled_limit<&core::ClientLimits::outbox_bytes_max, 1024>},
    {.name = "net.stalled_socket_s",
     .unit = "s",
     .min = 1,
     .max = 86'400,
     .number = limits::stalled_socket.count() / 1000,
     .takes = Takes::restart,
     .help = "A connection that takes no byte for so long while data waits is closed.",
     .set_limit = set_scaled_limit<&core::ClientLimits::stalled_socket, 1000>},
    {.name = "net.drain_s",
     .unit = "s",
     .min = 0,
     .max = 3600,
     .number = limits::drain.count() / 1000,
     .takes = Takes::restart,
     .help = "At a stop: longest time to send what was held back and to say goodbye.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.net.drain = Milliseconds{number(v) * 1000}; }},
};

}  // namespace

ListenerOptions& listener_of(Options& options, std::string_view name) {
  for (ListenerOptions& each : options.listeners) {
    if (each.name == name) return each;
  }
  options.listeners.push_back({});
  options.listeners.back().name = name;
  return options.listeners.back();
}

std::span<const OptionSpec> listener_options() { return listener_table; }
std::span<const OptionSpec> net_options() { return net_table; }

}  // namespace lineshaft::app
