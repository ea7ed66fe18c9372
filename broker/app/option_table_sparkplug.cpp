#include "broker/app/option_table.h"
#include "broker/base/limits.h"

namespace lineshaft::app {
namespace {

using sparkplug::EdgeNodesConfig;
using sparkplug::RebirthConfig;

/// An option about rebirths; those of the host's view are set by hand.
template <auto member>
void set_rebirth(Options& options, std::string_view, const Value& value) {
  assign(options.sparkplug.config.nodes.rebirth.*member, value);
}

constexpr OptionSpec sparkplug_table[] = {
    {.name = "sparkplug.enabled",
     .kind = Kind::boolean,
     .number = 1,
     .takes = Takes::restart,
     .help = "Be a Sparkplug Aware MQTT Server: keep the newest birth of every edge node and "
             "device below $sparkplug/certificates/, put the time of delivery into NDEATH "
             "messages, and know the state and the last values of all of them. Without it "
             "spBv1.0/ is a topic like any other.",
     .set = [](Options& o, std::string_view, const Value& v) { assign(o.sparkplug.enabled, v); }},
    {.name = "sparkplug.rebirth",
     .kind = Kind::boolean,
     .number = 1,
     .takes = Takes::restart,
     .help = "Ask an edge node to be born again (NCMD) when its messages make no sense any more: a "
             "message is missing, a metric or a device was never born.",
     .set = set_rebirth<&RebirthConfig::enabled>},
    {.name = "sparkplug.rebirth_not_for",
     .kind = Kind::list,
     .example = "[\"Line1\"]",
     .takes = Takes::restart,
     .help = "Groups whose edge nodes are never asked: their primary host lives elsewhere.",
     .set = set_rebirth<&RebirthConfig::groups_off>},
    {.name = "sparkplug.rebirth_interval_ms",
     .unit = "ms",
     .min = 100,
     .max = 3'600'000,
     .number = limits::sparkplug_rebirth_interval.count(),
     .takes = Takes::restart,
     .help = "Least time between two requests to one edge node; doubled with each one that is not "
             "answered, up to 5 minutes.",
     .set = set_rebirth<&RebirthConfig::interval>},
    {.name = "sparkplug.rebirths_per_s",
     .unit = "requests",
     .min = 1,
     .max = 10'000,
     .number = limits::sparkplug_rebirths_per_s,
     .takes = Takes::restart,
     .help = "Requests per second to all edge nodes together; the others wait.",
     .set = set_rebirth<&RebirthConfig::per_second>},
    {.name = "sparkplug.reorder_timeout_ms",
     .unit = "ms",
     .min = 0,
     .max = 60'000,
     .number = EdgeNodesConfig{}.reorder_timeout_direct.count(),
     .takes = Takes::restart,
     .help = "How long a missing message is waited for before it counts as lost. 0: not at all, "
             "for the messages of one connection cannot overtake each other; more only when edge "
             "nodes are behind a bridge.",
     .set = [](Options& o, std::string_view,
               const Value& v) { assign(o.sparkplug.config.nodes.reorder_timeout_direct, v); }},
    {.name = "sparkplug.detached_stays_good",
     .kind = Kind::boolean,
     .number = 0,
     .takes = Takes::restart,
     .help = "Values of an edge node that disconnects in order without an NDEATH stay Good; else "
             "they are Stale.",
     .set = [](Options& o, std::string_view,
               const Value& v) { assign(o.sparkplug.config.nodes.detached_stays_good, v); }},
    {.name = "sparkplug.write_behind_ms",
     .unit = "ms",
     .min = 100,
     .max = 600'000,
     .number = limits::sparkplug_write_behind.count(),
     .takes = Takes::restart,
     .help = "How long a changed value may wait for its way to the store; a crash loses what "
             "waits, and the value before is shown, Stale.",
     .set = [](Options& o, std::string_view,
               const Value& v) { assign(o.sparkplug.config.write_behind, v); }},
};

}  // namespace

std::span<const OptionSpec> sparkplug_options() { return sparkplug_table; }

}  // namespace lineshaft::app
