#include "broker/app/option_table.h"
#include "broker/base/limits.h"

namespace lineshaft::app {
namespace {

constexpr std::int64_t u32_max = 0xFFFFFFFF;

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

}  // namespace

std::span<const OptionSpec> mqtt_options() { return mqtt_table; }

}  // namespace lineshaft::app
