#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "broker/base/message.h"
#include "broker/base/reason_code.h"
#include "broker/base/time.h"
#include "broker/core/principal.h"
#include "broker/core/request.h"
#include "broker/mqtt/packets.h"

namespace lineshaft::core {

/// A small number shared by all subjects that have the same rights, from 0 on.
using PolicyClass = std::uint32_t;
/// Rights of its own, not worth remembering per topic: asked anew each time.
inline constexpr PolicyClass no_policy_class = 0xFFFFFFFF;
/// Classes whose verdicts are remembered per topic; those from here on are `no_policy_class`.
inline constexpr PolicyClass policy_classes_max = 1024;

/// What an interceptor has worked out about one subject; only the interceptor that made it looks
/// inside.
class SubjectMemory {
 public:
  virtual ~SubjectMemory() = default;
};

/// Who does something: a principal and the Client Identifier it uses.
struct Subject {
  const Principal& principal;
  std::string_view client_id;
  /// Where the interceptor may keep something about the subject: goes with its session and with the
  /// policy. Null while there is no session.
  std::unique_ptr<SubjectMemory>* memory = nullptr;
};

/// Why not, for log and audit; never sent to a client.
struct Cause {
  /// "NO_CONDUIT"; static storage, empty when there is nothing to say.
  std::string_view reason;
  /// The rule that decided, as an operator finds it ("lineshaft.toml:41"); valid until the policy
  /// changes, empty when none did.
  std::string_view rule;
};

/// A publish, or a will. `success` accepts, a failure refuses.
struct PublishVerdict {
  ReasonCode reason = ReasonCode::success;
  /// The answer depends on subject and topic only.
  bool for_all_messages = true;
  /// A refusal ends the connection, too.
  bool disconnects = false;
  Cause cause{};
};

struct ConnectVerdict {
  ReasonCode reason = ReasonCode::success;
  /// What the CONNECT gets when its Client Identifier has a session of somebody else. `success`:
  /// that session ends, unread.
  ReasonCode taken = ReasonCode::not_authorized;
  Cause cause{};
};

/// `success` accepts, a failure refuses.
struct SubscribeVerdict {
  ReasonCode reason = ReasonCode::success;
  /// Every message of every topic that matches may be delivered as it is: under this policy
  /// `on_deliver` need not be asked for this subscription.
  bool covers_all_topics = false;
  /// A subscription that is refused under a new policy ends the connection, too.
  bool disconnects = false;
  Cause cause{};
  /// What it took to find out: 1 is an easy look, a microsecond or two. One turn does no more than
  /// `limits::relate_slice` of it.
  std::uint32_t work = 1;
};

struct DeliverVerdict {
  bool allowed = false;
  /// The answer depends on subject and topic only.
  bool for_all_messages = true;
  /// What is above is delivered with this.
  QoS qos_max = QoS::exactly_once;
  /// RETAIN is delivered as 0.
  bool strips_retain = false;
  /// Counts against a rate: `on_send` is asked when it goes out.
  bool limited = false;

  static DeliverVerdict all(bool allowed) { return {allowed}; }
  /// It may be remembered with one bit.
  bool is_plain() const {
    const bool unchanged = qos_max == QoS::exactly_once && !strips_retain && !limited;
    return for_all_messages && (!allowed || unchanged);
  }
};

/// What the core does for an interceptor. Inside the core's turn only, and not while records are
/// restored.
class Context {
 public:
  virtual Now now() const = 0;
  /// Keeps `value` under (`family`, `key`) for ever: `on_restore` brings it back at every start and
  /// to every interceptor that follows. An empty value forgets it. False: there is too much already
  /// (`limits::kept_items_max`, `limits::kept_item_bytes_max`), nothing was done.
  virtual bool persist(std::string_view family, std::string_view key, std::string_view value) = 0;
  /// Routes a message when the current packet is through, in the same turn. `principal`: who is
  /// asked for as its author; null: the broker itself, which may publish everywhere. What is
  /// published while such a message is judged is refused: it never comes back to its author. False:
  /// refused, or there are too many (`limits::added_messages_max`), counted.
  virtual bool publish(MessagePtr message, PrincipalPtr principal) = 0;
  /// Calls `on_edge` as soon as it is so late; replaces what was asked for before.
  virtual void wake_at(WallTime at) = 0;
  /// This interceptor answers otherwise from now on: what was remembered of it is void, and
  /// everybody who is here is looked at again.
  virtual void policy_changed() = 0;

 protected:
  ~Context() = default;
};

/// What may, and what may not. The core asks at every point where a message or a client could get
/// somewhere; without an interceptor everything is allowed and nothing is asked.
///
/// One object is one policy until it says otherwise (`Context::policy_changed`); `PolicyChanged`
/// puts another object in its place, and every remembered verdict is forgotten with the old one.
/// Called inside the core's turn only; must not block.
class Interceptor {
 public:
  virtual ~Interceptor() = default;

  /// The first call. `context` lives as long as the interceptor is in force.
  virtual void on_install(Context& /*context*/) {}

  /// Where verdicts on this subject are remembered. Subjects of one class get the same answers.
  virtual PolicyClass classify(const Subject& subject) = 0;

  /// A CONNECT whose principal is proven. The will is asked for separately.
  virtual ConnectVerdict on_connect(const Subject& subject) = 0;
  /// Would it still be let in? Asked for every open connection when the policy has changed.
  virtual ConnectVerdict on_recheck(const Subject& subject) { return on_connect(subject); }
  /// The owner of a session that somebody else wants: will nobody come back as him?
  virtual bool is_gone(const Principal& /*owner*/) const { return false; }

  virtual PublishVerdict on_publish(const Subject& subject, const Message& message) = 0;

  /// A will is judged with its CONNECT (`stored`) and again when it is `due`. What was accepted
  /// there, under whatever policy, has an owner; `due` may let it pass although it would be refused
  /// today.
  enum class WillMoment : std::uint8_t { stored, due };
  virtual PublishVerdict on_will(const Subject& subject, const Message& message,
                                 WillMoment /*moment*/) {
    return on_publish(subject, message);
  }

  /// One Topic Filter of a SUBSCRIBE, without "$share/{name}/". An accepted filter may be wider
  /// than the subject's rights: `on_deliver` decides about each topic. Asked again for a
  /// subscription that is there when the policy has changed: a refusal suspends it. The answer is
  /// the same for all subjects of a class, and is remembered for them.
  virtual SubscribeVerdict on_subscribe(const Subject& subject, std::string_view filter) = 0;

  /// May this subject receive this message? Asked for live messages, before a member of a shared
  /// subscription is chosen, for retained messages, and for what waited in a session's queue.
  virtual DeliverVerdict on_deliver(const Subject& subject, const Message& message) = 0;
  /// A delivery that is `limited` goes out now: 0 counts it, else the time until there is room for
  /// it. Then QoS 0 is dropped, everything else waits and is asked for again.
  virtual Milliseconds on_send(const Subject& /*subject*/, const Message& /*message*/) {
    return Milliseconds{0};
  }

  /// May a retained message of this author still be shown to anybody? Asked beside `on_deliver`.
  /// `author` is null when nobody knows who it was.
  virtual bool on_replay(const Principal* /*author*/, const Message& /*message*/) { return true; }

  /// The subject's connection is gone; its session may stay.
  virtual void on_disconnect(const Subject& /*subject*/) {}

  /// What `Context::persist` has kept: before the first question, in the order of families and
  /// keys.
  virtual void on_restore(std::string_view /*family*/, std::string_view /*key*/,
                          std::string_view /*value*/) {}
  /// The time of `Context::wake_at` has come.
  virtual void on_edge() {}
  /// The wall clock was set back by more than `limits::clock_set_back`: what was to end at a time
  /// would last that much longer.
  virtual void on_clock_set_back() {}
  /// One call from outside MQTT; `body` is JSON. `subject`: of the session the call names; null
  /// when it names none, or there is no such session.
  virtual RequestAnswer on_request(std::string_view /*verb*/, std::string_view /*body*/,
                                   const Subject* /*subject*/) {
    return {};
  }
};

}  // namespace lineshaft::core
