#include "broker/base/assert.h"

#include <cstdio>
#include <cstdlib>

#include "broker/base/result.h"

namespace lineshaft {

void assertion_failed(const char* condition, const char* file, int line) {
  // Plain stderr: the log's writer thread may be the one that failed.
  std::fprintf(stderr, "level=critical event=assertion_failed condition=\"%s\" at=%s:%d\n",
               condition, file, line);
  std::abort();
}

void throw_exception_from_error(const Error& error, const boost::source_location& location) {
  assertion_failed(error.clause.data(), location.file_name(), static_cast<int>(location.line()));
}

}  // namespace lineshaft
