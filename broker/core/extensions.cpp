// What the core tells its extensions, and what it does for them.
#include "broker/core/extensions.h"

#include <algorithm>
#include <utility>

#include "broker/base/assert.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/topic_name.h"

namespace lineshaft::core {
namespace {

/// Before an extension's name, where the store keeps what interceptors keep.
constexpr std::string_view extension_family = "extension/";

const PrincipalPtr nobody_at_all;

}  // namespace

/// One extension's view of the core.
class Core::ExtensionView final : public ExtensionContext {
 public:
  ExtensionView(Core& core, std::size_t number) : core_(core), number_(number) {}

  Now now() const override { return core_.now_; }

  bool publish(MessagePtr message, PrincipalPtr author) override {
    std::vector<Extensions::Made>& made = core_.extensions_.made;
    if (made.size() >= limits::extension_messages_max) {
      count(Counter::extension_messages_refused);
      return false;
    }
    made.push_back({std::move(message), std::move(author), number_});
    return true;
  }

  bool send(std::string_view client_id, std::string_view filter,
            const MessagePtr& message) override {
    Session* const session = core_.sessions_.find(client_id);
    return session != nullptr && core_.send_alone(*session, filter, message);
  }

  void keep(std::string_view key, std::string value) override {
    std::string family(extension_family);
    family += core_.extensions_.list[number_].extension->name();
    if (value.empty()) {
      core_.record(KeptItemErase{std::move(family), std::string(key)});
    } else {
      core_.record(KeptItemRecord{std::move(family), std::string(key), std::move(value)});
    }
  }

  void for_each_retained(std::string_view filter,
                         const std::function<void(const KeptMessagePtr&)>& visit) override {
    FilterWalk walk(core_.topics_.values(), filter);
    walk.advance(~std::size_t{0}, [&](std::uint32_t topic) {
      const KeptMessagePtr& retained = core_.topics_.at(topic).retained;
      if (retained) visit(retained);
    });
  }

  void wake_at(Instant at) override { core_.extensions_.list[number_].wake_at = at; }

 private:
  Core& core_;
  const std::size_t number_;
};

void Core::add_extension(std::shared_ptr<Extension> extension) {
  LINESHAFT_ASSERT(extensions_.list.size() < extensions_max);
  auto& list = extensions_.list;
  list.push_back({std::move(extension),
                  {new ExtensionView(*this, list.size()),
                   [](ExtensionContext* context) { delete static_cast<ExtensionView*>(context); }},
                  std::nullopt});
  list.back().extension->on_install(*list.back().context);
}

void Core::claim_topic(TopicEntry& entry) {
  for (std::size_t i = 0; i < extensions_.list.size(); ++i) {
    const TopicClaim claim = extensions_.list[i].extension->claim(entry.name());
    if (claim.follows) entry.followed = (entry.followed | 1u << i) & 0x0Fu;
    entry.owned |= claim.owns;
    entry.shows_retain |= claim.shows_retain;
    if (claim.storing == TopicClaim::Storing::as_usual) continue;
    entry.stores_at_once = claim.storing == TopicClaim::Storing::at_once;
    entry.stored = config_.has_store && entry.stores_at_once;
  }
}

/// Whose message it is, for an extension.
ExtensionClient Core::client_of(const Publication& publication) const {
  const Session* const session = publication.publisher;
  if (session != nullptr) {
    return {session->connection_number, session->client_id, session->owner, publication.own};
  }
  return {0, {}, publication.author != nullptr ? *publication.author : nobody_at_all};
}

/// A message on a topic that somebody has claimed.
ReasonCode Core::show(Publication& publication) {
  const TopicEntry& entry = topics_.at(publication.topic);
  if (entry.owned && publication.made_by == no_extension) return ReasonCode::not_authorized;
  for (std::size_t i = 0; i < extensions_.list.size(); ++i) {
    if ((entry.followed >> i & 1u) == 0 || i == publication.made_by) continue;
    Extension& extension = *extensions_.list[i].extension;
    MessagePtr other = extension.on_publish(client_of(publication), *publication.message);
    if (!other) continue;
    LINESHAFT_ASSERT(other->qos() == publication.message->qos());
    std::swap(publication.message, other);
    if (!publication.original) publication.original = std::move(other);
  }
  return ReasonCode::success;
}

void Core::show_connected(Session& session) {
  session.connection_number = ++extensions_.last_connection;
  const ExtensionClient client{session.connection_number, session.client_id, session.owner};
  const Message* const will = session.will ? session.will->message.get() : nullptr;
  for (const auto& one : extensions_.list) one.extension->on_connect(client, will);
}

void Core::show_gone(const Extensions::Gone& gone) {
  const Session* const session = sessions_.find(gone.client_id);
  const bool will_waits =
      session != nullptr && session->will && session->connection_number == gone.connection;
  const ExtensionClient client{gone.connection, gone.client_id, gone.principal};
  for (const auto& one : extensions_.list) {
    one.extension->on_disconnect(client, gone.in_order, will_waits);
  }
}

void Core::show_subscription(const Session& session, const mqtt::SubscribePacket& packet,
                             const std::string& filter) {
  const ExtensionSubscription subscription{session.client_id, filter, packet.user_properties};
  for (const auto& one : extensions_.list) one.extension->on_subscribe(subscription);
}

bool Core::send_alone(Session& session, std::string_view filter, const MessagePtr& message) {
  const auto subscription = session.subscriptions.find(filter);
  if (subscription == session.subscriptions.end()) return false;
  const TopicIndex topic = topics_.obtain(message->topic(), config_.topic_entries_idle_max);
  initialise_topic(topic);
  Target target;
  target.session = &session;
  target.wanted = true;
  if (interceptor_) {
    const DeliverVerdict verdict = ask_deliver(session, *message, topic);
    target.limited = verdict.limited;
    if (!verdict.allowed) {
      count(Counter::deliveries_denied);
      return false;
    }
  }
  target_identifiers_.clear();
  if (subscription->second.subscription_identifier != 0) {
    target_identifiers_.push_back(subscription->second.subscription_identifier);
    target.identifiers_size = 1;
  }
  Publication publication;
  publication.message = message;
  publication.topic = topic;
  publication.own = true;
  offer(target, publication);
  return true;
}

/// Behind the packet that caused it: first who went, for that may make more to publish.
void Core::serve_extensions() {
  while (extensions_.is_due()) {
    for (const auto& gone : std::exchange(extensions_.gone, {})) show_gone(gone);
    for (Extensions::Made& made : std::exchange(extensions_.made, {})) {
      Publication publication;
      publication.message = std::move(made.message);
      publication.author = &made.author;
      publication.made_by = made.by;
      publish_now(std::move(publication));
    }
  }
}

void Core::wake_extensions() {
  for (auto& one : extensions_.list) {
    if (!one.wake_at || now_.steady < *one.wake_at) continue;
    one.wake_at.reset();
    one.extension->on_time();
  }
}

bool Core::take_extension_item(const KeptItemRecord& record) {
  if (!record.family.starts_with(extension_family)) return false;
  const std::string_view name = std::string_view(record.family).substr(extension_family.size());
  for (const auto& one : extensions_.list) {
    if (one.extension->name() == name) one.extension->on_restore(record.key, record.value);
  }
  // Of one that is switched off it stays in the store, unread.
  return true;
}

void Core::on_extension_request(std::uint64_t id, const ExtensionRequest& request) {
  RequestAnswer answer;
  for (const auto& one : extensions_.list) {
    if (one.extension->name() != request.extension) continue;
    answer = one.extension->on_request(request.verb, request.body);
  }
  effects_->replies.push_back({id, std::move(answer)});
}

}  // namespace lineshaft::core
