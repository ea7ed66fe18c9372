#include "broker/net/mailbox.h"

#include <string>

#include "broker/base/limits.h"
#include "broker/base/metrics.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::net;

namespace {

MessagePtr message(std::size_t payload_size) {
  return KeptMessage::make({"t", {}, std::string(payload_size, 'x')}, {});
}

void add_delivery(core::ShardEffects& effects, std::size_t payload_size, QoS qos, bool replay) {
  core::Recipient recipient;
  recipient.qos = qos;
  recipient.replay = replay;
  effects.list.push_back(core::Deliver{message(payload_size), no_expiry_s,
                                       static_cast<std::uint32_t>(effects.recipients.size()), 1});
  effects.recipients.push_back(recipient);
}

std::size_t give_all_back(Mailbox& mailbox) {
  std::size_t effects = 0;
  Mailbox::Letter* letter = mailbox.take_all();
  while (letter != nullptr) {
    Mailbox::Letter* const next = letter->next;
    effects += letter->effects.list.size();
    mailbox.give_back(letter);
    letter = next;
  }
  return effects;
}

}  // namespace

TEST_CASE("a letter's memory is used again by the next one", "[net]") {
  Mailbox mailbox;
  core::ShardEffects effects;
  effects.list.reserve(100);
  add_delivery(effects, 10, QoS::at_most_once, false);
  mailbox.put(effects);
  CHECK(effects.list.empty());
  CHECK(give_all_back(mailbox) == 1);
  add_delivery(effects, 10, QoS::at_most_once, false);
  mailbox.put(effects);
  CHECK(effects.list.empty());
  CHECK(effects.list.capacity() >= 100);
  CHECK(give_all_back(mailbox) == 1);
}

TEST_CASE("above its mark a mailbox takes no QoS 0, counted, and everything else", "[net]") {
  Mailbox mailbox;
  core::ShardEffects effects;
  add_delivery(effects, limits::mailbox_bytes_max + 1, QoS::at_most_once, false);
  mailbox.put(effects);
  REQUIRE(mailbox.congested());

  add_delivery(effects, 1, QoS::at_most_once, false);
  add_delivery(effects, 2, QoS::at_least_once, false);
  add_delivery(effects, 3, QoS::at_most_once, true);
  mailbox.put(effects);
  Mailbox::Letter* const first = mailbox.take_all();
  Mailbox::Letter* const second = first->next;
  REQUIRE(second != nullptr);
  CHECK(first->dropped_size == 0);
  CHECK(second->dropped_size == 1);
  const auto& list = second->effects.list;
  CHECK(std::get<core::Deliver>(list[0]).recipients_size == 0);
  CHECK(std::get<core::Deliver>(list[0]).message == nullptr);
  CHECK(std::get<core::Deliver>(list[1]).message->payload().size() == 2);
  CHECK(std::get<core::Deliver>(list[2]).message->payload().size() == 3);

  mailbox.give_back(first);
  CHECK_FALSE(mailbox.congested());
  mailbox.give_back(second);
  CHECK(mailbox.empty());
}
