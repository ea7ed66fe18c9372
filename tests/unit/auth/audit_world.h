#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "auth/audit_folder.h"
#include "auth/audit_verify.h"
#include "auth/audit_writer.h"
#include "tests/support/temp_dir.h"

namespace lineshaft::auth {

inline std::string read_text(const std::string& path) {
  std::ifstream input(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
}
inline void write_text(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

/// A log in a temporary folder, written and looked at without a thread.
class AuditWorld {
 public:
  AuditWorld() {
    options.folder = temp / "audit";
    options.key_file = temp / "audit-key.pem";
    options.last_file = temp / "audit.last";
    now.wall = WallTime{Milliseconds{1'790'000'000'000}};
  }

  /// A new writer, as after a start.
  AuditWriter& start() {
    writer_.reset();
    writer_ = std::make_unique<AuditWriter>(options, "boot");
    problem = writer_->open(now);
    return *writer_;
  }
  /// As if the process were gone from one instruction to the next.
  void kill() { writer_.reset(); }
  void stop() {
    writer_->close(now);
    writer_.reset();
  }

  AuditEntry entry(const std::string& identity) const {
    return AuditEntry({.type = "publish_denied",
                       .identity = identity,
                       .client = "c-" + identity,
                       .address = "192.0.2.7",
                       .op = "publish",
                       .topic = "plant/x",
                       .reason = "not_authorized"},
                      now.wall);
  }
  /// So many records; true: all are written.
  bool write(std::size_t records) {
    std::vector<AuditEntry> entries;
    for (std::size_t i = 0; i < records; ++i) entries.push_back(entry(std::to_string(++made)));
    return writer_->write(entries, 0, now).complete;
  }

  std::vector<std::string> files() const {
    int error = 0;
    return audit_files(options.folder, error);
  }
  std::string path(std::size_t file = 0) const { return options.folder + "/" + files()[file]; }
  std::vector<std::string> lines(std::size_t file = 0) const {
    std::vector<std::string> all;
    std::ifstream input(path(file));
    for (std::string line; std::getline(input, line);) all.push_back(line);
    return all;
  }
  void set_lines(const std::vector<std::string>& all, std::size_t file = 0) const {
    std::string text;
    for (const std::string& each : all) text += each + "\n";
    write_text(path(file), text);
  }

  std::vector<AuditKey> keys() const {
    return {*AuditKey::parse(read_text(options.folder + "/key.pub"))};
  }
  AuditFindings verify(const std::optional<AuditChain>& known = std::nullopt) const {
    int error = 0;
    const auto keys_now = keys();
    const auto last = parse_audit_last(read_text(options.last_file));
    return verify_audit(options.folder, keys_now, known, error, last).value();
  }
  /// What verify says, one sentence per line.
  std::string faults() const {
    std::string text;
    for (const AuditFault& each : verify().faults) text += each.what + "\n";
    return text;
  }
  std::string types() const {
    std::string text;
    for (std::size_t file = 0; file < files().size(); ++file) {
      for (const std::string& each : lines(file)) text += parse_audit_line(each)->type + " ";
    }
    return text;
  }

  test::TempDir temp;
  AuditOptions options;
  Now now{};
  std::string problem;
  std::size_t made = 0;

 private:
  std::unique_ptr<AuditWriter> writer_;
};

}  // namespace lineshaft::auth
