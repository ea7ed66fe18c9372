// Strings, topic names and topic filters.
#include "broker/base/limits.h"
#include "broker/mqtt/topic_check.h"
#include "broker/mqtt/utf8.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace {

using namespace lineshaft;
using namespace lineshaft::mqtt;
using lineshaft::test::wire;

TEST_CASE("one odd byte is found at every place of a text", "[mqtt][MQTT-1.5.4-1][MQTT-1.5.4-2]") {
  for (std::size_t size = 1; size <= 70; ++size) {
    const std::string plain(size, 'a');
    CHECK(text_fault(plain).empty());
    CHECK(printable_text_fault(plain).empty());
    CHECK_FALSE(topic_name_fault(plain));
    for (std::size_t at = 0; at < size; ++at) {
      const auto with = [&](char c) {
        std::string text = plain;
        text[at] = c;
        return text;
      };
      INFO(size << " bytes, at " << at);
      CHECK(text_fault(with('\xFF')) == "MQTT-1.5.4-1");
      CHECK(text_fault(with('\0')) == "MQTT-1.5.4-2");
      CHECK(text_fault(with('\x01')).empty());
      CHECK(text_fault(with('\x7F')).empty());
      CHECK(printable_text_fault(with('\x1F')) == "MQTT 1.5.4");
      CHECK(printable_text_fault(with('\x7F')) == "MQTT 1.5.4");
      CHECK(printable_text_fault(with('\0')) == "MQTT-1.5.4-2");
      CHECK(printable_text_fault(with(' ')).empty());
      for (const char wildcard : {'+', '#'}) {
        const auto fault = topic_name_fault(with(wildcard));
        REQUIRE(fault);
        CHECK(fault->clause == "MQTT-4.7.0-1");
      }
      CHECK_FALSE(topic_name_fault(with('/')));
      CHECK_FALSE(topic_name_fault(with('~')));
    }
  }
}

TEST_CASE("the quick look at a topic is right about every byte at every place", "[mqtt]") {
  std::size_t wrong = 0;
  for (std::size_t size = 1; size <= 70; ++size) {
    std::string text(size, 'a');
    CHECK(is_plain_topic_name(text) == (size >= 16));
    for (std::size_t at = 0; at < size; ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        text[at] = static_cast<char>(value);
        const bool ascii = value >= 0x20 && value < 0x7F;
        const bool plain = size >= 16 && ascii && value != '+' && value != '#';
        if (is_plain_topic_name(text) != plain) ++wrong;
        if (plain && topic_name_fault(text)) ++wrong;
      }
      text[at] = 'a';
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("well-formed UTF-8 is accepted, broken is not", "[mqtt][MQTT-1.5.4-1][MQTT-1.5.4-3]") {
  for (const auto* good : {"", "C3A9", "E282AC", "F09F9880", "EFBBBF61", "EFBFBE", "F48FBFBF",
                           "ED9FBF", "EE8080", "C280"}) {
    INFO(good);
    CHECK(text_fault(wire(good)).empty());
  }
  for (const auto* bad : {"80", "C3", "C328", "C080", "C1BF", "E08080", "EDA080", "EDBFBF",
                          "F08080AF", "F4908080", "F5808080", "FE", "E282"}) {
    INFO(bad);
    CHECK(text_fault(wire(bad)) == "MQTT-1.5.4-1");
  }
}

TEST_CASE("levels are counted wherever the slashes stand", "[mqtt]") {
  std::string topic(limits::topic_levels_max - 1, '/');
  CHECK_FALSE(topic_name_fault(topic));
  CHECK(topic_name_fault(topic + "/"));
  for (std::size_t gap = 1; gap < 30; ++gap) {
    std::string spread;
    for (std::size_t i = 0; i + 1 < limits::topic_levels_max; ++i) {
      spread += std::string(gap, 'x') + "/";
    }
    INFO(gap);
    CHECK_FALSE(topic_name_fault(spread));
    CHECK(is_plain_topic_name(spread));
    CHECK(topic_name_fault(spread + "/"));
    CHECK_FALSE(is_plain_topic_name(spread + "/"));
  }
  CHECK(topic_name_fault(std::string(limits::topic_size_bytes_max, '/')));
}

TEST_CASE("a topic has at least one character and a largest size", "[mqtt][MQTT-4.7.3-1]") {
  CHECK(topic_name_fault("")->reason == ReasonCode::topic_name_invalid);
  CHECK_FALSE(topic_name_fault(std::string(limits::topic_size_bytes_max, 'a')));
  CHECK(is_plain_topic_name(std::string(limits::topic_size_bytes_max, 'a')));
  CHECK_FALSE(is_plain_topic_name(std::string(limits::topic_size_bytes_max + 1, 'a')));
  CHECK(topic_name_fault(std::string(limits::topic_size_bytes_max + 1, 'a'))->clause ==
        "MQTT-4.7.3-3");
}

TEST_CASE("filters are judged by their form only", "[mqtt][MQTT-4.7.1-1][MQTT-4.7.1-2]") {
  for (const auto* good : {"#", "+", "/", "a", "+/+", "a/#", "/#", "//", "+/a/#", "$SYS/#",
                           "$share/g/#", "$share/g/+/a", "$sharename/a"}) {
    INFO(good);
    CHECK_FALSE(topic_filter_fault(good));
  }
  for (const auto* bad : {"", "a#", "#a", "#/a", "a/#/b", "##", "a+", "+a", "a/b+/c", "++"}) {
    INFO(bad);
    REQUIRE(topic_filter_fault(bad));
    CHECK(topic_filter_fault(bad)->reason == ReasonCode::malformed_packet);
  }
  for (const auto* bad :
       {"$share/", "$share//", "$share//a", "$share/g", "$share/g/", "$share/+/a", "$share/a#/b"}) {
    INFO(bad);
    REQUIRE(topic_filter_fault(bad));
    CHECK(topic_filter_fault(bad)->reason == ReasonCode::protocol_error);
  }
}

}  // namespace
