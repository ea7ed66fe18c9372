#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "auth/audit_ring.h"
#include "auth/audit_writer.h"
#include "broker/base/audit.h"
#include "broker/base/time.h"

namespace lineshaft::auth {

/// What there is to know about the log at the moment.
struct AuditStatus {
  /// Signed end of the chain (`audit_head`); empty before the first record.
  std::string head;
  std::uint64_t seq = 0;
  /// errno; 0: the disk takes records.
  int error = 0;
};

/// The audit log: takes records from any thread and writes them on its own. It is the process's
/// audit sink from `start` to its end, so it must outlive every thread that audits.
///
/// What the disk does not take waits, up to `limits::audit_queue`; the broker never does.
class AuditLog final : public AuditSink {
 public:
  AuditLog(AuditOptions options, Clock& clock);
  /// Writes what is there, and a checkpoint.
  ~AuditLog() override;
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  /// Full sentences why the log cannot be kept, or nothing.
  std::string start();

  void write(const AuditRecord& record) noexcept override;
  /// Any thread.
  AuditStatus status() const;

 private:
  void run();
  bool wait();
  void write_out(bool last);
  void report();

  Clock& clock_;
  AuditRing ring_;
  /// The writer thread's.
  AuditWriter writer_;
  AuditRing::Taken pending_;
  int reported_error_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool has_news_ = false;
  bool stopping_ = false;
  AuditStatus status_;
  std::thread thread_;
};

}  // namespace lineshaft::auth
