#include "auth/audit_log.h"

#include <chrono>
#include <iterator>
#include <new>
#include <system_error>
#include <utility>

#include "auth/crypto.h"
#include "auth/hex.h"
#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"

namespace lineshaft::auth {
namespace {

constexpr std::size_t boot_bytes = 8;

}  // namespace

AuditLog::AuditLog(AuditOptions options, Clock& clock)
    : clock_(clock),
      ring_({limits::audit_queue, limits::audit_queue_bytes_max, limits::audit_folds_max}),
      writer_(std::move(options), to_hex(random_bytes(boot_bytes))) {}

std::string AuditLog::start() {
  if (std::string problem = writer_.open(clock_.now()); !problem.empty()) return problem;
  report();
  thread_ = std::thread([this] { run(); });
  set_audit_sink(this);
  return {};
}

AuditLog::~AuditLog() {
  if (!thread_.joinable()) return;
  set_audit_sink(nullptr);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void AuditLog::write(const AuditRecord& record) noexcept {
  try {
    if (!ring_.push(record, clock_.now().wall)) return;
  } catch (const std::bad_alloc&) {
    ring_.lose(1);
  }
  {
    const std::lock_guard lock(mutex_);
    has_news_ = true;
  }
  changed_.notify_one();
}

AuditStatus AuditLog::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void AuditLog::run() {
  for (;;) {
    const bool last = wait();
    write_out(last);
    if (!last) continue;
    writer_.close(clock_.now());
    report();
    return;
  }
}

/// For news; where something waits for its time, no longer than `limits::audit_retry`. True: stop.
bool AuditLog::wait() {
  const bool is_failing = writer_.error() != 0;
  const bool looks_again = is_failing || writer_.is_unsigned() || ring_.has_repeats();
  std::unique_lock lock(mutex_);
  // News need not be looked at while the disk takes none.
  const auto due = [&] { return stopping_ || (has_news_ && !is_failing); };
  if (looks_again) {
    changed_.wait_for(lock, limits::audit_retry, due);
  } else {
    changed_.wait(lock, due);
  }
  has_news_ = false;
  return stopping_;
}

void AuditLog::write_out(bool last) {
  const Now now = clock_.now();
  bool more = true;
  while (more) {
    // While the disk takes nothing, the ring is where records wait: it is bounded.
    const bool rests = !pending_.entries.empty() || pending_.lost > 0;
    if (!rests) pending_ = ring_.take(now.wall, last);
    const auto written = writer_.write(pending_.entries, pending_.lost, now);
    auto& entries = pending_.entries;
    entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(written.entries));
    if (written.complete) pending_.lost = 0;
    more = rests && written.complete;
  }
  writer_.tick(now);
  report();
}

void AuditLog::report() {
  const int error = writer_.error();
  if (error != 0 && error != reported_error_) {
    LINESHAFT_LOG(auth, error, "audit_not_written", {"why", std::generic_category().message(error)},
                  {"effect", "records wait in memory; the broker goes on"});
  } else if (error == 0 && reported_error_ != 0) {
    LINESHAFT_LOG(auth, warn, "audit_written_again", {"records", writer_.chain().seq});
  }
  reported_error_ = error;
  const std::lock_guard lock(mutex_);
  status_ = {writer_.head(), writer_.chain().seq, error};
}

}  // namespace lineshaft::auth
