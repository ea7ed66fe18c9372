// Wills (MQTT 5.0 section 3.1.2.5): stored before CONNACK, published when they are due.
#include <algorithm>
#include <utility>

#include "broker/base/metrics.h"
#include "broker/core/core.h"

namespace lineshaft::core {

/// [MQTT-3.1.2-7] kept with the session.
void Core::set_will(Session& session, mqtt::Will will, std::uint32_t expiry_s) {
  session.will = std::make_unique<mqtt::Will>(std::move(will));
  ++statistics_.wills;
  WillRecord change;
  change.client_id = session.client_id;
  change.message = session.will->message;
  change.delay_interval_s = session.will->delay_interval_s;
  change.session_expiry_interval_s = expiry_s;
  change.owner = session.owner;
  session.state_seq = std::max(session.state_seq, record(std::move(change), true));
}

void Core::clear_will(Session& session) {
  if (session.will_timer) timers_.cancel(*session.will_timer);
  session.will_timer.reset();
  if (!session.will) return;
  session.will.reset();
  --statistics_.wills;
  record(WillErase{session.client_id});
}

void Core::publish_will(Session& session) {
  const KeptMessagePtr message = session.will->message;
  clear_will(session);
  if (!may_send_will(session, *message)) return;
  count(Counter::wills_sent);
  Publication publication;
  // Retained or not as Will Retain said: [MQTT-3.1.2-14], [MQTT-3.1.2-15].
  // A copy: what was stored with the session has no time of publication.
  publication.message = KeptMessage::make(fields_of(*message), {});
  publication.publisher = &session;
  publish_now(std::move(publication));
}

/// The connection ended without DISCONNECT 0x00 and the session goes on: now, or after its delay.
void Core::schedule_will(Session& session) {
  if (!session.will) return;
  if (session.will->delay_interval_s == 0) {
    publish_will(session);
    return;
  }
  // Whichever is first, delay or end of the session; the latter publishes it by itself.
  session.will_timer =
      TimerKey{now_.steady + Milliseconds{1000} * std::int64_t{session.will->delay_interval_s},
               TimerKind::will_delay, session.index, session.generation};
  timers_.add(*session.will_timer);
  WillRecord change;
  change.client_id = session.client_id;
  change.message = session.will->message;
  change.delay_interval_s = session.will->delay_interval_s;
  change.session_expiry_interval_s = session.expiry_interval_s;
  change.disconnected_at = session.disconnected_at;
  change.owner = session.owner;
  record(std::move(change));
}

}  // namespace lineshaft::core
