#include "broker/app/options.h"

#include <algorithm>
#include <type_traits>

#include "broker/app/option_checks.h"
#include "broker/base/limits.h"

namespace lineshaft::app {
namespace {

constexpr std::int64_t u32_max = 0xFFFFFFFF;

std::int64_t number(const Value& value) { return std::get<std::int64_t>(value); }
const std::string& text(const Value& value) { return std::get<std::string>(value); }
const std::vector<std::string>& list(const Value& value) {
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
void set_storage(Options& options, std::string_view, const Value& value) {
  assign(options.storage.*member, value);
}

ListenerOptions& listener(Options& options, std::string_view name) {
  for (ListenerOptions& each : options.listeners) {
    if (each.name == name) return each;
  }
  options.listeners.push_back({});
  options.listeners.back().name = name;
  return options.listeners.back();
}

// --- choices ------------------------------------------------------------------------------------

constexpr std::string_view authorizations[] = {"open"};
constexpr std::string_view durabilities[] = {"sync", "async"};
constexpr std::string_view overflows[] = {"drop_oldest", "drop_newest", "reject_publisher",
                                          "disconnect"};
constexpr std::string_view corruption_choices[] = {"refuse", "recover"};
constexpr std::string_view levels[] = {"debug", "info", "warn", "error", "critical"};
constexpr std::string_view room_levels[] = {"", "debug", "info", "warn", "error", "critical"};
constexpr std::string_view formats[] = {"auto", "text", "json"};

/// Enumerators stand in the order of their choices.
template <class Enum, std::size_t size>
Enum chosen(const std::string_view (&choices)[size], const Value& value) {
  const auto* found = std::find(std::begin(choices), std::end(choices), text(value));
  return static_cast<Enum>(found - std::begin(choices));
}

template <log::Room room>
void set_room_level(Options& options, std::string_view, const Value& value) {
  auto& slot = options.log.rooms[static_cast<std::size_t>(room)];
  slot.reset();
  if (!text(value).empty()) slot = chosen<log::Level>(levels, value);
}

// --- the table ----------------------------------------------------------------------------------

constexpr OptionSpec top_table[] = {
    {.name = "authorization",
     .kind = Kind::choice,
     .example = "\"open\"",
     .choices = authorizations,
     .takes = Takes::restart,
     .help = "Who may connect. \"open\": everybody who reaches a listener, with every right. It "
             "must be stated as soon as a listener can be reached from another machine. Password "
             "and certificate authentication do not exist yet.",
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
     .help = "How this broker calls itself in logs and $SYS. Empty: the machine's host name.",
     .set = [](Options& o, std::string_view, const Value& v) { o.node_name = text(v); },
     .check = check_name},
    {.name = "node.data_dir",
     .kind = Kind::text,
     .takes = Takes::restart,
     .help = "Folder of everything the broker keeps. Empty: /var/lib/lineshaft for root, else "
             "$XDG_DATA_HOME/lineshaft or ~/.local/share/lineshaft.",
     .set = [](Options& o, std::string_view, const Value& v) { o.data_dir = text(v); }},
};

constexpr OptionSpec listener_table[] = {
    {.name = "listeners.*.bind",
     .kind = Kind::text,
     .example = "\"127.0.0.1:1883\"",
     .takes = Takes::restart,
     .help = "Address and port, \"127.0.0.1:1883\" or \"[::1]:1883\", or \"unix:\" and a path. "
             "Port 0 lets the system choose one.",
     .set = [](Options& o, std::string_view name,
               const Value& v) { listener(o, name).bind = *parse_bind_address(text(v)).address; },
     .check = check_bind,
     .required = true},
    {.name = "listeners.*.connections_max",
     .unit = "connections",
     .min = 1,
     .max = 10'000'000,
     .number = limits::connections_max,
     .takes = Takes::restart,
     .help = "Open connections of this listener; a further one is closed at once and counted.",
     .set = [](Options& o, std::string_view name,
               const Value& v) { assign(listener(o, name).connections_max, v); }},
};

constexpr OptionSpec net_table[] = {
    {.name = "net.connect_deadline_ms",
     .unit = "ms",
     .min = 100,
     .max = 600'000,
     .number = limits::connect_deadline.count(),
     .takes = Takes::restart,
     .help = "Time from accept to a complete CONNECT; then the connection is closed and counted.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.net.connect_deadline = Milliseconds{number(v)}; }},
    {.name = "net.outbox_max_kb",
     .unit = "KiB",
     .min = 64,
     .max = 4'194'304,
     .number = limits::outbox_bytes_max / 1024,
     .takes = Takes::restart,
     .help = "Unsent bytes of a connection above which QoS 0 messages to it are dropped, counted.",
     .set =
         [](Options& o, std::string_view, const Value& v) {
           o.net.outbox_bytes_max = static_cast<std::size_t>(number(v)) * 1024;
         }},
    {.name = "net.stalled_socket_s",
     .unit = "s",
     .min = 1,
     .max = 86'400,
     .number = limits::stalled_socket.count() / 1000,
     .takes = Takes::restart,
     .help = "A connection that takes no byte for so long while data waits is closed.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.net.stalled_socket = Milliseconds{number(v) * 1000}; }},
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

constexpr OptionSpec mqtt_table[] = {
    {.name = "mqtt.packet_size_bytes_max",
     .unit = "bytes",
     .min = 1024,
     .max = 268'435'460,
     .number = limits::packet_size_bytes_max,
     .takes = Takes::restart,
     .help = "Largest packet a client may send (our Maximum Packet Size); a larger one gets 0x95.",
     .set = set_core<&core::CoreConfig::packet_size_bytes_max>},
    {.name = "mqtt.receive_maximum",
     .unit = "messages",
     .min = 1,
     .max = 65'535,
     .number = limits::receive_maximum,
     .help = "Unacknowledged QoS 1 and 2 messages taken from one client; more gets 0x93.",
     .set = set_core<&core::CoreConfig::receive_maximum>},
    {.name = "mqtt.inflight_out_max",
     .unit = "messages",
     .min = 1,
     .max = 65'535,
     .number = limits::inflight_out_max,
     .help = "Unacknowledged QoS 1 and 2 messages towards one client, if its own Receive Maximum "
             "is not smaller; further ones wait in its queue.",
     .set = set_core<&core::CoreConfig::inflight_out_max>},
    {.name = "mqtt.topic_alias_in_max",
     .unit = "aliases",
     .min = 0,
     .max = 65'535,
     .number = limits::topic_alias_in_max,
     .takes = Takes::restart,
     .help = "Topic aliases a client may use (our Topic Alias Maximum); more gets 0x94.",
     .set = set_core<&core::CoreConfig::topic_alias_in_max>},
    {.name = "mqtt.topic_alias_out_max",
     .unit = "aliases",
     .min = 0,
     .max = 65'535,
     .number = limits::topic_alias_out_max,
     .help = "Topic aliases we use towards one client, if it allows as many; further topics are "
             "sent by name.",
     .set = set_core<&core::CoreConfig::topic_alias_out_max>},
    {.name = "mqtt.keep_alive_s_max",
     .unit = "s",
     .min = 0,
     .max = 65'535,
     .number = limits::keep_alive_s_max,
     .help = "Longest keep alive; a client that asks for more, or for none, is given this one as "
             "Server Keep Alive. 0: the client's choice.",
     .set = set_core<&core::CoreConfig::keep_alive_s_max>},
    {.name = "mqtt.session_expiry_s_max",
     .unit = "s",
     .min = 0,
     .max = u32_max,
     .number = limits::session_expiry_s_max,
     .help = "Longest life of a session without its client; longer requests are shortened and the "
             "client is told. 4294967295: without end.",
     .set = set_core<&core::CoreConfig::session_expiry_s_max>},
    {.name = "mqtt.idle_session_expiry_s",
     .unit = "s",
     .min = 0,
     .max = u32_max,
     .number = limits::idle_session_expiry_s,
     .help = "Life of an MQTT 3 session without its client when it has neither a subscription "
             "above QoS 0 nor messages waiting.",
     .set = set_core<&core::CoreConfig::idle_session_expiry_s>},
    {.name = "mqtt.subscriptions_per_session_max",
     .unit = "subscriptions",
     .min = 1,
     .max = 10'000'000,
     .number = limits::subscriptions_per_session_max,
     .help = "Subscriptions of one session; a further one gets 0x97.",
     .set = set_core<&core::CoreConfig::subscriptions_per_session_max>},
    {.name = "mqtt.sessions_max",
     .unit = "sessions",
     .min = 1,
     .max = 100'000'000,
     .number = limits::sessions_max,
     .help = "Sessions, connected or not; a further CONNECT gets 0x97.",
     .set = set_core<&core::CoreConfig::sessions_max>},
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
    {.name = "log.rooms.core",
     .kind = Kind::choice,
     .choices = room_levels,
     .help = "Sessions, routing, limits.",
     .set = set_room_level<log::Room::core>},
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
    {.name = "log.rooms.storage",
     .kind = Kind::choice,
     .choices = room_levels,
     .help = "Journal, store, restore.",
     .set = set_room_level<log::Room::storage>},
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

constexpr OptionSpec storage_table[] = {
    {.name = "storage.durability",
     .kind = Kind::choice,
     .text = "sync",
     .choices = durabilities,
     .takes = Takes::restart,
     .help = "\"sync\": what is acknowledged is on the disk (fsync first). \"async\": acknowledged "
             "at once; a power failure loses the last seconds, a crash what was still queued.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.core.durability = chosen<core::Durability>(durabilities, v); }},
    {.name = "storage.cache_mb",
     .unit = "MiB",
     .min = 0,
     .max = 1'048'576,
     .takes = Takes::restart,
     .help = "Memory for the store's blocks and write buffers. 0: a quarter of the machine's, at "
             "most 512.",
     .set = set_storage<&StorageSettings::cache_mb>},
    {.name = "storage.lkv",
     .kind = Kind::boolean,
     .number = 1,
     .takes = Takes::restart,
     .help = "Keep the last value of every topic, also of those that are not retained.",
     .set = set_core<&core::CoreConfig::last_values>},
    {.name = "storage.lkv_include",
     .kind = Kind::list,
     .example = R"(["acme/#"])",
     .takes = Takes::restart,
     .help = "Topic Filters: last values only of topics that match one of them. Empty: all.",
     .set = set_core<&core::CoreConfig::last_values_include>,
     .check = check_filters},
    {.name = "storage.lkv_exclude",
     .kind = Kind::list,
     .example = R"(["acme/+/camera/#"])",
     .takes = Takes::restart,
     .help = "Topic Filters: no last values of topics that match one of them.",
     .set = set_core<&core::CoreConfig::last_values_exclude>,
     .check = check_filters},
    {.name = "storage.lkv_flush_ms",
     .unit = "ms",
     .min = 10,
     .max = 60'000,
     .number = limits::lkv_flush.count(),
     .help = "How often changed last values go to the store; so much of them a crash may lose.",
     .set = set_core<&core::CoreConfig::lkv_flush>},
    {.name = "storage.wal_sync_ms",
     .unit = "ms",
     .min = 10,
     .max = 60'000,
     .number = limits::wal_sync.count(),
     .takes = Takes::restart,
     .help = "How often what nobody waits for is synced; so much of it a power failure may lose.",
     .set = set_storage<&StorageSettings::wal_sync>},
    {.name = "storage.ram_topics_max",
     .unit = "topics",
     .min = 1000,
     .max = 1'000'000'000,
     .number = limits::ram_topics_max,
     .help = "Topics with a retained or last value. Above it a new retained one gets 0x97, a new "
             "plain one is routed without a last value; both are counted and logged.",
     .set = set_core<&core::CoreConfig::ram_topics_max>},
    {.name = "storage.inline_max_bytes",
     .unit = "bytes",
     .min = 0,
     .max = 1'048'576,
     .number = limits::inline_bytes_max,
     .help = "Larger messages are stored once when several queues hold them.",
     .set = set_core<&core::CoreConfig::inline_bytes_max>},
    {.name = "storage.qos1_always_sync",
     .kind = Kind::boolean,
     .help = "Wait for the disk before the PUBACK of a message that is neither retained nor queued "
             "for a persistent session, too.",
     .set = set_core<&core::CoreConfig::qos1_always_sync>},
    {.name = "storage.journal_queue_max_mb",
     .unit = "MiB",
     .min = 1,
     .max = 65'536,
     .number = limits::journal_queue_bytes_max / (1024 * 1024),
     .takes = Takes::restart,
     .help = "What may wait for the disk. Above it connections that wait for an acknowledgement "
             "are not read until half of it is written.",
     .set =
         [](Options& o, std::string_view, const Value& v) {
           o.storage.journal_queue_bytes_max = static_cast<std::size_t>(number(v)) * 1024 * 1024;
         }},
    {.name = "storage.max_queued",
     .unit = "messages",
     .min = 1,
     .max = 1'000'000'000,
     .number = limits::queued_max,
     .help = "Messages waiting in one session; then `overflow` acts.",
     .set = set_core<&core::CoreConfig::queued_max>},
    {.name = "storage.max_queued_mb",
     .unit = "MiB",
     .min = 1,
     .max = 1'048'576,
     .number = limits::queued_bytes_max / (1024 * 1024),
     .help = "Bytes waiting in one session; then `overflow` acts.",
     .set =
         [](Options& o, std::string_view, const Value& v) {
           o.core.queued_bytes_max = static_cast<std::size_t>(number(v)) * 1024 * 1024;
         }},
    {.name = "storage.overflow",
     .kind = Kind::choice,
     .text = "drop_oldest",
     .choices = overflows,
     .help = "What a full session queue does: drop the oldest message not yet sent, drop the new "
             "one, refuse it to its publisher (0x97; an MQTT 3 publisher cannot be told, so the "
             "message is dropped) or disconnect the slow client (0x97). Every drop is counted.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.core.overflow = chosen<core::Overflow>(overflows, v); }},
    {.name = "storage.reserve_mb",
     .unit = "MiB",
     .min = 0,
     .max = 16'777'216,
     .takes = Takes::restart,
     .help = "Free disk space below which new messages that need the disk are refused (0x97). 0: "
             "1024, but at most a quarter of the file system.",
     .set = set_storage<&StorageSettings::reserve_mb>},
    {.name = "storage.on_corruption",
     .kind = Kind::choice,
     .text = "refuse",
     .choices = corruption_choices,
     .takes = Takes::restart,
     .help = "A damaged journal: \"refuse\" to start, or \"recover\" what stands before the damage "
             "after a copy was set aside.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.storage.recover_on_corruption = text(v) == "recover"; }},
    {.name = "storage.will_grace_s",
     .unit = "s",
     .min = 0,
     .max = 86'400,
     .number = limits::will_grace_s,
     .help = "After a start, wills of clients that have not come back wait so long.",
     .set = set_core<&core::CoreConfig::will_grace_s>},
};

constexpr OptionSection sections[] = {
    {"", "", top_table},
    {"node", "This broker.", node_table},
    {"listeners.*",
     "One table per listener; the name is yours (a-z, 0-9, \"-\", \"_\"). Without any, the broker "
     "listens on 127.0.0.1:1883.",
     listener_table},
    {"net", "Connections, whatever they speak.", net_table},
    {"mqtt", "What one client may do.", mqtt_table},
    {"storage", "What survives, and how.", storage_table},
    {"log", "Log lines go to standard error.", log_table},
    {"log.rooms", "Levels of single parts of the broker.", log_room_table},
    {"sys", "The broker's own topics below $SYS.", sys_table},
};

}  // namespace

std::span<const OptionSection> option_sections() { return sections; }

}  // namespace lineshaft::app
