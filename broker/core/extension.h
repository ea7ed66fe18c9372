#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "broker/base/message.h"
#include "broker/base/time.h"
#include "broker/core/principal.h"
#include "broker/core/request.h"

namespace lineshaft::core {

/// Extensions a core can have; a bit of each topic entry belongs to one.
inline constexpr std::size_t extensions_max = 4;

/// Who connected, published or went.
struct ExtensionClient {
  /// Counts accepted CONNECTs, never the same twice while the broker runs. 0: it was here before
  /// the start and only its will is left, or it is no client at all.
  std::uint64_t connection = 0;
  std::string_view client_id;
  /// Null with open access, and for what the broker says itself.
  const PrincipalPtr& principal;
  /// The broker publishes it, for a client that is gone.
  bool is_will = false;
};

/// What an extension wants of one topic.
struct TopicClaim {
  /// `on_publish` is called for every message that is taken on it.
  bool follows = false;
  /// Only the broker publishes there: everybody else gets 0x87.
  bool owns = false;
  /// `at_once`: a retained message goes to the journal with its turn, also if the topic begins with
  /// '$'. `never`: what stands there can be made again.
  enum class Storing : std::uint8_t { as_usual, at_once, never };
  Storing storing = Storing::as_usual;
  /// A live copy shows RETAIN as it was published, as if every subscriber had asked for it.
  bool shows_retain = false;
};

/// A subscription that was just made, and who made it.
struct ExtensionSubscription {
  std::string_view client_id;
  /// "$share/..." included.
  std::string_view filter;
  /// Of its SUBSCRIBE: a pair behind the other, each 0x26 and two texts.
  std::string_view user_properties;
};

/// What the core does for an extension. Inside the core's turn only; never calls the extension.
class ExtensionContext {
 public:
  virtual Now now() const = 0;
  /// Publishes when the current packet is through, in the same turn, in the broker's own name: no
  /// policy is asked. `author`: whose words they are, for those who may read them; null: the
  /// broker's own. Other extensions that follow the topic see it, this one does not. False: too
  /// many wait (`limits::extension_messages_max`), counted.
  virtual bool publish(MessagePtr message, PrincipalPtr author) = 0;
  /// Sends a message of QoS 0 to the session of that client alone, as if it came through its
  /// subscription with that filter: in its place between what is published, if the policy lets the
  /// client receive it. False: it does not, or there is no such subscription.
  virtual bool send(std::string_view client_id, std::string_view filter,
                    const MessagePtr& message) = 0;
  /// Keeps `value` under `key` for ever; `on_restore` brings it back. Empty: forgets it. The core
  /// remembers nothing of it. It is durable soon, nobody can wait for it.
  virtual void keep(std::string_view key, std::string value) = 0;
  /// Calls `visit` for every retained message whose topic matches, in no order.
  virtual void for_each_retained(std::string_view filter,
                                 const std::function<void(const KeptMessagePtr&)>& visit) = 0;
  /// Calls `on_time` as soon as it is so late (`limits::timer_tick`); replaces what was asked for
  /// before.
  virtual void wake_at(Instant at) = 0;

 protected:
  ~ExtensionContext() = default;
};

/// Knows more about a part of the topics than MQTT does, and answers for topics of its own. It
/// refuses nothing (the interceptor does) and misses nothing that was taken.
///
/// Called inside the core's turn only; must not block. `docs/decisions/0017` says why it is a seam
/// of its own.
class Extension {
 public:
  virtual ~Extension() = default;

  /// For records of the store and for requests: "sparkplug".
  virtual std::string_view name() const = 0;
  /// The first call. `context` lives as long as the core.
  virtual void on_install(ExtensionContext& /*context*/) {}
  /// Asked once for each topic the core gets to know, and perhaps again after it has forgotten it:
  /// the answer depends on the name only.
  virtual TopicClaim claim(std::string_view topic) const = 0;

  /// What `ExtensionContext::keep` has kept; retained messages are there or will come.
  virtual void on_restore(std::string_view /*key*/, std::string_view /*value*/) {}
  /// Everything stored is here.
  virtual void on_restored() {}

  /// A CONNECT was accepted. `will` is null without one.
  virtual void on_connect(const ExtensionClient& /*client*/, const Message* /*will*/) {}
  /// A message on a topic it follows, before anything of it is kept or sent; also wills and what
  /// the broker publishes. Returns what goes on instead (same topic, QoS and RETAIN), null: the
  /// message as it is.
  virtual MessagePtr on_publish(const ExtensionClient& /*client*/, const Message& /*message*/) {
    return nullptr;
  }
  /// The connection has ended, by `DISCONNECT` 0x00 or otherwise. Its will went out before this
  /// call, unless it `waits` for its delay.
  virtual void on_disconnect(const ExtensionClient& /*client*/, bool /*in_order*/,
                             bool /*will_waits*/) {}
  /// A subscription with User Properties was made; what is sent here comes before everything that
  /// is published from now on.
  virtual void on_subscribe(const ExtensionSubscription& /*subscription*/) {}
  virtual void on_time() {}
  /// The broker stops, in order: what is to be kept is kept now.
  virtual void on_stop() {}

  /// One call from outside MQTT; `body` is JSON.
  virtual RequestAnswer on_request(std::string_view /*verb*/, std::string_view /*body*/) {
    return {};
  }
};

}  // namespace lineshaft::core
