// Retained messages and last values: in RAM at once, in the store with their acknowledgement or at
// the next flush.
#include <algorithm>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/core/core.h"
#include "broker/core/topic_name.h"

namespace lineshaft::core {

void Core::initialise_topic(TopicIndex index) {
  TopicEntry& entry = topics_.at(index);
  if (entry.initialised) return;
  entry.initialised = true;
  const std::string_view name = entry.name();
  const auto matches = [name](const std::string& filter) {
    return topic_matches_filter(name, filter);
  };
  entry.keeps_last = config_.last_values && !starts_with_dollar(name) &&
                     (config_.last_values_include.empty() ||
                      std::ranges::any_of(config_.last_values_include, matches)) &&
                     std::ranges::none_of(config_.last_values_exclude, matches);
  // What the broker says of itself is true only while it runs.
  entry.stored = config_.has_store && !starts_with_dollar(name);
  if (!extensions_.empty()) claim_topic(entry);
}

bool Core::has_room_for_value(TopicIndex index) const {
  return topics_.at(index).has_value() || topics_.valued() < config_.ram_topics_max;
}

namespace {

/// Tells the same Client Identifier in different hands apart; no part contains a NUL.
std::string author_key(std::string_view client_id, const Principal* owner) {
  std::string key(client_id);
  if (owner == nullptr || owner->is_anonymous()) return key;
  // Of an issuer the length is fixed: it may contain anything.
  for (const std::string_view part : {std::string_view(owner->zone), std::string_view(owner->name),
                                      std::string_view(owner->issuer_spki)}) {
    key += '\0';
    key += part;
  }
  key += static_cast<char>(family_of(owner->proof));
  return key;
}

}  // namespace

/// 0: the broker's own, or too many authors are known.
std::uint32_t Core::author_number(const Publication& publication) {
  if (publication.author != nullptr && *publication.author) {
    return author_number({}, *publication.author);
  }
  Session* const session = publication.publisher;
  if (session == nullptr) return 0;
  if (session->publisher == 0) {
    session->publisher = author_number(session->client_id, session->owner);
  }
  return session->publisher;
}

std::uint32_t Core::author_number(std::string_view client_id, const PrincipalPtr& owner) {
  std::string key = author_key(client_id, owner.get());
  const auto known = publisher_numbers_.find(key);
  if (known != publisher_numbers_.end()) return known->second;
  if (publisher_numbers_.size() >= limits::publisher_names_max) {
    count(Counter::publisher_names_refused_limit);
    if (!publishers_limit_logged_) {
      publishers_limit_logged_ = true;
      LINESHAFT_LOG(core, warn, "publisher_names_limit",
                    {"publisher_names_max", limits::publisher_names_max});
    }
    return 0;
  }
  const std::uint32_t number = ++last_publisher_;
  publisher_numbers_.emplace(std::move(key), number);
  if (owner) authors_.emplace(number, owner);
  record(NameRecord{number, std::string(client_id), owner});
  return number;
}

/// The number it has, 0 if it never published anything that was kept.
std::uint32_t Core::publisher_of(const Session& session) const {
  if (session.publisher != 0) return session.publisher;
  const auto known = publisher_numbers_.find(author_key(session.client_id, session.owner.get()));
  return known == publisher_numbers_.end() ? 0 : known->second;
}

/// Null: nobody knows, or it has no identity.
const Principal* Core::author(std::uint32_t publisher) const {
  const auto known = authors_.find(publisher);
  return known == authors_.end() ? nullptr : known->second.get();
}

/// Is there room for a retained message, in all and of its identity? An identity may always replace
/// what is its own.
bool Core::may_retain(const Publication& publication) {
  if (!has_room_for_value(publication.topic)) {
    count(Counter::retained_refused_limit);
    return false;
  }
  Session* const session = publication.publisher;
  const bool by_author = publication.author != nullptr && *publication.author;
  const Principal* const who = by_author            ? publication.author->get()
                               : session != nullptr ? session->owner.get()
                                                    : nullptr;
  const ClientLimits& limits = session != nullptr ? limits_of(*session) : config_;
  if (who == nullptr || who->is_anonymous() || limits.retained_per_identity_max == 0) return true;
  const KeptMessagePtr& before = topics_.at(publication.topic).retained;
  if (before) {
    if (session != nullptr && session->publisher == before->publisher() &&
        session->publisher != 0) {
      return true;
    }
    const Principal* const owner = author(before->publisher());
    if (owner != nullptr && is_same(*owner, *who)) return true;
  }
  if (quotas_.of(*who).retained < limits.retained_per_identity_max) return true;
  count(Counter::retained_refused_identity);
  if (session == nullptr || !std::exchange(session->retained_full_logged, true)) {
    LINESHAFT_LOG(core, warn, "retained_limit_reached", {"user", who->name},
                  {"topic", publication.message->topic()},
                  {"limit", limits.retained_per_identity_max});
  }
  return false;
}

/// Keeps count of whose retained messages there are; 0: nobody's.
void Core::retained_changed(std::uint32_t from, std::uint32_t to) {
  if (from != to) quotas_.pass_retained(author(from), author(to));
}

bool Core::take(NameRecord record) {
  if (record.number == 0 || (record.client_id.empty() && !record.owner)) return false;
  last_publisher_ = std::max(last_publisher_, record.number);
  publisher_numbers_.emplace(author_key(record.client_id, record.owner.get()), record.number);
  if (record.owner) authors_.emplace(record.number, std::move(record.owner));
  return true;
}

std::uint64_t Core::update_values(Publication& publication) {
  if (publication.message->retain()) return update_retained(publication);
  // [MQTT-3.3.1-8] without RETAIN the retained message stays.
  update_last(publication);
  return 0;
}

std::uint64_t Core::update_retained(Publication& publication) {
  if (publication.message->payload().empty()) return delete_values(publication);
  TopicEntry& entry = topics_.at(publication.topic);
  const bool had_retained = entry.retained != nullptr;
  const bool had_value = entry.has_value();
  const bool sync = publication.message->qos() != QoS::at_most_once;
  const std::uint32_t author_before = had_retained ? entry.retained->publisher() : 0;
  // [MQTT-3.3.1-5]
  if (sync || publication.kept) {
    entry.retained = kept(publication);
  } else {
    const KeepInfo info{now_.wall, next_seq(), author_number(publication)};
    KeptMessage::replace(entry.retained, *publication.message, info);
  }
  entry.last.reset();
  retained_changed(author_before, entry.retained->publisher());
  topics_.value_changed(publication.topic, had_retained, had_value);
  arm_retained_expiry(publication.topic);
  if (sync) return persist_topic(publication.topic, true);
  if (entry.stores_at_once) {
    persist_topic(publication.topic, false);
  } else {
    mark_dirty(publication.topic);
  }
  return 0;
}

/// An empty retained message: the topic leaves the namespace [MQTT-3.3.1-6], [MQTT-3.3.1-7].
std::uint64_t Core::delete_values(Publication& publication) {
  TopicEntry& entry = topics_.at(publication.topic);
  const bool had_retained = entry.retained != nullptr;
  const bool had_value = entry.has_value();
  if (had_value) {
    disarm_retained_expiry(publication.topic);
    TopicTable::own_name(entry);
    if (had_retained) retained_changed(entry.retained->publisher(), 0);
    entry.retained.reset();
    entry.last.reset();
    topics_.value_changed(publication.topic, had_retained, had_value);
  }
  const bool sync = publication.message->qos() != QoS::at_most_once;
  const bool differs = entry.retained_stored || entry.last_stored || entry.dirty;
  if (!differs) return sync ? retained_erase_seq_ : 0;
  if (sync) return persist_topic(publication.topic, true);
  mark_dirty(publication.topic);
  return 0;
}

void Core::update_last(Publication& publication) {
  TopicEntry& entry = topics_.at(publication.topic);
  if (!entry.keeps_last || publication.message->request_response()) return;
  if (!has_room_for_value(publication.topic)) {
    count(Counter::last_values_refused_limit);
    if (!values_limit_logged_) {
      values_limit_logged_ = true;
      LINESHAFT_LOG(core, warn, "last_values_limit", {"ram_topics_max", config_.ram_topics_max});
    }
    return;
  }
  const bool had_value = entry.has_value();
  if (publication.kept) {
    entry.last = publication.kept;
  } else {
    const KeepInfo info{now_.wall, next_seq(), author_number(publication)};
    KeptMessage::replace(entry.last, *publication.message, info);
  }
  topics_.value_changed(publication.topic, entry.retained != nullptr, had_value);
  mark_dirty(publication.topic);
}

void Core::mark_dirty(TopicIndex index) {
  TopicEntry& entry = topics_.at(index);
  if (!entry.stored || entry.dirty) return;
  entry.dirty = true;
  dirty_.push_back(index);
}

/// Makes the store say what RAM says of this topic.
std::uint64_t Core::persist_topic(TopicIndex index, bool sync) {
  TopicEntry& entry = topics_.at(index);
  entry.dirty = false;
  if (!entry.stored) return 0;
  std::uint64_t seq = 0;
  if (entry.retained) {
    seq = record(RetainedRecord{entry.retained, Quality::good}, sync);
    entry.retained_stored = true;
  } else if (entry.retained_stored) {
    seq = retained_erase_seq_ = record(RetainedErase{std::string(entry.name())}, sync);
    entry.retained_stored = false;
  }
  if (entry.last) {
    seq = record(LastValueRecord{entry.last, Quality::good}, sync);
    entry.last_stored = true;
  } else if (entry.last_stored && !entry.retained) {
    // Behind a retained message an older last value may stay: the newer record counts.
    seq = retained_erase_seq_ = record(LastValueErase{std::string(entry.name())}, sync);
    entry.last_stored = false;
  }
  topics_.release_if_empty(index);
  return sync ? std::max(seq, retained_erase_seq_) : seq;
}

void Core::flush_values(std::size_t topics_max) {
  while (topics_max > 0 && !dirty_.empty()) {
    const TopicIndex index = dirty_.pop_front();
    // Its mark may be gone: a `Persist` took it along meanwhile.
    if (!topics_.at(index).dirty) continue;
    persist_topic(index, false);
    --topics_max;
  }
}

/// One timer per topic, for the message that is retained now.
void Core::arm_retained_expiry(TopicIndex index) {
  disarm_retained_expiry(index);
  TopicEntry& entry = topics_.at(index);
  if (!entry.retained || !entry.retained->expires()) return;
  entry.expiry_armed = true;
  const TimerKey timer{steady_of(entry.retained->expires_at()), TimerKind::retained_expiry, index,
                       entry.generation};
  timers_.add(timer);
  retained_timers_.emplace(index, timer);
}

void Core::disarm_retained_expiry(TopicIndex index) {
  TopicEntry& entry = topics_.at(index);
  if (!entry.expiry_armed) return;
  entry.expiry_armed = false;
  const auto armed = retained_timers_.find(index);
  timers_.cancel(armed->second);
  retained_timers_.erase(armed);
}

/// Expired: no longer sent to new subscribers, still the last that is known of the topic.
void Core::on_retained_expiry(TopicIndex index) {
  TopicEntry& entry = topics_.at(index);
  disarm_retained_expiry(index);
  if (!entry.retained || !expired(*entry.retained)) {
    arm_retained_expiry(index);
    return;
  }
  const bool had_value = entry.has_value();
  if (!entry.last && entry.keeps_last) entry.last = entry.retained;
  TopicTable::own_name(entry);
  retained_changed(entry.retained->publisher(), 0);
  entry.retained.reset();
  topics_.value_changed(index, true, had_value);
  if (entry.has_value()) entry.own_name.reset();
  mark_dirty(index);
  topics_.release_if_empty(index);
}

}  // namespace lineshaft::core
