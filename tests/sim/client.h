#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace lineshaft::sim {

/// How a client behaves for a whole run.
struct Profile {
  mqtt::Version version = mqtt::Version::v5;
  /// 0: a session that ends with its connection.
  std::uint32_t expiry_s = 0;
  std::uint16_t receive_maximum = 65535;
  /// Out of 100: how likely it acknowledges, publishes, vanishes at its turn.
  std::size_t acknowledges = 60;
  std::size_t publishes = 50;
  std::size_t vanishes = 2;
  bool wills = false;
  /// Member of shared subscriptions; subscribes to "a/..." and "b/..." besides.
  bool shares = false;
  /// Never ends its session.
  bool steady = false;
};

/// A client with a session state of its own that outlives connections and broker crashes.
class Client {
 public:
  Client(World& world, int index, Profile profile);

  /// Does one thing, by chance.
  void act();
  /// Takes one frame off its connection, if there is one.
  void read();
  /// The connection has ended, whoever ended it.
  void forget_connection();

  /// `calm`: keeps the session it has.
  void connect(bool calm = false);
  void subscribe(std::string filter, QoS qos);
  void acknowledge(std::size_t count);
  bool connected() const { return connected_; }
  bool connecting() const { return pipe_ >= 0 && !connected_; }
  int pipe() const { return pipe_; }
  bool durable() const { return profile_.expiry_s > 0; }
  bool has_state() const { return has_state_; }
  bool settled() const { return outgoing_.empty() && acknowledgements_.empty() && !requests_; }
  const std::string& id() const { return id_; }
  int index() const { return index_; }
  void set_retained_deletes(bool allowed) { retained_deletes_ = allowed; }

 private:
  struct Outgoing {
    std::uint16_t packet_id = 0;
    int message = -1;
    bool released = false;
    /// Connection it was last sent on.
    int pipe = -1;
  };
  void publish();
  void subscribe_by_chance();
  void unsubscribe();
  void disconnect();
  void vanish();
  void misbehave();
  void send(mqtt::Packet packet) { world_.send(pipe_, std::move(packet)); }
  void send_publish(const Outgoing& out, bool dup);
  void send_ack(mqtt::PacketType type, std::uint16_t id);
  void on_connack(const Frame& frame);
  void on_ack(const Frame& frame);
  void lose_state();
  std::uint16_t free_id();
  std::string filter();
  bool v5() const { return profile_.version == mqtt::Version::v5; }

  World& world_;
  Chance& chance_;
  int index_;
  std::string id_;
  Profile profile_;
  int pipe_ = -1;
  bool connected_ = false;
  bool has_state_ = false;
  bool ever_ = false;
  bool retained_deletes_ = true;
  bool ends_session_ = false;
  std::uint16_t quota_ = 1;
  std::uint16_t next_id_ = 0;
  std::deque<Outgoing> outgoing_;
  std::deque<mqtt::AckPacket> acknowledgements_;
  /// SUBSCRIBE and UNSUBSCRIBE without answer; one at a time.
  std::uint16_t requests_ = 0;
};

}  // namespace lineshaft::sim
