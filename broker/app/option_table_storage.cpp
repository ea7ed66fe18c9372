#include "broker/app/option_checks.h"
#include "broker/app/option_table.h"
#include "broker/base/limits.h"

namespace lineshaft::app {
namespace {

constexpr std::string_view durabilities[] = {"sync", "async"};
constexpr std::string_view overflows[] = {"drop_oldest", "drop_newest", "reject_publisher",
                                          "disconnect"};
constexpr std::string_view corruption_choices[] = {"refuse", "recover"};

template <auto member>
void set_storage(Options& options, std::string_view, const Value& value) {
  assign(options.storage.*member, value);
}

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
     .set_limit = set_limit<&core::ClientLimits::queued_max>},
    {.name = "storage.max_queued_mb",
     .unit = "MiB",
     .min = 1,
     .max = 1'048'576,
     .number = limits::queued_bytes_max / (1024 * 1024),
     .help = "Bytes waiting in one session; then `overflow` acts.",
     .set_limit = set_scaled_limit<&core::ClientLimits::queued_bytes_max, 1024 * 1024>},
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

}  // namespace

std::span<const OptionSpec> storage_options() { return storage_table; }

}  // namespace lineshaft::app
