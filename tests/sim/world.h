#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/core.h"
#include "tests/sim/chance.h"
#include "tests/sim/faults.h"
#include "tests/sim/frame.h"
#include "tests/sim/journal.h"
#include "tests/sim/model.h"

namespace lineshaft::sim {

struct Settings {
  core::CoreConfig config;
  Fault fault = Fault::none;
  std::size_t shards = 1;
  bool trace = false;
};

/// A connection: packets on their way to the core, frames on their way to the client.
struct Pipe {
  core::ConnectionId id;
  int client = -1;
  std::deque<mqtt::Packet> up;
  std::deque<Frame> down;
  bool opened = false;
  /// The client is gone; the core has not noticed.
  bool cut = false;
  /// The core closed it, or was told that it is lost: nothing goes up any more.
  bool dead = false;
  bool paused = false;
  bool drain_asked = false;
};

/// The core, its journal, its connections and its clock; one thread, no hidden order.
///
/// Every input goes through the model first and every effect through it afterwards.
class World {
 public:
  World(const Settings& settings, Chance& chance);
  ~World();

  // --- time ----------------------------------------------------------------------------------
  Now now() const { return now_; }
  /// The clocks go on and the core is told.
  void pass(Milliseconds duration);
  /// Only the clocks go on.
  void wait(Milliseconds duration);

  // --- connections ---------------------------------------------------------------------------
  int open(int client);
  void send(int pipe, mqtt::Packet packet);
  /// The client vanishes; `kept` of its packets are still under way.
  void cut(int pipe, std::size_t kept);
  /// Up to `packets` reach the core, in one input.
  void carry(int pipe, std::size_t packets);
  /// The core learns that the client has gone.
  void notice(int pipe);
  /// The socket has taken everything: answers `AwaitDrain`.
  void drained(int pipe);
  std::optional<Frame> read(int pipe);
  Pipe& pipe(int index) { return *pipes_[static_cast<std::size_t>(index)]; }
  /// Those that are not dead.
  const std::vector<int>& live() const { return live_; }

  /// Inputs until `end_turn` share one `Effects`, as in a turn that takes several batches.
  void begin_turn();
  void end_turn();

  // --- the store -----------------------------------------------------------------------------
  Journal journal;
  /// Reports one written batch, or an older one again; false if there is none.
  bool answer_commit();
  bool answer_load();
  /// Everything handed over is written, synced and reported.
  void commit();
  void store_state(bool accepts, bool overloaded);

  // --- the end and the beginning -------------------------------------------------------------
  void crash(Milliseconds downtime);
  /// SIGTERM: returns when the core is done; the frames stand in the pipes.
  void drain();
  void start_again(Milliseconds downtime, bool clean);

  void submit(core::Input input);
  core::Core& core() { return *core_; }
  Model& model() { return *model_; }
  Registry& registry() { return registry_; }
  Chance& chance() { return chance_; }
  const core::CoreConfig& config() const { return settings_.config; }
  /// From the next start on.
  void set_config(const core::CoreConfig& config) { settings_.config = config; }

  /// A new message; it is not sent yet.
  Sent& compose(std::string topic, QoS qos, bool retain, std::string payload);
  /// As the decoder makes it: in a block that is reused.
  MessagePtr block_message(int number);
  KeptMessagePtr kept_message(int number);

  bool tracing() const { return settings_.trace; }
  void note(std::string line);
  const std::deque<std::string>& notes() const { return notes_; }
  /// Drops the core counted since the start of the run.
  std::uint64_t drops() const;
  bool drain_done() const { return drain_done_; }

 private:
  struct Out {
    int pipe = -1;
    Frame frame;
    MessagePtr message;
    enum class Kind : std::uint8_t { frame, close, await_drain, reading } kind = Kind::frame;
    bool paused = false;
  };
  void make_core();
  void apply(core::Input input);
  void collect();
  void collect_shard(std::size_t shard, std::vector<Out>& outs);
  void collect_recipients(std::size_t shard, const core::Deliver& deliver, std::vector<Out>& outs);
  int pipe_of(std::size_t shard, const core::ConnectionRef& ref) const;
  void emit(Out& out);
  void inject(std::vector<Out>& outs);
  void inject_swap(std::vector<Out>& outs);
  void inject_share(std::vector<Out>& outs);
  void damage();
  void bury(int pipe);
  void check_restored(const core::Statistics& statistics) const;

  Settings settings_;
  Chance& chance_;
  Now now_;
  Registry registry_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<core::Core> core_;
  MessageArena arena_;
  core::Effects effects_;
  /// Per shard what of its effects was looked at, and the recipients of the last `Deliver` among
  /// them: a later input of the turn may add some.
  std::vector<std::size_t> cursors_;
  std::vector<std::size_t> recipients_seen_;
  int turn_depth_ = 0;
  std::vector<std::unique_ptr<Pipe>> pipes_;
  std::vector<int> live_;
  /// Per shard and slot: generation and pipe.
  std::vector<std::vector<std::pair<std::uint32_t, int>>> slots_;
  std::optional<Out> held_back_;
  bool fault_done_ = false;
  bool drain_done_ = false;
  /// The core wants to go on.
  bool again_ = false;
  std::uint64_t requests_ = 0;
  std::uint64_t drops_at_start_ = 0;
  std::uint64_t boots_ = 0;
  std::deque<std::string> notes_;
};

}  // namespace lineshaft::sim
