#include "tests/sim/random_run.h"

#include <algorithm>

namespace lineshaft::sim {

namespace {

/// How eventful a run is; every seed has its own mix, so that each corner is somebody's normal.
struct Mood {
  std::size_t journal = 20;
  std::size_t time = 6;
  std::size_t crash = 1;
  std::size_t trouble = 1;
  bool long_waits = false;
};

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        chance_(options.seed),
        settings_(choose_settings()),
        world_(settings_, chance_) {
    mood_.journal = chance_.between(3, 25);
    mood_.time = chance_.between(1, 8);
    mood_.crash = chance_.one_in(3) ? 0 : chance_.between(1, 3);
    mood_.trouble = chance_.one_in(4) ? 2 : 0;
    mood_.long_waits = chance_.one_in(4);
    make_clients();
  }

  void go(std::size_t& events) {
    begin();
    for (events = 0; events < options_.events; ++events) step();
    calm_down();
    finish();
    world_.crash(Milliseconds{chance_.below(2000)});
    reset_clients();
    calm_down();
    finish();
  }
  World& world() { return world_; }

 private:
  Settings choose_settings();
  void make_clients();
  void begin();
  void step();
  void step_network();
  void step_journal();
  void step_time();
  void trouble();
  void restart();
  void calm_down();
  bool calm_round();
  void finish();
  void probe();
  void reset_clients();
  void heal();

  RunOptions options_;
  Chance chance_;
  Settings settings_;
  World world_;
  Mood mood_;
  std::vector<std::unique_ptr<Client>> clients_;
  bool refusing_ = false;
  bool overloaded_ = false;
  bool stalled_ = false;
  bool sharing_ = false;
};

Settings Run::choose_settings() {
  Settings settings;
  settings.fault = options_.fault;
  settings.trace = options_.trace;
  settings.shards = chance_.one_in(4) ? 2 : 1;
  core::CoreConfig& config = settings.config;
  constexpr std::uint16_t windows[] = {1, 2, 5, 64};
  config.inflight_out_max = windows[chance_.below(4)];
  config.receive_maximum = static_cast<std::uint16_t>(chance_.one_in(3) ? 3 : 64);
  if (chance_.one_in(2)) {
    config.queue_window = chance_.one_in(2) ? 8 : 2;
    config.queue_page = chance_.one_in(2) ? 4 : 2;
  }
  config.inline_bytes_max = chance_.one_in(2) ? 16 : 512;
  config.will_grace_s = chance_.one_in(2) ? 2 : 30;
  config.session_expiry_s_max = 80'000;
  const bool bounded = chance_.one_in(6) || options_.fault == Fault::no_bound;
  if (bounded) {
    config.queued_max = chance_.between(8, 16);
    config.overflow = chance_.one_in(2) ? core::Overflow::drop_oldest : core::Overflow::drop_newest;
  }
  return settings;
}

void Run::make_clients() {
  Profile monitor;
  monitor.expiry_s = 0xFFFFFFFF;
  monitor.publishes = monitor.vanishes = 0;
  monitor.steady = true;
  clients_.push_back(std::make_unique<Client>(world_, 0, monitor));
  world_.model().set_monitor(0);
  const std::size_t size = chance_.between(2, 5);
  sharing_ = chance_.one_in(3);
  for (std::size_t i = 1; i <= size; ++i) {
    Profile profile;
    if (chance_.one_in(3)) profile.version = mqtt::Version::v3_1_1;
    constexpr std::uint32_t expiries[] = {0, 5, 120, 3600, 0xFFFFFFFF};
    profile.expiry_s = expiries[chance_.below(5)];
    constexpr std::uint16_t maxima[] = {1, 2, 5, 65535};
    profile.receive_maximum = maxima[chance_.below(4)];
    profile.acknowledges = chance_.between(10, 95);
    profile.publishes = chance_.between(10, 80);
    profile.vanishes = chance_.between(0, 6);
    profile.wills = chance_.one_in(2);
    profile.shares = sharing_ && chance_.percent(70);
    clients_.push_back(std::make_unique<Client>(world_, static_cast<int>(i), profile));
  }
}

void Run::begin() {
  Client& monitor = *clients_.front();
  monitor.connect();
  world_.carry(monitor.pipe(), 1);
  world_.commit();
  while (!monitor.connected()) monitor.read();
  monitor.subscribe("w/#", QoS::at_least_once);
  world_.carry(monitor.pipe(), 1);
  world_.commit();
  monitor.read();
}

void Run::step_network() {
  if (world_.live().empty()) return;
  const int index = world_.live()[chance_.below(world_.live().size())];
  Pipe& pipe = world_.pipe(index);
  if (pipe.cut && pipe.up.empty() && chance_.one_in(3)) return world_.notice(index);
  if (pipe.cut && chance_.one_in(12)) return world_.notice(index);
  if (pipe.drain_asked && chance_.one_in(2)) return world_.drained(index);
  // While the store refuses, a 3.x publisher is closed: what follows in its input is void.
  world_.carry(index, refusing_ ? 1 : chance_.between(1, 4));
}

void Run::step_journal() {
  if (!stalled_ && world_.journal.waiting() > 0 && chance_.one_in(2)) {
    return world_.journal.write(chance_.between(1, world_.journal.waiting()));
  }
  if (!world_.journal.loads.empty() && chance_.one_in(2)) {
    world_.answer_load();
    return;
  }
  if (chance_.one_in(10) && !stalled_) world_.journal.sync();
  world_.answer_commit();
}

void Run::step_time() {
  if (mood_.long_waits && chance_.one_in(10)) {
    constexpr std::int64_t waits[] = {5'000, 30'000, 130'000, 3'700'000};
    return world_.pass(Milliseconds{waits[chance_.below(4)]});
  }
  if (chance_.one_in(6)) return world_.pass(Milliseconds{chance_.between(500, 4000)});
  world_.pass(Milliseconds{chance_.between(1, 300)});
}

void Run::trouble() {
  if (refusing_) return heal();
  // Which member of a shared subscription a message would go to, and so whether it needs the disk,
  // is the broker's choice: no refusals while there are any.
  if (overloaded_ || sharing_ || chance_.one_in(2)) {
    overloaded_ = !overloaded_;
    return world_.store_state(true, overloaded_);
  }
  refusing_ = true;
  stalled_ = true;
  for (auto& client : clients_) client->set_retained_deletes(false);
  world_.store_state(false, false);
}

void Run::heal() {
  if (refusing_ || overloaded_) {
    refusing_ = overloaded_ = false;
    world_.store_state(true, false);
  }
  stalled_ = false;
  for (auto& client : clients_) client->set_retained_deletes(true);
}

void Run::reset_clients() {
  refusing_ = overloaded_ = stalled_ = false;
  for (auto& client : clients_) {
    if (client->pipe() >= 0) client->forget_connection();
    client->set_retained_deletes(true);
  }
}

void Run::restart() {
  const Milliseconds downtime{chance_.one_in(5) ? chance_.below(200'000) : chance_.below(3000)};
  if (!refusing_ && chance_.one_in(4)) {
    world_.drain();
    world_.start_again(downtime, true);
  } else {
    world_.crash(downtime);
  }
  reset_clients();
}

void Run::step() {
  const std::size_t dice = chance_.below(100);
  if (dice < mood_.crash && chance_.one_in(2)) return restart();
  if (dice < 4 && chance_.percent(mood_.trouble * 20)) return trouble();
  if (dice < 4 + mood_.time) return step_time();
  if (dice < 4 + mood_.time + mood_.journal) return step_journal();
  if (dice < 55 && chance_.one_in(2)) {
    // Several inputs in one turn, one `Persist`.
    world_.begin_turn();
    for (std::size_t i = chance_.between(2, 4); i > 0; --i) step_network();
    return world_.end_turn();
  }
  if (dice < 58) return step_network();
  Client& client = *clients_[chance_.below(clients_.size())];
  if (client.index() == 0 && client.pipe() < 0) return client.connect(true);
  if (dice < 86) return client.act();
  for (std::size_t i = chance_.between(1, 5); i > 0; --i) client.read();
}

// One round in which everybody does what is waiting. False: there was nothing.
bool Run::calm_round() {
  bool busy = world_.journal.waiting() > 0 || !world_.journal.loads.empty() ||
              !world_.journal.answers.empty();
  world_.commit();
  while (world_.answer_load()) {
  }
  for (const int index : std::vector<int>(world_.live())) {
    Pipe& pipe = world_.pipe(index);
    busy = busy || pipe.cut || pipe.drain_asked || !pipe.up.empty() || !pipe.down.empty();
    world_.carry(index, refusing_ ? 1 : 1000);
    if (!pipe.dead && pipe.cut) world_.notice(index);
    world_.drained(index);
  }
  for (auto& client : clients_) {
    if (client->pipe() < 0 && client->durable() && (client->has_state() || client->index() == 0)) {
      client->connect(true);
      busy = true;
    }
    for (int i = 0; i < 200; ++i) client->read();
    busy = busy || !client->settled() || client->connecting();
    client->acknowledge(1000);
  }
  return busy;
}

void Run::calm_down() {
  heal();
  int quiet = 0;
  for (int round = 0; round < 400 && quiet < 4; ++round) {
    world_.pass(Milliseconds{110});
    quiet = calm_round() ? 0 : quiet + 1;
  }
  if (quiet < 4) violated(Invariant::answers_in_order, "the broker does not come to rest");
}

// A new subscriber to everything is shown the retained messages, all of them and nothing else.
void Run::probe() {
  Chance& chance = chance_;
  Profile profile;
  const int index = 1000 + static_cast<int>(chance.below(1000));
  Client probe(world_, index, profile);
  probe.connect();
  world_.carry(probe.pipe(), 1);
  world_.commit();
  while (!probe.connected()) probe.read();
  probe.subscribe("#", QoS::at_most_once);
  std::map<std::string, int> expected = world_.model().retained_now();
  for (int round = 0; round < 20; ++round) {
    world_.carry(probe.pipe(), 1);
    world_.drained(probe.pipe());
    world_.commit();
    while (const auto frame = world_.read(probe.pipe())) {
      if (frame->type != mqtt::PacketType::publish || !frame->retain) continue;
      const Sent& sent = world_.registry()[static_cast<std::size_t>(frame->message)];
      const auto at = expected.find(sent.topic);
      if (at == expected.end() || at->second != frame->message) {
        violated(Invariant::retained_newest, "{} shows m{}", sent.topic, frame->message);
      }
      expected.erase(at);
    }
  }
  if (!expected.empty()) {
    violated(Invariant::retained_newest, "{} is not shown to a newcomer", expected.begin()->first);
  }
  world_.notice(probe.pipe());
}

void Run::finish() {
  world_.model().finish(world_.core().statistics(), world_.drops());
  probe();
}

}  // namespace

RunResult run(const RunOptions& options) {
  RunResult result;
  Run one(options);
  try {
    one.go(result.events);
  } catch (const Violated& broken) {
    result.broken = broken.invariant();
    result.what = broken.what();
  }
  result.trace = one.world().notes();
  return result;
}

}  // namespace lineshaft::sim
