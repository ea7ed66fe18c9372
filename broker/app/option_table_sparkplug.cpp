#include "broker/app/option_table.h"

namespace lineshaft::app {
namespace {

constexpr OptionSpec sparkplug_table[] = {
    {.name = "sparkplug.enabled",
     .kind = Kind::boolean,
     .number = 1,
     .takes = Takes::restart,
     .help = "Be a Sparkplug Aware MQTT Server: keep the newest birth of every edge node and "
             "device below $sparkplug/certificates/ and put the time of delivery into NDEATH "
             "messages. Without it spBv1.0/ is a topic like any other.",
     .set = [](Options& o, std::string_view, const Value& v) { assign(o.sparkplug.enabled, v); }},
};

}  // namespace

std::span<const OptionSpec> sparkplug_options() { return sparkplug_table; }

}  // namespace lineshaft::app
