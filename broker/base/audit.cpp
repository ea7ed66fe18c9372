#include "broker/base/audit.h"

#include <atomic>

namespace lineshaft {
namespace {

std::atomic<AuditSink*> audit_sink{nullptr};

}  // namespace

void set_audit_sink(AuditSink* sink) { audit_sink.store(sink, std::memory_order_release); }

void audit(const AuditRecord& record) {
  if (AuditSink* const sink = audit_sink.load(std::memory_order_acquire)) sink->write(record);
}

}  // namespace lineshaft
