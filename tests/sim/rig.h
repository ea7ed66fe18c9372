#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/world.h"

namespace lineshaft::sim {

/// What a scripted CONNECT says.
struct Hello {
  mqtt::Version version = mqtt::Version::v5;
  bool clean = false;
  /// 0: the session ends with its connection.
  std::uint32_t expiry_s = 3600;
  std::uint16_t receive_maximum = 65535;
  /// Number of its will, 0 none.
  int will = 0;
  std::uint32_t will_delay_s = 0;
};

/// A session that ends with its connection.
inline constexpr Hello passing{.expiry_s = 0};
/// A 3.1.1 client with Clean Session 0.
inline constexpr Hello v3{.version = mqtt::Version::v3_1_1, .expiry_s = 0xFFFFFFFF};

/// A scripted run: clients are names, everything happens when the script says so, frames are texts
/// (frame.h). The model watches as in a random run and throws `Violated` at any difference.
///
/// Nothing is written or reported by the journal before the script says `commit` (or does it by
/// hand on `store()`).
class Rig {
 public:
  explicit Rig(const core::CoreConfig& config = {}, Fault fault = Fault::none);

  // --- what clients do -----------------------------------------------------------------------
  void connect(const std::string& client, const Hello& hello = {});
  /// Connects and takes the CONNACK with everything behind it.
  void join(const std::string& client, const Hello& hello = {});
  /// A new message with the next number, sent at once; returns its number.
  int publish(const std::string& client, const std::string& topic, int qos,
              std::uint16_t packet_id = 0, bool retain = false, std::string payload = "value");
  /// The same message again with DUP.
  void publish_again(const std::string& client, int message, std::uint16_t packet_id);
  void subscribe(const std::string& client, const std::string& filter, int qos,
                 std::uint16_t packet_id, std::uint8_t retain_handling = 2);
  /// Subscribes, commits and takes the SUBACK.
  void listen(const std::string& client, const std::string& filter, int qos);
  void join_and_listen(const std::string& client, const std::string& filter, int qos,
                       const Hello& hello = {});
  void unsubscribe(const std::string& client, const std::string& filter, std::uint16_t packet_id);
  /// `type`: "PUBACK", "PUBREC", "PUBREL" or "PUBCOMP".
  void ack(const std::string& client, std::string_view type, std::uint16_t packet_id);
  void ping(const std::string& client);
  void disconnect(const std::string& client, ReasonCode reason = ReasonCode::success,
                  std::optional<std::uint32_t> expiry_s = std::nullopt);
  /// The socket breaks and the broker notices.
  void lose(const std::string& client);
  void drained(const std::string& client);
  /// Composes a message that is not sent: a will.
  int will(const std::string& topic, int qos, bool retain = false);

  // --- what comes back -----------------------------------------------------------------------
  /// The frames since the last call, joined by ", "; "" if there are none. A connection the
  /// broker closed ends with "closed".
  std::string take(const std::string& client);

  // --- the world -----------------------------------------------------------------------------
  void commit() { world_.commit(); }
  void pass(std::int64_t ms) { world_.pass(Milliseconds{ms}); }
  /// The newest `Persist` asked for an fsync.
  bool wants_sync() const;
  void crash(std::int64_t downtime_ms = 1000);
  void stop_and_start(std::int64_t downtime_ms = 1000);
  Journal& store() { return world_.journal; }
  World& world() { return world_; }

 private:
  int client_index(const std::string& client);
  void send(const std::string& client, mqtt::Packet packet);

  Chance chance_{1};
  World world_;
  std::map<std::string, int> indexes_;
  std::map<std::string, int> pipes_;
  std::map<std::string, bool> closed_told_;
};

}  // namespace lineshaft::sim
