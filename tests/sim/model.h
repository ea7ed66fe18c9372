#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "broker/core/config.h"
#include "broker/core/input.h"
#include "tests/sim/frame.h"
#include "tests/sim/invariant.h"
#include "tests/sim/journal.h"

namespace lineshaft::sim {

/// A message a session is to get.
struct Owed {
  QoS qos = QoS::at_most_once;
  bool retain = false;
  /// Must arrive: it was acknowledged to its publisher.
  bool required = false;
  /// Need not arrive any more: unsubscribed, or a crash took what nobody had acknowledged.
  bool waived = false;
  std::vector<std::uint32_t> identifiers;
  int sent = 0;
  /// Sent without DUP.
  int sent_fresh = 0;
  int received = 0;
};

/// A PUBLISH with identifier the server has sent and not seen completed.
struct OutFlight {
  int message = -1;
  QoS qos = QoS::at_least_once;
  bool released = false;
  bool replay = false;
  /// Connection it was last sent on, -1: before a crash.
  int sent_on = -1;
  bool pubrel_sent = false;
};

/// One SUBSCRIBE or UNSUBSCRIBE of a filter.
struct FilterChange {
  bool subscribed = false;
  mqtt::SubscriptionOptions options;
  std::uint32_t identifier = 0;
  int version = 0;
};

/// Retained messages a subscription asked for: topic and the oldest place in its history it may
/// get.
struct Replay {
  std::string filter;
  /// Of the SUBSCRIBE that asked for it.
  int version = 0;
  bool suback_sent = false;
  std::map<std::string, int> expected;
};

/// A session from its creation to its end, as the specification has it.
struct Life {
  int index = 0;
  int client = -1;
  std::string client_id;
  core::SessionId sid = 0;
  mqtt::Version version = mqtt::Version::v5;
  std::uint32_t expiry_s = 0;
  int connection = -1;
  /// When it ends while nobody is connected; `never` if its expiry says so.
  WallTime deadline{};
  bool ended = false;
  bool acknowledged = false;
  /// Its state is in the store: its expiry is, or was, above 0.
  bool stored = false;
  /// Came back after a crash although it had ended: nothing is promised about it.
  bool revived = false;
  bool spilled = false;
  std::map<std::string, FilterChange> filters;
  /// Per filter what was asked since the last acknowledged change, that one included.
  std::map<std::string, std::vector<FilterChange>> changes;
  std::map<std::string, int> acknowledged_version;
  std::set<std::string> ever;
  std::set<std::uint32_t> ever_identifiers;
  std::map<int, Owed> owed;
  std::deque<Replay> replays;
  /// Filters of all replays ever asked for: an earlier one may still be in the queue.
  std::vector<std::string> replays_asked;
  /// Inbound QoS 2 identifiers between PUBLISH and PUBREL, and those whose PUBREC has left.
  std::map<std::uint16_t, int> in;
  std::set<std::uint16_t> in_acknowledged;
  std::map<std::uint16_t, OutFlight> out;
  /// First-time deliveries per (publisher, topic, published QoS, delivered QoS).
  std::map<std::tuple<int, std::string, int, int>, int> order;
  /// The client's own half: QoS 2 identifiers it has stored.
  std::map<std::uint16_t, int> client_in;

  bool durable() const { return expiry_s > 0; }
};

/// A packet the server owes a connection, in order.
struct Answer {
  mqtt::PacketType type = mqtt::PacketType::puback;
  std::uint16_t packet_id = 0;
  bool session_present = false;
  bool refused = false;
  /// PUBREL or PUBCOMP of an identifier that does not exist.
  bool unknown = false;
  int message = -1;
  int retained_entry = -1;
  std::vector<ReasonCode> reasons;
  std::vector<std::pair<std::string, int>> filters;
  /// Journal keys it confirms; resolved to `required_seq` when the turn is over.
  std::vector<std::string> keys;
  /// Sessions whose identifier in the store is needed for that.
  int life = -1;
  std::vector<int> owed_to;
  std::vector<std::string> groups;
  std::uint64_t required_seq = 0;
  bool resolved = false;
  bool left = false;
};

struct Connection {
  int client = -1;
  int life = -1;
  mqtt::Version version = mqtt::Version::v5;
  std::uint16_t receive_maximum = 65535;
  bool connect_seen = false;
  bool connect_refused = false;
  bool connack_sent = false;
  bool gone = false;
  /// The core has to close it in this turn.
  bool close_expected = false;
  bool closed = false;
  bool disconnect_sent = false;
  int pings = 0;
  int inflight = 0;
  std::deque<std::shared_ptr<Answer>> answers;
  std::map<std::tuple<int, std::string, int, int>, int> order;
  /// Newest place in a topic's retained history seen on it.
  std::map<std::string, int> seen;
  std::set<std::uint16_t> pubrels;
};

/// A topic's retained messages in the order the core took them; -1 is a deletion. The first entry
/// is "nothing", acknowledged.
struct History {
  struct Entry {
    int message = -1;
    bool acknowledged = false;
  };
  std::vector<Entry> entries{{-1, true}};
  int newest_acknowledged() const;
  int newest() const { return static_cast<int>(entries.size()) - 1; }
  int place_of(int message) const;
  /// The oldest of its places: it may have been published twice.
  int first_place_of(int message) const;
};

struct WillModel {
  enum class State : std::uint8_t { armed, pending, must_fire, gone };
  int message = -1;
  std::uint32_t delay_s = 0;
  std::uint32_t expiry_s = 0;
  State state = State::armed;
  WallTime due{};
  /// Until then being late is no fault: grace after a restart.
  WallTime late_after{};
  /// Its CONNACK has left.
  bool acknowledged = false;
  /// May go out or not: its record was on its way to the disk, or its CONNACK never left.
  bool unsure = false;
  bool fired = false;
};

/// A message a shared subscription is to get.
struct GroupOwed {
  bool required = false;
  bool excused = false;
  bool stored = false;
  std::vector<int> sent_to;
  int received = 0;
};
struct Group {
  std::string filter;
  std::map<int, GroupOwed> owed;
};

/// What a correct broker may and must do, computed beside the core from the same inputs.
///
/// Sees every input before the core and every frame after it, and throws `Violated` at the first
/// difference. It knows nothing of the core's inside, only the specification's words.
class Model {
 public:
  Model(const core::CoreConfig& config, Registry& registry, Journal& journal);

  // --- what the core is told -----------------------------------------------------------------
  void opened(int connection, int client);
  void arrived(int connection, const mqtt::Packet& packet, Now now);
  void lost(int connection, Now now);
  void advanced(Now now);
  void store_accepts(bool accepts) { accepts_writes_ = accepts; }
  void draining() { draining_ = true; }

  // --- what it decided -----------------------------------------------------------------------
  /// Sets `frame.replay`.
  void sent(int connection, Frame& frame, const Message* message, Now now);
  void closed(int connection, Now now);
  void persisted(const core::Persist& persist, Now now);
  /// The turn is over: acknowledgements learn what they wait for. `inputs`: how many it had.
  void turn_over(Now now);

  // --- the client's side ---------------------------------------------------------------------
  void received(int connection, const Frame& frame);

  // --- restarts and the end ------------------------------------------------------------------
  /// The next start has another configuration.
  void configure(const core::CoreConfig& config);
  /// After the journal has dropped what the crash took.
  void restarted(Now now, bool clean, WallTime stopped_at);
  /// Everything has calmed down, every durable client is connected.
  void finish(const core::Statistics& statistics, std::uint64_t drops) const;
  /// What a subscriber to everything must be shown now: topic to message.
  std::map<std::string, int> retained_now() const;

  bool connected(int connection) const;
  const Connection& connection(int index) const { return connections_.at(index); }
  const Life* life_of_client(int client) const;
  /// A subscriber that sees every will, -1 none.
  void set_monitor(int client) { monitor_ = client; }
  int crashes() const { return crashes_; }

 private:
  // model_session.cpp
  void on_connect(int index, const mqtt::ConnectPacket& packet, Now now);
  void on_disconnect(int index, const mqtt::DisconnectPacket& packet, Now now);
  void drop_connection(int index, Now now, bool will_cleared);
  void end_life(Life& life, Now now);
  void expire(Life& life, Now now);
  Life& new_life(const std::string& client_id, int client);
  void take_over(Life& life, const mqtt::ConnectPacket& packet, Now now);
  void excuse_groups(const Life& life);
  // model_subscribe.cpp
  void on_subscribe(int index, const mqtt::SubscribePacket& packet, Now now);
  void on_unsubscribe(int index, const mqtt::UnsubscribePacket& packet);
  void change_filter(Life& life, const std::string& filter, const FilterChange& change);
  void expect_replay(Life& life, const std::string& filter, Now now);
  void waive_own(Life& life);
  void retain(const std::string& topic, int number);
  void sent_replay(Connection& connection, Life& life, Frame& frame);
  void confirm_filters(Life& life, const Answer& answer);
  void check_replays(const Life& life, std::uint64_t drops, std::uint64_t& missing) const;
  // model_publish.cpp
  void on_publish(int index, const mqtt::PublishPacket& packet, Now now);
  bool needs_disk(const Sent& sent, const Life& publisher) const;
  void take(Sent& sent, int publisher_client, Now now, Answer* answer);
  bool owe(Life& life, Sent& sent);
  void owe_groups(Sent& sent);
  void on_ack(int index, const mqtt::AckPacket& packet);
  void on_pubrec(int index, const mqtt::AckPacket& packet);
  // model_answers.cpp
  std::shared_ptr<Answer> expect(int index, mqtt::PacketType type, std::uint16_t packet_id);
  void sent_answer(int index, const Frame& frame);
  void confirm(Connection& connection, Answer& answer);
  void resolve(Answer& answer);
  void check_existence(const Answer& answer) const;
  // model_deliver.cpp
  void sent_publish(int index, Frame& frame, const Message& message, Now now);
  void check_flight(int index, Life& life, const Frame& frame);
  void check_bytes(const Frame& frame, const Message& message, Now now) const;
  void check_order(Connection& connection, Life& life, const Frame& frame, bool first);
  void check_stored(const Life& life, const Frame& frame) const;
  void sent_live(Connection& connection, Life& life, Frame& frame, Owed& owed);
  static void waive_replay(Life& life, const std::string& topic);
  bool sent_shared(Life& life, const Frame& frame);
  // model_wills.cpp
  void store_will(Life& life, const mqtt::ConnectPacket& packet, Now now);
  void will_on_close(const Life& life, bool cleared, Now now);
  void settle_pending_wills(const std::string& client_id, bool resumed, Now now);
  void will_seen(int message, Now now);
  void wills_persisted(const core::Persist& persist, Now now);
  void wills_turn_over(Now now);
  void wills_restarted(Now now, bool clean, WallTime stopped_at);
  // model_restart.cpp
  void restart_lives(Now now, bool clean, WallTime stopped_at);
  void restart_life(Life& life, const core::SessionRecord& record);
  void restart_filters(Life& life);
  void restart_flights(Life& life);
  void restart_owed(Life& life);
  void restart_groups();
  void restart_retained();
  void finish_life(const Life& life, std::uint64_t drops, std::uint64_t& missing) const;
  void finish_groups(std::uint64_t drops, std::uint64_t& missing) const;

  bool group_member(const Life& life, const std::string& filter) const;
  bool expired(const Sent& sent, WallTime wall) const;
  Life* life_of(int connection);
  Sent& message(int number) { return registry_[static_cast<std::size_t>(number)]; }
  const Sent& message(int number) const { return registry_[static_cast<std::size_t>(number)]; }
  bool sync() const { return config_.durability == core::Durability::sync && config_.has_store; }

  static bool stored_flight(const StoredState& state, const Life& life, const Frame& frame);
  core::CoreConfig config_;
  /// What is in flight stays so when a start allows fewer.
  std::size_t inflight_most_ = 0;
  Registry& registry_;
  Journal& journal_;
  std::map<int, Connection> connections_;
  std::deque<Life> lives_;
  std::map<std::string, int> current_;
  std::map<std::string, History> retained_;
  std::map<std::string, Group> groups_;
  std::map<std::string, std::vector<WillModel>> wills_;
  std::vector<std::shared_ptr<Answer>> turn_answers_;
  /// QoS 2 messages delivered in this turn.
  std::vector<int> turn_qos2_;
  bool turn_advanced_ = false;
  std::size_t turn_packets_ = 0;
  bool accepts_writes_ = true;
  bool draining_ = false;
  int crashes_ = 0;
  int monitor_ = -1;
  int versions_ = 0;
  WallTime wall_{};
};

inline constexpr WallTime never = WallTime::max();

/// "$share/name/filter" to "filter", others as they are.
std::string inner_filter(const std::string& filter);
bool is_shared(const std::string& filter);
/// The journal's keys.
std::string sub_key(core::SessionId sid, const std::string& filter);
std::string in_key(core::SessionId sid, std::uint16_t packet_id);
std::string out_key(core::SessionId sid, std::uint16_t packet_id);
std::string queue_key(core::SessionId sid, int message);

}  // namespace lineshaft::sim
