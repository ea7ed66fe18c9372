#include "broker/app/options.h"

#include <set>
#include <string>

#include "broker/base/limits.h"
#include "tests/support/catch.h"
#include "tests/unit/app/config_world.h"

using namespace lineshaft;
using namespace lineshaft::app;

TEST_CASE("every option has a name of its own, help, and a default that is in range", "[app]") {
  std::set<std::string_view> names;
  for (const OptionSection& section : option_sections()) {
    for (const OptionSpec& spec : section.options) {
      INFO(spec.name);
      CHECK(names.insert(spec.name).second);
      const std::string prefix = section.name.empty() ? "" : std::string(section.name) + ".";
      CHECK(spec.name.starts_with(prefix));
      CHECK(spec.name.substr(prefix.size()).find('.') == std::string_view::npos);
      CHECK(spec.help.ends_with('.'));
      CHECK((spec.set != nullptr) != (spec.set_limit != nullptr));
      if (spec.kind != Kind::integer) continue;
      CHECK(spec.min <= spec.number);
      CHECK(spec.number <= spec.max);
      CHECK_FALSE(spec.unit.empty() == (spec.name != "shards"));
    }
  }
}

TEST_CASE("the defaults of the table are those of the core", "[app]") {
  const auto options = ConfigWorld().load();
  const core::CoreConfig core;
  const core::CoreConfig& read = options->core;
  CHECK(read.durability == core.durability);
  CHECK(static_cast<const core::ClientLimits&>(read) == core::ClientLimits());
  CHECK(options->listeners[0].limits == core::ClientLimits());
  CHECK(read.idle_session_expiry_s == core.idle_session_expiry_s);
  CHECK(read.sessions_max == core.sessions_max);
  CHECK(read.overflow == core.overflow);
  CHECK(read.ram_topics_max == core.ram_topics_max);
  CHECK(read.last_values == core.last_values);
  CHECK(read.last_values_include.empty());
  CHECK(read.lkv_flush == core.lkv_flush);
  CHECK(read.inline_bytes_max == core.inline_bytes_max);
  CHECK(read.qos1_always_sync == core.qos1_always_sync);
  CHECK(read.will_grace_s == core.will_grace_s);
  CHECK(options->net.drain == limits::drain);
  CHECK(options->storage.wal_sync == limits::wal_sync);
  CHECK(options->storage.journal_queue_bytes_max == limits::journal_queue_bytes_max);
}

namespace {

/// Every option with a value that is not its default.
constexpr const char* everything_changed = R"(
authorization = "open"
shards = 2
[node]
name = "press-hall"
data_dir = "/srv/mqtt"
[listeners.plant]
bind = "[::]:1884"
connections_max = 5
[listeners.local]
bind = "unix:/run/mqtt.sock"
[net]
connect_deadline_ms = 1500
outbox_max_kb = 70
connect_max_kb = 7
stalled_socket_s = 8
drain_s = 9
[mqtt]
packet_size_bytes_max = 4096
topic_levels_max = 33
topic_size_bytes_max = 512
client_id_size_bytes_max = 64
user_properties_max = 34
receive_maximum = 10
inflight_out_max = 11
topic_alias_in_max = 12
topic_alias_out_max = 13
keep_alive_s_max = 14
session_expiry_s_max = 15
idle_session_expiry_s = 16
subscriptions_per_session_max = 17
sessions_max = 18
[storage]
durability = "async"
cache_mb = 20
lkv = false
lkv_include = ["a/#", "+/b"]
lkv_exclude = ["c"]
lkv_flush_ms = 21
wal_sync_ms = 22
ram_topics_max = 2300
inline_max_bytes = 24
qos1_always_sync = true
journal_queue_max_mb = 25
max_queued = 26
max_queued_mb = 27
overflow = "reject_publisher"
reserve_mb = 28
on_corruption = "recover"
will_grace_s = 29
[log]
level = "warn"
format = "json"
[log.rooms]
net = "debug"
[sys]
interval_s = 30
)";

std::shared_ptr<const Options> load_everything_changed() {
  ConfigWorld world;
  world.configure(everything_changed);
  return world.load();
}

}  // namespace

TEST_CASE("each option of node, listeners and net reaches its place", "[app]") {
  const auto options = load_everything_changed();
  CHECK(options->authorization == "open");
  CHECK(options->shards == 2);
  CHECK(options->node_name == "press-hall");
  CHECK(options->data_dir == "/srv/mqtt");
  REQUIRE(options->listeners.size() == 2);
  const ListenerOptions& local = options->listeners[0];
  CHECK(local.name == "local");
  CHECK(local.bind.text() == "unix:/run/mqtt.sock");
  CHECK(local.connections_max == limits::connections_max);
  const ListenerOptions& plant = options->listeners[1];
  CHECK(plant.name == "plant");
  CHECK(plant.bind.text() == "[::]:1884");
  CHECK(plant.connections_max == 5);
  CHECK(options->core.connect_deadline == Milliseconds{1500});
  CHECK(options->core.outbox_bytes_max == 70u * 1024);
  CHECK(options->core.stalled_socket == Milliseconds{8000});
  CHECK(options->net.drain == Milliseconds{9000});
}

TEST_CASE("each option of mqtt, storage, log and sys reaches its place", "[app]") {
  const auto options = load_everything_changed();
  const core::CoreConfig& core = options->core;
  CHECK(core.packet_size_bytes_max == 4096);
  CHECK(core.topic_levels_max == 33);
  CHECK(core.topic_size_bytes_max == 512);
  CHECK(core.client_id_size_bytes_max == 64);
  CHECK(core.user_properties_max == 34);
  CHECK(core.connect_size_bytes_max == 7u * 1024);
  CHECK(core.receive_maximum == 10);
  CHECK(core.inflight_out_max == 11);
  CHECK(core.topic_alias_in_max == 12);
  CHECK(core.topic_alias_out_max == 13);
  CHECK(core.keep_alive_s_max == 14);
  CHECK(core.session_expiry_s_max == 15);
  CHECK(core.idle_session_expiry_s == 16);
  CHECK(core.subscriptions_per_session_max == 17);
  CHECK(core.sessions_max == 18);
  CHECK(core.durability == core::Durability::async);
  CHECK(options->storage.cache_mb == 20);
  CHECK_FALSE(core.last_values);
  CHECK(core.last_values_include == std::vector<std::string>{"a/#", "+/b"});
  CHECK(core.last_values_exclude == std::vector<std::string>{"c"});
  CHECK(core.lkv_flush == Milliseconds{21});
  CHECK(options->storage.wal_sync == Milliseconds{22});
  CHECK(core.ram_topics_max == 2300);
  CHECK(core.inline_bytes_max == 24);
  CHECK(core.qos1_always_sync);
  CHECK(options->storage.journal_queue_bytes_max == 25u * 1024 * 1024);
  CHECK(core.queued_max == 26);
  CHECK(core.queued_bytes_max == 27u * 1024 * 1024);
  CHECK(core.overflow == core::Overflow::reject_publisher);
  CHECK(options->storage.reserve_mb == 28);
  CHECK(options->storage.recover_on_corruption);
  CHECK(core.will_grace_s == 29);
  CHECK(options->log.level == log::Level::warn);
  CHECK(options->log.format == LogFormat::json);
  const auto net_level = options->log.rooms[static_cast<std::size_t>(log::Room::net)];
  CHECK(net_level.value() == log::Level::debug);
  CHECK_FALSE(options->log.rooms[static_cast<std::size_t>(log::Room::core)].has_value());
  CHECK(options->sys_interval_s == 30);
}
