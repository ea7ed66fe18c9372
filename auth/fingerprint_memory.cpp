#include "auth/fingerprint_memory.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "auth/audit_folder.h"
#include "broker/base/limits.h"
#include "broker/base/log.h"

namespace lineshaft::auth {
namespace {

constexpr std::size_t fingerprint_bytes = 32;

}  // namespace

FingerprintMemory::FingerprintMemory(std::size_t size, std::string file)
    : size_(size), file_(std::move(file)) {
  if (!file_.empty()) read();
}

void FingerprintMemory::read() {
  int error = 0;
  const auto content = read_audit_file(file_, error);
  if (!content && error == ENOENT) return;
  const bool is_whole = content && content->size() % fingerprint_bytes == 0;
  if (!is_whole) {
    LINESHAFT_LOG(auth, warn, "known_certificates_unreadable", {"file", file_},
                  {"why", content ? "it is cut" : std::strerror(error)},
                  {"effect", "while revocation lists have ended, nobody comes back on grace"});
    return;
  }
  for (std::size_t at = 0; at < content->size(); at += fingerprint_bytes) {
    add(content->substr(at, fingerprint_bytes));
  }
  has_new_ = false;
}

void FingerprintMemory::add(const std::string& fingerprint) {
  if (!young_.contains(fingerprint) && young_.size() >= size_) old_ = std::exchange(young_, {});
  has_new_ |= young_.insert(fingerprint).second;
}

bool FingerprintMemory::contains(const std::string& fingerprint) const {
  return young_.contains(fingerprint) || old_.contains(fingerprint);
}

std::string FingerprintMemory::take_due(Instant now) {
  if (now - written_ < limits::known_certificates_pause) return {};
  written_ = now;
  return take();
}

std::string FingerprintMemory::take() {
  if (file_.empty() || !std::exchange(has_new_, false)) return {};
  std::string content;
  content.reserve((old_.size() + young_.size()) * fingerprint_bytes);
  // The oldest first: what is read last is forgotten last.
  for (const auto* const each : {&old_, &young_}) {
    for (const std::string& fingerprint : *each) content += fingerprint;
  }
  return content;
}

void write_fingerprints(const std::string& file, const std::string& content) {
  const int error = replace_audit_file(file, content, true);
  if (error == 0) return;
  LINESHAFT_LOG(auth, warn, "known_certificates_unwritten", {"file", file},
                {"why", std::strerror(error)},
                {"effect", "after a restart who is new comes back with fresh lists only"});
}

}  // namespace lineshaft::auth
