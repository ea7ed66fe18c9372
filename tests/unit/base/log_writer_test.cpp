#include "broker/base/log_writer.h"

#include <condition_variable>
#include <mutex>
#include <string>

#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using log::LogWriter;

namespace {

/// An output that waits, as a full pipe does, until the test opens it.
class Gate {
 public:
  void write(std::string_view text) {
    std::unique_lock lock(mutex_);
    entered_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    text_ += text;
  }
  void wait_until_entered() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return entered_; });
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  std::string text() {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool entered_ = false;
  bool open_ = false;
  std::string text_;
};

LogWriter::Setup setup(Gate& gate, std::size_t queue_max) {
  return {queue_max, [&gate](std::string_view text) { gate.write(text); },
          [](std::uint64_t dropped) { return "dropped " + std::to_string(dropped) + "\n"; }};
}

}  // namespace

TEST_CASE("lines are written in order and none is missing at the end", "[base][log]") {
  Gate gate;
  gate.open();
  {
    LogWriter writer(setup(gate, 1000));
    for (int i = 0; i < 100; ++i) CHECK(writer.push(std::to_string(i) + "\n"));
  }
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += std::to_string(i) + "\n";
  CHECK(gate.text() == expected);
}

TEST_CASE("a full queue drops, counts and reports the gap, and never waits", "[base][log]") {
  const std::uint64_t before = counter_value(Counter::log_records_dropped);
  Gate gate;
  {
    LogWriter writer(setup(gate, 2));
    CHECK(writer.push("first\n"));
    gate.wait_until_entered();  // the writer stands in its output with the first line
    CHECK(writer.push("second\n"));
    CHECK(writer.push("third\n"));
    CHECK_FALSE(writer.push("fourth\n"));
    CHECK_FALSE(writer.push("fifth\n"));
    gate.open();
  }
  CHECK(gate.text() == "first\nsecond\nthird\ndropped 2\n");
  CHECK(counter_value(Counter::log_records_dropped) - before == 2);
}

TEST_CASE("each room has its own level", "[base][log]") {
  log::set_level(log::Level::warn);
  log::set_level(log::Room::net, log::Level::debug);
  CHECK(log::enabled(log::Room::net, log::Level::debug));
  CHECK_FALSE(log::enabled(log::Room::core, log::Level::info));
  CHECK(log::enabled(log::Room::core, log::Level::error));
  log::set_level(log::Level::info);
  CHECK_FALSE(log::enabled(log::Room::net, log::Level::debug));
}

TEST_CASE("the fields of a record below the level are not evaluated", "[base][log]") {
  int evaluated = 0;
  const auto value = [&evaluated] { return ++evaluated; };
  log::set_level(log::Level::error);
  LINESHAFT_LOG(core, info, "test_record", {"value", value()});
  log::set_level(log::Level::info);
  CHECK(evaluated == 0);
}
