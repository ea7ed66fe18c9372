#pragma once

#include <cstddef>
#include <string>
#include <unordered_set>

#include "broker/base/time.h"

namespace lineshaft::auth {

/// Remembers certificates by their fingerprints, the newest that it has room for, and keeps them in
/// a file: who was let in while the revocation lists were fresh comes back after a restart, too.
/// Not thread-safe.
class FingerprintMemory {
 public:
  /// Holds at least `size` and at most twice as many. Reads `file`; empty: there is none. One that
  /// cannot be read is reported, and nobody is known from it.
  explicit FingerprintMemory(std::size_t size, std::string file = {});

  /// SHA-256, 32 raw bytes.
  void add(const std::string& fingerprint);
  bool contains(const std::string& fingerprint) const;

  /// All of them, when there is something new to write and the last time is a while ago
  ///; else empty. For `write`.
  std::string take_due(Instant now);
  /// The same at once.
  std::string take();
  const std::string& file() const { return file_; }

 private:
  void read();

  const std::size_t size_;
  const std::string file_;
  std::unordered_set<std::string> young_;
  std::unordered_set<std::string> old_;
  bool has_new_ = false;
  Instant written_{};
};

/// Replaces the file; logged when that fails.
void write_fingerprints(const std::string& file, const std::string& content);

}  // namespace lineshaft::auth
