#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/base/audit.h"
#include "broker/base/time.h"
#include "broker/core/config.h"
#include "broker/core/connection_state.h"
#include "broker/core/effects.h"
#include "broker/core/extensions.h"
#include "broker/core/input.h"
#include "broker/core/interceptor.h"
#include "broker/core/persist.h"
#include "broker/core/policy_state.h"
#include "broker/core/publication.h"
#include "broker/core/quotas.h"
#include "broker/core/ring_queue.h"
#include "broker/core/session.h"
#include "broker/core/shared_groups.h"
#include "broker/core/subscription_trie.h"
#include "broker/core/timers.h"
#include "broker/core/topic_entry.h"
#include "broker/core/watcher.h"

namespace lineshaft::core {

/// The pure machine: `apply(now, input) -> effects`. No socket, file, thread, lock or clock.
///
/// Owned by whoever runs its turns; never called by two threads at once. Its parts stand in one
/// file each; their names stand above their functions.
class Core {
 public:
  /// `shards`: entries in every `Effects`. `seed`: chance for assigned Client Identifiers and for
  /// hashing. `interceptor`: who may do what; null lets everybody do everything.
  Core(CoreConfig config, std::size_t shards, std::uint64_t seed,
       std::shared_ptr<Interceptor> interceptor = nullptr);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  /// Takes one stored record (a *Record of `Change`) before the first `apply`, in the order
  /// names, retained, last values, sessions, subscriptions, inflight, queue by (sid, seq), wills.
  /// False: it makes no sense (the caller sets it aside); nothing was taken.
  bool restore(Now now, Change record);
  /// All records are in: expiry of sessions and wills starts to run.
  void restored(Now now, const RestoreSummary& summary, Effects& effects);

  /// One decision step. Effects are appended; all changes since `effects` was cleared stand in one
  /// `Persist`.
  void apply(Now now, Input input, Effects& effects);

  Statistics statistics() const;

  /// Who looks at what passes; before the first `apply`.
  void set_watcher(std::shared_ptr<Watcher> watcher) { watcher_ = std::move(watcher); }

  /// Who follows topics and has some of its own; before anything is restored. They are called in
  /// the order in which they were added.
  void add_extension(std::shared_ptr<Extension> extension);

 private:
  /// Why a connection ends, as far as its will is concerned.
  enum class WillFate : std::uint8_t { publish, discard };

  // core.cpp
  void begin(Now now, Effects& effects);
  void open_connection(ConnectionOpened input);
  void reconfigure(CoreConfig config);
  void on_packets(PacketsArrived input);
  void take_packets(const ConnectionId& id, std::vector<mqtt::Packet>& packets);
  void on_packet(ConnectionState& connection, mqtt::Packet& packet);
  void on_time();
  void repeat_loads();
  void on_timer(const TimerKey& key);
  void on_keep_alive(ConnectionState& connection);
  void arm_keep_alive(ConnectionState& connection);
  void set_paused(ConnectionState& connection, bool ConnectionState::*reason, bool paused);
  /// The same for a reason of ours: the net room is told when it is the first or was the last.
  void pause_reading(ConnectionState& connection, bool ConnectionState::*reason, bool paused);
  void on_request(const Request& request);
  void on_drain(std::uint64_t request_id);
  void finish_drain();

  // connect.cpp
  void on_connect(ConnectionState& connection, mqtt::ConnectPacket& packet);
  ReasonCode check_connect(const ConnectionState& connection, const mqtt::ConnectPacket& packet);
  ReasonCode check_rights(const ConnectionState& connection, const mqtt::ConnectPacket& packet);
  void take_owner(Session& session, const PrincipalPtr& owner);
  ReasonCode check_quotas(const ConnectionState& connection, const mqtt::ConnectPacket& packet);
  void refuse_connect(ConnectionState& connection, const Error& error, bool told);
  void refuse_malformed_connect(ConnectionState& connection, const mqtt::Violation& violation);
  std::string assign_client_id();
  std::uint32_t granted_expiry_s(const ConnectionState& connection,
                                 const mqtt::ConnectPacket& packet) const;
  bool take_over(Session& session, const mqtt::ConnectPacket& packet);
  void attach(ConnectionState& connection, Session& session, mqtt::ConnectPacket& packet,
              std::uint32_t expiry_s);
  void send_connack(ConnectionState& connection, const mqtt::ConnectPacket& packet,
                    Session& session, bool session_present, bool assigned);
  void after_connack(ConnectionState& connection);

  // watch.cpp
  void watch(ConnectionState& connection, const Session& session);
  void hold_back(ConnectionState& connection);
  void ask_watcher();

  // extensions.cpp
  class ExtensionView;
  void claim_topic(TopicEntry& entry);
  ExtensionClient client_of(const Publication& publication) const;
  ReasonCode show(Publication& publication);
  void show_connected(Session& session);
  void show_gone(const Extensions::Gone& gone);
  void show_subscription(const Session& session, const mqtt::SubscribePacket& packet,
                         const std::string& filter);
  bool send_alone(Session& session, std::string_view filter, const MessagePtr& message);
  void serve_extensions();
  void wake_extensions();
  bool take_extension_item(const KeptItemRecord& record);
  void on_extension_request(std::uint64_t id, const ExtensionRequest& request);

  // authenticate.cpp
  void on_auth(ConnectionState& connection, mqtt::AuthPacket& packet);
  void on_reauthenticated(ConnectionState& connection, const Admission& admission);

  // policy.cpp
  Subject subject_of(Session& session);
  PolicyClass policy_class_of(Session& session);
  AuditRecord denial(std::string_view type, std::string_view op, const Subject& subject,
                     std::string_view topic, ReasonCode reason, const Cause& cause);
  PublishVerdict ask_publish(Session& session, const Message& message, TopicIndex topic);
  DeliverVerdict ask_deliver(Session& session, const Message& message, TopicIndex topic);
  SubscribeVerdict judge_filter(Session& session, const std::string& filter, std::size_t& budget);
  SubscribeVerdict ask_subscribe(Session& session, const std::string& filter);
  /// All its subscriptions that are covered were looked at under the policy of today.
  bool is_related(const Session& session) const { return session.related_epoch == policy_epoch_; }
  bool may_leave_queue(Session& session, QueueEntry& entry);
  bool may_replay(const KeptMessage& message);
  Milliseconds wait_for_rate(Session& session, const Message& message);
  bool has_to_wait(Session& session, const Message& message);
  void release_denied_inflight(Session& session);
  bool may_send_will(Session& session, const Message& message);

  // policy_change.cpp
  static std::string_view matched_part(std::string_view filter);
  void change_policy(PolicyChanged input);
  void begin_policy();
  void on_fence_passed(std::uint64_t number);
  void sweep_policy();
  bool recheck(ConnectionState& connection);
  void answer_fences();
  void revoke(ConnectionState& connection, ReasonCode reason);
  void relate_later(Session& session);
  bool relate_some(Session& session, std::size_t& budget);
  bool relate(Session& session, const std::string& filter, Subscription& subscription,
              std::size_t& budget);

  // context.cpp
  class InterceptorContext;
  using ContextPtr = std::unique_ptr<Context, void (*)(Context*)>;
  ContextPtr make_context();
  void restore_items();
  bool keep_item(std::string_view family, std::string_view key, std::string_view value);
  bool add_message(MessagePtr message, PrincipalPtr principal);
  void publish_added();
  void serve_interceptor();
  void on_policy_edge();
  void look_at_clock();
  void on_interceptor_request(std::uint64_t id, const InterceptorRequest& request);

  // overload.cpp
  void on_overload(OverloadLevel level);
  void note_sent(ConnectionState& connection, std::size_t size_bytes);
  void slow_heavy_senders();
  void slow(ConnectionState& connection);
  void read_again(const ConnectionId& id);
  bool sheds(const Target& target, const Publication& publication);
  bool too_full_for(const mqtt::ConnectPacket& packet);

  // publish.cpp
  void on_publish(ConnectionState& connection, mqtt::PublishPacket& packet);
  bool is_repeat(ConnectionState& connection, Session& session, const mqtt::PublishPacket& packet);
  ReasonCode take_in(Session& session, Publication& publication);
  ReasonCode admit(Session& session, const Publication& publication);
  void refuse_publish(ConnectionState& connection, const mqtt::PublishPacket& packet,
                      const PublishVerdict& verdict);
  void acknowledge_publish(ConnectionState& connection, const mqtt::PublishPacket& packet,
                           ReasonCode reason, std::uint64_t wait_seq);
  TopicIndex topic_of(ConnectionState& connection, std::string_view name);

  // router.cpp
  void collect_targets(const Publication& publication);
  void collect_group(ShareId share, const Publication& publication);
  /// Who may get a message of a shared subscription.
  enum class Takers : std::uint8_t { any, connected, durable, connected_and_durable };
  /// `moving`: an entry that is about to move; only who has room for it is looked at. Null: any.
  SharedGroup::Member* pick_member(SharedGroup& group, const Message& message, TopicIndex topic,
                                   SessionIndex except, Takers takers,
                                   const QueueEntry* moving = nullptr);
  bool has_room(const Session& session, const QueueEntry& entry) const;
  void log_overflow(Session& session);
  bool reaches_store(const Publication& publication) const;
  void route(Publication& publication);
  void publish_now(Publication publication);
  const KeptMessagePtr& kept(Publication& publication);
  void share_payload(Publication& publication);

  // values.cpp
  void initialise_topic(TopicIndex index);
  bool has_room_for_value(TopicIndex index) const;
  const Principal* author(std::uint32_t publisher) const;
  bool may_retain(const Publication& publication);
  void retained_changed(std::uint32_t from, std::uint32_t to);
  /// The `Persist` an acknowledgement of this change must wait for, 0 none.
  std::uint64_t update_values(Publication& publication);
  std::uint64_t update_retained(Publication& publication);
  std::uint64_t delete_values(Publication& publication);
  void update_last(Publication& publication);
  void mark_dirty(TopicIndex index);
  std::uint64_t persist_topic(TopicIndex index, bool sync);
  void flush_values(std::size_t topics_max);
  void arm_retained_expiry(TopicIndex index);
  void disarm_retained_expiry(TopicIndex index);
  void on_retained_expiry(TopicIndex index);
  std::uint32_t author_number(const Publication& publication);
  std::uint32_t author_number(std::string_view client_id, const PrincipalPtr& owner);
  /// The number it has, 0 if it never published anything that was kept.
  std::uint32_t publisher_of(const Session& session) const;

  // queue.cpp
  void enqueue(Session& session, QueueEntry&& entry);
  bool make_room(Session& session, const QueueEntry& entry);
  void drop_oldest(Session& session);
  void count_drop(Session& session);
  void refill(Session& session);
  void on_queue_loaded(QueueLoaded input);
  void skip_missing(Session& session, std::uint64_t before_seq);
  void forget_entry(Session& session, const QueueEntry& entry);
  std::size_t store_entry(Session& session, const QueueEntry& entry);
  void release_payload(std::uint64_t store_id);

  // delivery.cpp
  void offer(const Target& target, Publication& publication);
  bool overtakes_replay(const Session& session, std::string_view topic) const;
  void pump(Session& session, std::uint64_t fresh_seq = 0);
  void resend(Session& session, ConnectionState& connection);
  bool start_next(Session& session, ConnectionState& connection, std::uint64_t fresh_seq);
  bool start_unacknowledged(Session& session, ConnectionState& connection, std::uint32_t expiry_s);
  bool drop_unsendable(Session& session, const ConnectionState& connection, std::uint32_t expiry_s,
                       bool is_fresh);
  void send_inflight(ConnectionState& connection, InflightEntry& inflight);
  void release_awaiting(Session& session);
  void release_committed(Session& session);
  void drop_expired_unsent(Session& session);
  void drop_denied_inflight(Session& session);
  template <class Drops>
  void drop_inflight_if(Session& session, Drops drops);
  void send_waiting_qos0(Session& session, ConnectionState& connection);
  void deliver(ConnectionState& connection, const Message& message, const Recipient& recipient,
               std::span<const std::uint32_t> identifiers, std::uint32_t expiry_s);
  std::uint32_t remaining_expiry_s(const KeptMessage& message) const;
  bool expired(const KeptMessage& message) const;
  bool fits(const ConnectionState& connection, const QueueEntry& entry,
            std::uint32_t expiry_s) const;

  // shared.cpp
  /// `budget`: waiting messages that may be looked at. False: there are more, from
  /// `moved_before_seq` on.
  bool move_shared(Session& from, bool session_ends, std::size_t& budget);
  void move_slice(Session& from);
  void move_on();
  void expire_session(Session& session);
  bool move_entry(Session& from, QueueEntry& entry, bool session_ends);

  // acknowledge.cpp
  void on_ack(ConnectionState& connection, const mqtt::AckPacket& packet);
  void on_puback(Session& session, std::uint16_t packet_id);
  void on_pubrec(ConnectionState& connection, Session& session, const mqtt::AckPacket& packet);
  void on_pubrel(ConnectionState& connection, Session& session, const mqtt::AckPacket& packet);
  void release_inflight(Session& session, InflightEntry& inflight);
  void on_pubcomp(Session& session, std::uint16_t packet_id);
  void complete(Session& session, InflightEntry& inflight);

  // subscribe.cpp
  bool answer_fits(ConnectionState& connection, std::size_t codes);
  void on_subscribe(ConnectionState& connection, std::unique_ptr<mqtt::SubscribePacket> packet);
  bool subscribe_some(ConnectionState& connection);
  ReasonCode subscribe_next(ConnectionState& connection, UnfinishedSubscribe& work);
  void continue_subscribes();
  void end_subscribe(ConnectionId id);
  ReasonCode subscribe_one(Session& session, const mqtt::SubscribePacket& packet,
                           const mqtt::SubscribePacket::Item& item, bool unjudged);
  void on_unsubscribe(ConnectionState& connection, const mqtt::UnsubscribePacket& packet);
  static std::string_view zone_of(const Session& session) {
    return session.owner ? std::string_view(session.owner->zone) : std::string_view();
  }
  void change_groups(Session& session);
  void leave_group(Session& session, const std::string& filter, ShareId share);
  void index_subscription(Session& session, const std::string& filter, Subscription& subscription);
  void unindex_subscription(Session& session, const std::string& filter,
                            const Subscription& subscription);

  // replay.cpp
  void start_replay(Session& session, const std::string& filter, Subscription& subscription,
                    std::uint16_t after_suback);
  void release_replays(Session& session, std::uint16_t suback);
  void continue_replays(Session& session);
  void replay_slice(Session& session, ConnectionState& connection);
  std::size_t replay_one(Session& session, ConnectionState& connection, TopicIndex topic,
                         const Subscription& subscription);
  Replay* next_replay(Session& session);
  void finish_first_replay(Session& session);
  void drop_replay(Session& session, const std::string& filter, Subscription& subscription);
  void drop_replays(Session& session);
  /// Entries that may wait before a replay adds more.
  std::size_t replay_queue_max(const Session& session);

  // disconnect.cpp
  void on_disconnect(ConnectionState& connection, const mqtt::DisconnectPacket& packet);
  void on_lost(ConnectionState& connection, LostBecause because);
  void violate(ConnectionState& connection, const Error& error);
  void close_with(ConnectionState& connection, ReasonCode reason);
  void drop_connection(ConnectionState& connection, ReasonCode reason);
  void detach(Session& session);
  void connection_ended(Session& session, WillFate fate);
  void end_session(Session& session);
  std::uint32_t effective_expiry_s(const Session& session) const;
  void close_overflowed();

  // wills.cpp
  void set_will(Session& session, mqtt::Will will, std::uint32_t expiry_s);
  void clear_will(Session& session);
  void publish_will(Session& session);
  void schedule_will(Session& session);

  // journal.cpp
  std::uint64_t next_seq();
  Persist& open_persist(bool sync);
  template <class Record>
  std::uint64_t record(Record change, bool sync = false) {
    if (!config_.has_store) return 0;
    Persist& persist = open_persist(sync);
    persist.changes.emplace_back(std::move(change));
    return persist.seq;
  }
  std::uint64_t record_session(Session& session, bool sync);
  bool waits_for(std::uint64_t seq) const {
    return seq > committed_seq_ && config_.durability == Durability::sync;
  }
  void acknowledge(ConnectionState& connection, OutPacket packet, std::uint64_t wait_seq,
                   bool frees_quota = false);
  void emit(ConnectionState& connection, OutPacket packet, bool frees_quota);
  void flush_held(ConnectionState& connection);
  void drop_held(ConnectionState& connection);
  void on_committed(std::uint64_t seq);
  void on_store_state(const StoreStateChanged& state);

  // restore.cpp
  Session* restored_session(SessionId sid);
  bool take(NameRecord record);
  bool take(RetainedRecord record);
  bool take(LastValueRecord record);
  bool take(SessionRecord record);
  bool take(SubscriptionRecord record);
  bool take(QueueRecord record);
  bool take(InflightRecord record);
  bool take(WillRecord record);
  bool take(KeptItemRecord record);
  template <class Other>
  bool take(const Other&) {
    return false;
  }
  void resume_expiry(Session& session, const RestoreSummary& summary);

  void emit_effect(const ConnectionState& connection, Effect effect) {
    effects_->shards[connection.id.shard].list.push_back(std::move(effect));
  }
  /// What the listener it came through allows; of those without one, what the core does.
  const ClientLimits& limits_of(const ConnectionState& connection) const {
    return connection.limits != nullptr ? *connection.limits : config_;
  }
  const ClientLimits& limits_of(const Session& session) const {
    return session.limits != nullptr ? *session.limits : config_;
  }
  ConnectionState& connection_of(const Session& session) {
    return *connections_.find(session.connection);
  }
  bool is_ready(const Session& session) { return ready_connection(session) != nullptr; }
  /// Null while nothing may be sent to it.
  ConnectionState* ready_connection(const Session& session) {
    if (!session.connected) return nullptr;
    ConnectionState& connection = connection_of(session);
    return connection.connack_sent ? &connection : nullptr;
  }
  /// Over, though its timer has not been looked at yet.
  bool is_expired(const Session& session) const {
    return session.expiry_timer && session.expiry_timer->due <= now_.steady;
  }
  Instant steady_of(WallTime wall) const { return now_.steady + (wall - now_.wall); }

  CoreConfig config_;
  /// Null: everybody may do everything.
  std::shared_ptr<Interceptor> interceptor_;
  /// Counts policies; what was remembered under another number is forgotten.
  std::uint32_t policy_epoch_ = 1;
  PolicyState policy_;
  ContextPtr context_;
  std::mt19937_64 random_;
  ConnectionTable connections_;
  SubscriptionTrie subscriptions_;
  SharedGroups shared_;
  TopicTable topics_;
  /// Behind the topics: replays on their way hold places in their trie.
  SessionTable sessions_;
  Quotas quotas_;
  Timers timers_;

  /// Who ever published something that was kept: by client identifier and owner.
  std::unordered_map<std::string, std::uint32_t> publisher_numbers_;
  /// The owners among them.
  std::unordered_map<std::uint32_t, PrincipalPtr> authors_;
  std::uint32_t last_publisher_ = 0;
  /// Queue entries that refer to a shared stored payload.
  std::unordered_map<std::uint64_t, std::uint32_t> payload_references_;
  /// Timers of retained messages that expire.
  std::unordered_map<TopicIndex, TimerKey> retained_timers_;
  /// Topics that differ from the store.
  RingQueue<TopicIndex> dirty_;
  Instant next_flush_{};
  bool flushing_ = false;
  bool values_limit_logged_ = false;
  bool publishers_limit_logged_ = false;

  std::uint64_t last_seq_ = 0;
  std::uint64_t committed_seq_ = 0;
  /// Newest `Persist` that erased a retained message.
  std::uint64_t retained_erase_seq_ = 0;
  /// Newest `Persist` that erased a session.
  std::uint64_t session_erase_seq_ = 0;
  StoreStateChanged store_state_;
  RingQueue<WaitingConnection> held_order_;
  RingQueue<WaitingSession> awaiting_;
  RingQueue<WaitingSession> spilling_;
  /// Offline sessions whose shared messages are moving to other members.
  RingQueue<WaitingSession> moving_;
  /// Messages that may still be looked at for that in this turn.
  std::size_t move_budget_ = limits::slice;
  /// Page reads under way, and those to be repeated.
  std::unordered_map<SessionId, WaitingSession> loading_;
  std::vector<WaitingSession> reload_;
  std::size_t held_packets_ = 0;

  OverloadLevel overload_ = OverloadLevel::none;
  /// Counts seconds of overload; those that sent much in this one, those not read meanwhile.
  std::uint32_t overload_round_ = 0;
  Instant next_overload_round_{};
  std::vector<ConnectionId> heavy_;
  std::vector<SlowedSender> slowed_;

  bool draining_ = false;
  std::optional<std::uint64_t> drain_request_;

  /// Sessions by `sid`, while records come in.
  std::unordered_map<SessionId, SessionIndex> restoring_;
  /// Packet identifiers of sent messages by (sid, seq), until the queue brings the message.
  std::map<std::pair<SessionId, std::uint64_t>, std::uint16_t> restoring_sent_;
  WallTime wall_floor_{};
  /// How far the wall clock was ahead of the steady one at most.
  Milliseconds clock_ahead_{Milliseconds::min()};

  Extensions extensions_;
  /// Null: nobody looks.
  std::shared_ptr<Watcher> watcher_;
  /// Those it does not want to be read until it is asked again.
  std::vector<ConnectionId> held_back_;

  Statistics statistics_;
  std::size_t connected_ = 0;

  // Scratch of the running step.
  Now now_{};
  Effects* effects_ = nullptr;
  std::vector<Target> targets_;
  std::vector<std::uint32_t> target_identifiers_;
  std::vector<Overflowed> overflowed_;
};

}  // namespace lineshaft::core
