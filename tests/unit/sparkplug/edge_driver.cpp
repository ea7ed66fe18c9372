#include "tests/unit/sparkplug/edge_driver.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "sparkplug/well_known.h"

namespace lineshaft::sparkplug {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

EdgeNodesConfig small_plant() {
  EdgeNodesConfig config = reordering(200);
  config.limits = {.nodes = 3,
                   .unborn_nodes = 2,
                   .devices = 4,
                   .devices_per_node = 2,
                   .metrics = 14,
                   .value_bytes = 200,
                   .reorder_messages = 4,
                   .reorder_bytes = 400,
                   .reorder_bytes_total = 600,
                   .hosts = 2,
                   .sessions = 3};
  config.rebirth.per_second = 2;
  return config;
}

std::string node_name(unsigned who) { return "E" + std::to_string(who % 4); }
std::string device_name(unsigned who) { return "D" + std::to_string(who / 4 % 3); }

}  // namespace

EdgeDriver::EdgeDriver()
    : plant_(std::make_unique<Plant>(small_plant())), started_(plant_->now.wall) {}

void EdgeDriver::run(std::string_view script) {
  for (std::size_t at = 0; at + 2 < script.size(); at += 3) {
    step({static_cast<unsigned char>(script[at]), static_cast<unsigned char>(script[at + 1]),
          static_cast<unsigned char>(script[at + 2])});
    check();
  }
}

/// Mostly with the seq that is due, sometimes a little off, rarely without.
std::string EdgeDriver::data(Step step) const {
  std::optional<std::uint64_t> seq = step.more;
  const auto number = plant_->machine.find_node("G", node_name(step.who));
  if (number && plant_->machine.node(*number)->next_seq) {
    const std::uint64_t off = step.more % 8 < 5 ? 0 : step.more % 8 - 4;
    seq = (*plant_->machine.node(*number)->next_seq + off) % 256;
  }
  if (step.more == 255) seq.reset();
  const std::string words(step.more, 'w');
  std::vector<Given> metrics{by_alias(10 + step.more % 3, real(step.more)),
                             by_alias(14, text(words))};
  if (step.more % 16 == 3) metrics.push_back(by_name("Temp", real(1)));
  metrics[0].is_historical = step.more % 32 == 5;
  return payload_of(metrics, seq);
}

void EdgeDriver::step(Step step) {
  static constexpr std::string_view clients[] = {"one", "two", "three"};
  const unsigned client = step.who / 16u % 3;
  plant_->author = {client + 1, clients[client], step.more % 4 == 3, false};
  const std::uint64_t bd_seq = step.more % 3;
  switch (step.what % 16) {
    case 0:
    case 1:
      return publish(step, "NBIRTH",
                     node_birth(bd_seq, step.more % 5 == 0 ? 255 : 0,
                                {by_both("Temp", 10, real(1)), by_both("Note", 14, text("n"))}));
    case 2:
    case 3:
      return publish(step, "NDATA", data(step));
    case 4:
    case 5:
    case 6:
      return publish(step, "DDATA", data(step));
    case 7:
    case 8: {
      std::string payload = data(step);
      payload += payload_of({by_both("Temp", 10, real(2)), by_both("Note", 14, text("x"))}, {}, {});
      return publish(step, "DBIRTH", payload);
    }
    case 9:
      return publish(step, "DDEATH", data(step));
    case 10:
      return publish(step, "NDEATH",
                     node_death(bd_seq == 2 ? std::nullopt : std::optional(bd_seq)));
    case 11:
      return look(
          plant_->disconnect(plant_->author.connection, static_cast<ConnectionEnd>(step.more % 3)));
    case 12:
      return look(plant_->wait(step.more * 20));
    case 13:
      return look(plant_->connect(bd_seq, plant_->author));
    case 14: {
      const std::string whole = data(step);
      return publish(step, step.more % 2 == 0 ? "NCMD" : "DBIRTH",
                     whole.substr(0, whole.size() * step.who / 256));
    }
    default:
      if (step.more < 30) return restart();
      if (step.more < 40) return look(plant_->machine.on_link(1, step.more % 2 == 0, plant_->now));
      if (step.more < 60) return look(plant_->machine.forget(step.more % 4));
      if (step.more < 80) return look(plant_->machine.ask_rebirth(step.more % 4, plant_->now));
      return publish(step, "NCMD", payload_of({by_name(rebirth_name, flag(true))}, std::nullopt));
  }
}

void EdgeDriver::publish(Step step, std::string_view type, const std::string& payload) {
  std::string topic = "spBv1.0/G/";
  topic.append(type).append("/").append(node_name(step.who));
  if (type.starts_with('D')) topic += "/" + device_name(step.who);
  const Outcome& outcome = plant_->publish(topic, payload);
  look(outcome);
  must(!outcome.is_certificate || type.ends_with("BIRTH"));
  if (outcome.is_certificate) certificates_[topic] = payload;
}

void EdgeDriver::look(const Outcome& outcome) {
  for (const Action& action : outcome.actions) {
    digest_ = fold_multiply(digest_ ^ action.index(), hash_multiplier_1) + 1;
    if (const auto* changed = std::get_if<MetricsChanged>(&action)) {
      must(changed->size != 0 && changed->first + changed->size <= outcome.changes.size());
      for (const MetricChange& change : outcome.changes_of(*changed)) {
        digest_ = fold_multiply(digest_ ^ change.value.number ^ change.value.bytes.size(),
                                hash_multiplier_2);
      }
    }
    if (const auto* born = std::get_if<Born>(&action)) {
      if (born->previous != nullptr) digest_ += born->previous->size();
    }
    if (const auto* changed = std::get_if<NodeChanged>(&action)) {
      digest_ += static_cast<std::uint64_t>(changed->to) * 7;
    }
  }
}

void EdgeDriver::check_node(NodeNumber number) {
  const EdgeNode& node = *plant_->machine.node(number);
  must(plant_->machine.find_node(node.group, node.name) == number);
  must((node.early != nullptr) == (node.state == NodeState::reordering));
  if (node.early != nullptr) {
    must(node.early->size() <= 4 && node.early->bytes() <= 400 && !node.early->empty());
    must(node.early->find(*node.next_seq) == nullptr);
    ++steps_reordering_;
  }
  must(node.connection == 0 || node.is_here());
  must(node.is_here() ? node.has_birth : true);
  if (node.state == NodeState::offline) must(node.reason != OfflineReason::none);
  const bool is_live = node.state == NodeState::online || node.state == NodeState::reordering;
  if (is_live) ++steps_online_;
  must(plant_->machine.is_live(number, no_device) == is_live);
  for (const DeviceNumber child : node.devices) {
    const Device& device = *plant_->machine.device(child);
    must(device.node == number && plant_->machine.find_device(number, device.name) == child);
    must(is_live || plant_->machine.device_state(child) != DeviceState::online ||
         node.state == NodeState::out_of_sync);
    const bool is_good = is_live && device.state == DeviceState::online;
    for (std::uint32_t i = 0; i < device.metrics.size(); ++i) {
      const Quality quality = plant_->machine.quality(number, child, i);
      must(quality == (is_good ? device.metrics.own_quality(i) : Quality::stale));
      must(device.metrics.find_name(device.metrics.name(i)) == i);
    }
  }
}

void EdgeDriver::check() {
  const EdgeTotals totals = plant_->machine.totals();
  EdgeTotals counted;
  const auto add = [&](const MetricTable& table) {
    counted.metrics += table.size();
    counted.value_bytes += table.value_bytes();
  };
  for (NodeNumber number = 0; number < plant_->machine.nodes_end(); ++number) {
    const EdgeNode* node = plant_->machine.node(number);
    if (node == nullptr) continue;
    check_node(number);
    ++counted.nodes;
    if (node->is_here()) ++counted.nodes_here;
    counted.devices += node->devices.size();
    add(node->metrics);
    for (const DeviceNumber child : node->devices) add(plant_->machine.device(child)->metrics);
    if (node->early != nullptr) counted.reorder_bytes += node->early->bytes();
  }
  must(totals.nodes == counted.nodes && totals.nodes <= 3);
  must(totals.nodes_here == counted.nodes_here);
  must(totals.devices == counted.devices && totals.devices <= 4);
  must(totals.metrics == counted.metrics && totals.metrics <= 14);
  must(totals.value_bytes == counted.value_bytes && totals.value_bytes <= 200);
  must(totals.reorder_bytes == counted.reorder_bytes && totals.reorder_bytes <= 600);
  const auto passed = static_cast<std::size_t>((plant_->now.wall - started_).count());
  // Each run of the broker begins with a full bucket.
  must(plant_->rebirths <= 2 + passed * 2 / 1'000 + 1);
}

void EdgeDriver::restart() {
  std::vector<KeptState> changes;
  while (plant_->machine.take_changes(2, changes)) {
  }
  for (KeptState& one : changes) {
    if (one.value.empty()) {
      records_.erase(one.key);
    } else {
      records_[one.key] = std::move(one.value);
    }
  }
  must(!plant_->machine.has_changes());
  const Now now = plant_->now;
  plant_ = std::make_unique<Plant>(small_plant());
  plant_->now = now;
  started_ = now.wall;
  for (const bool nodes_first : {true, false}) {
    for (const auto& [topic, payload] : certificates_) {
      if ((topic.find("/NBIRTH/") != std::string::npos) != nodes_first) continue;
      plant_->machine.restore_birth(*parse_topic(topic), payload, plant_->now.wall);
    }
  }
  std::erase_if(records_, [&](const auto& record) {
    return !plant_->machine.restore(record.first, record.second);
  });
  plant_->machine.finish_restore(plant_->now.wall);
  must(plant_->machine.totals().nodes_here == 0);
}

}  // namespace lineshaft::sparkplug
