#pragma once

namespace lineshaft {

/// Logs the failed condition and aborts: a broken invariant must not reach the disk.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace lineshaft

/// Checks our own invariants, on in release too. A peer's fault is never an assertion.
#define LINESHAFT_ASSERT(condition)                    \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::lineshaft::assertion_failed(#condition, __FILE__, __LINE__))
