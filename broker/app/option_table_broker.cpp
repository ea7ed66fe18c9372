#include "broker/app/option_checks.h"
#include "broker/app/option_table.h"

namespace lineshaft::app {
namespace {

constexpr std::string_view authorizations[] = {"open", "users", "zones"};
constexpr std::string_view levels[] = {"debug", "info", "warn", "error", "critical"};
constexpr std::string_view room_levels[] = {"", "debug", "info", "warn", "error", "critical"};
constexpr std::string_view formats[] = {"auto", "text", "json"};

template <log::Room room>
void set_room_level(Options& options, std::string_view, const Value& value) {
  auto& slot = options.log.rooms[static_cast<std::size_t>(room)];
  slot.reset();
  if (!text(value).empty()) slot = chosen<log::Level>(levels, value);
}

constexpr OptionSpec top_table[] = {
    {.name = "authorization",
     .kind = Kind::choice,
     .example = "\"open\"",
     .choices = authorizations,
     .takes = Takes::restart,
     .help = "Who may connect. \"open\": everybody who reaches a listener, with every right. "
             "\"users\": who proves with a password or by SCRAM-SHA-256 to be a user, with that "
             "user's rights; see [users]. \"zones\": who proves with a certificate or as a user to "
             "belong to a zone, with what roles and conduits allow. It must be stated as soon as a "
             "listener can be reached "
             "from another machine.",
     .set = [](Options& o, std::string_view, const Value& v) { o.authorization = text(v); }},
    {.name = "shards",
     .min = 1,
     .max = 64,
     .number = 1,
     .takes = Takes::restart,
     .help = "Threads that serve connections. One is enough for most plants.",
     .set = [](Options& o, std::string_view, const Value& v) { assign(o.shards, v); }},
};

constexpr OptionSpec node_table[] = {
    {.name = "node.name",
     .kind = Kind::text,
     .takes = Takes::restart,
     .help = "How this broker calls itself in the log. Empty: the machine's host name.",
     .set = [](Options& o, std::string_view, const Value& v) { o.node_name = text(v); },
     .check = check_name},
    {.name = "node.data_dir",
     .kind = Kind::text,
     .takes = Takes::restart,
     .help = "Folder of everything the broker keeps. Empty: /var/lib/lineshaft for root, else "
             "$XDG_DATA_HOME/lineshaft or ~/.local/share/lineshaft.",
     .set = [](Options& o, std::string_view, const Value& v) { o.data_dir = text(v); }},
};

constexpr OptionSpec log_table[] = {
    {.name = "log.level",
     .kind = Kind::choice,
     .text = "info",
     .choices = levels,
     .help = "Least level that is written.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.log.level = chosen<log::Level>(levels, v); }},
    {.name = "log.format",
     .kind = Kind::choice,
     .text = "auto",
     .choices = formats,
     .help = "\"text\": key=value lines. \"json\": one object per line. \"auto\": text on a "
             "terminal, JSON otherwise.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.log.format = chosen<LogFormat>(formats, v); }},
};

constexpr OptionSpec log_room_table[] = {
    {.name = "log.rooms.app",
     .kind = Kind::choice,
     .choices = room_levels,
     .help = "Start, stop, reload. Empty, here and below: log.level.",
     .set = set_room_level<log::Room::app>},
    {.name = "log.rooms.admin",
     .kind = Kind::choice,
     .choices = room_levels,
     .help = "HTTP.",
     .set = set_room_level<log::Room::admin>},
    {.name = "log.rooms.core",
     .kind = Kind::choice,
     .choices = room_levels,
     .help = "Sessions, routing, limits.",
     .set = set_room_level<log::Room::core>},
    {.name = "log.rooms.auth",
     .kind = Kind::choice,
     .choices = room_levels,
     .help = "Logins.",
     .set = set_room_level<log::Room::auth>},
    {.name = "log.rooms.mqtt",
     .kind = Kind::choice,
     .choices = room_levels,
     .help = "Packets.",
     .set = set_room_level<log::Room::mqtt>},
    {.name = "log.rooms.net",
     .kind = Kind::choice,
     .choices = room_levels,
     .help = "Listeners and connections.",
     .set = set_room_level<log::Room::net>},
    {.name = "log.rooms.sparkplug",
     .kind = Kind::choice,
     .choices = room_levels,
     .help = "Edge nodes: births, deaths, requests for a rebirth.",
     .set = set_room_level<log::Room::sparkplug>},
    {.name = "log.rooms.storage",
     .kind = Kind::choice,
     .choices = room_levels,
     .help = "Journal, store, restore.",
     .set = set_room_level<log::Room::storage>},
};

constexpr OptionSpec admin_table[] = {
    {.name = "admin.socket",
     .kind = Kind::text,
     .example = "\"/run/lineshaft/admin.sock\"",
     .takes = Takes::restart,
     .help = "Path of the Unix socket (mode 0660) for everything: root, the broker's user and "
             "members of the socket's group may ask. Empty: admin.sock in the data folder; of the "
             "data folder /var/lib/lineshaft it is /run/lineshaft/admin.sock if that folder is "
             "there.",
     .set = [](Options& o, std::string_view, const Value& v) { o.admin.socket = text(v); },
     .check = check_socket_path},
    {.name = "admin.listen",
     .kind = Kind::text,
     .example = "\"127.0.0.1:9641\"",
     .takes = Takes::restart,
     .help = "Loopback address for GET of /healthz, /readyz and /metrics without authentication; "
             "nothing else is served there. Empty: none.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.admin.listen = parse_bind_address(text(v)).address; },
     .check = check_admin_listen},
};

constexpr OptionSpec sys_table[] = {
    {.name = "sys.interval_s",
     .unit = "s",
     .min = 0,
     .max = 3600,
     .number = 10,
     .takes = Takes::restart,
     .help = "How often the $SYS topics are brought up to date. 0: there are none.",
     .set = [](Options& o, std::string_view, const Value& v) { assign(o.sys_interval_s, v); }},
};

}  // namespace

std::span<const OptionSpec> top_options() { return top_table; }
std::span<const OptionSpec> node_options() { return node_table; }
std::span<const OptionSpec> log_options() { return log_table; }
std::span<const OptionSpec> log_room_options() { return log_room_table; }
std::span<const OptionSpec> admin_options() { return admin_table; }
std::span<const OptionSpec> sys_options() { return sys_table; }

}  // namespace lineshaft::app
