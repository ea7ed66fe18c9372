#include "broker/base/audit.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace lineshaft {
namespace {

class Collector final : public AuditSink {
 public:
  void write(const AuditRecord& record) noexcept override { types.emplace_back(record.type); }
  std::vector<std::string> types;
};

TEST_CASE("a record goes to the sink that is set, and without one nowhere", "[base]") {
  Collector collector;
  audit({.type = "before"});
  set_audit_sink(&collector);
  audit({.type = "login_refused", .identity = "press-07"});
  set_audit_sink(nullptr);
  audit({.type = "after"});
  CHECK(collector.types == std::vector<std::string>{"login_refused"});
}

}  // namespace
}  // namespace lineshaft
