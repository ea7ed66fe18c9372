#include "auth/audit_verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "auth/audit_folder.h"
#include "auth/hex.h"
#include "broker/base/limits.h"

namespace lineshaft::auth {
namespace {

/// Walks through the lines of all files in their order.
class Verification {
 public:
  Verification(std::span<const AuditKey> keys, std::vector<std::pair<std::string, AuditChain>> ends)
      : keys_(keys), ends_(std::move(ends)) {}

  void add_file(const std::string& name, std::string_view content, bool is_last) {
    file_ = name;
    line_ = 0;
    ++findings_.files;
    first_of_file_ = audit_file_seq(name);
    while (!content.empty()) {
      const std::size_t end = content.find('\n');
      if (end == std::string_view::npos) break;
      ++line_;
      add_line(content.substr(0, end));
      content.remove_prefix(end + 1);
    }
    findings_.torn_bytes = content.size();
    if (!content.empty() && !is_last) {
      ++line_;
      fault("the line has no end, and the log goes on in another file");
    }
  }

  AuditFindings finish() {
    line_ = 0;
    if (findings_.records == 0) {
      fault("there is no record");
    } else if (findings_.first_seq > 1 && removed_to_ + 1 < findings_.first_seq) {
      file_ = first_file_;
      fault(
          fmt::format("records 1 to {} are missing, and no record says that their files were "
                      "removed",
                      findings_.first_seq - 1));
    }
    file_ = audit_head_name;
    for (const auto& [who, end] : ends_) {
      if (end.seq > findings_.chain.seq) {
        fault(fmt::format("{} names record {}, the log ends with {}: its end was cut off", who,
                          end.seq, findings_.chain.seq));
      } else if (std::ranges::find(ends_met_, end.seq) == ends_met_.end()) {
        fault(fmt::format("{} names record {}, which is not in the log with that hash", who,
                          end.seq));
      }
    }
    return std::move(findings_);
  }

  void fault(std::string what) {
    if (findings_.faults.size() >= limits::audit_faults_max) return;
    findings_.faults.push_back({file_, line_, std::move(what)});
  }

  void set_file(std::string_view name) { file_ = name; }

 private:
  void add_line(std::string_view text) {
    const auto line = parse_audit_line(text);
    if (!line) {
      fault("is no record: it was changed or put there");
      return;
    }
    if (line->computed != line->hash) {
      fault(fmt::format("record {} was changed: its hash is another", line->seq));
    }
    const bool is_first = findings_.records++ == 0;
    if (is_first) {
      findings_.first_seq = line->seq;
      first_file_ = file_;
      if (line->seq == 1 && line->previous != AuditChain{}.hash) fault("record 1 follows another");
    } else {
      check_place(*line);
    }
    if (line_ == 1 && first_of_file_ != line->seq) {
      fault(fmt::format("the file begins with record {}, its name says another", line->seq));
    }
    note(*line);
    check_signature(*line);
  }

  void check_place(const AuditLine& line) {
    const AuditChain& before = findings_.chain;
    if (line.seq > before.seq + 1) {
      fault(fmt::format("records {} to {} are missing before record {}", before.seq + 1,
                        line.seq - 1, line.seq));
    } else if (line.seq <= before.seq) {
      fault(
          fmt::format("record {} stands behind record {}: one was put there, or the order was "
                      "changed",
                      line.seq, before.seq));
    } else if (line.previous != before.hash) {
      fault(
          fmt::format("record {} does not follow from record {}: one of them is not what was "
                      "written",
                      line.seq, before.seq));
    }
  }

  void note(const AuditLine& line) {
    findings_.chain = {line.seq, line.hash};
    for (const auto& [who, end] : ends_) {
      if (end == findings_.chain && line.computed == line.hash) ends_met_.push_back(end.seq);
    }
    if (line.type == "audit.gap") {
      ++findings_.gaps;
      findings_.records_lost += line.count;
      if (line.rule == audit_finding) {
        fault(fmt::format("record {} tells what a start of the broker found changed", line.seq));
      }
    } else if (line.type == "audit.removed") {
      std::uint64_t last = 0;
      std::from_chars(line.rule.data(), line.rule.data() + line.rule.size(), last);
      removed_to_ = std::max(removed_to_, last);
    }
  }

  void check_signature(const AuditLine& line) {
    if (line.signature.empty()) {
      if (++unsigned_ == limits::audit_checkpoint_records + 1) {
        fault("there is no checkpoint where there must be one");
      }
      return;
    }
    unsigned_ = 0;
    ++findings_.checkpoints;
    const AuditChain end{line.seq, line.computed};
    const bool is_right = std::ranges::any_of(
        keys_, [&](const AuditKey& key) { return is_signed(end, line.signature, key); });
    if (is_right) {
      findings_.signed_seq = line.seq;
    } else {
      fault(fmt::format("checkpoint {} is not signed with the key", line.seq));
    }
  }

  const std::span<const AuditKey> keys_;
  const std::vector<std::pair<std::string, AuditChain>> ends_;
  std::vector<std::uint64_t> ends_met_;
  AuditFindings findings_;
  std::string file_;
  std::string first_file_;
  std::size_t line_ = 0;
  std::optional<std::uint64_t> first_of_file_;
  std::uint64_t removed_to_ = 0;
  std::size_t unsigned_ = 0;
};

/// The head's end, if one of the keys has signed it.
std::optional<AuditChain> head_end(const std::string& text, std::span<const AuditKey> keys) {
  for (const AuditKey& key : keys) {
    if (auto end = parse_audit_head(text, key)) return end;
  }
  return std::nullopt;
}

}  // namespace

std::optional<AuditFindings> verify_audit(const std::string& folder, std::span<const AuditKey> keys,
                                          const std::optional<AuditChain>& known, int& error,
                                          const std::optional<AuditLast>& last) {
  std::vector<std::pair<std::string, AuditChain>> ends;
  // The head first: what is written meanwhile only makes the log longer.
  const auto head_text = read_audit_file(fmt::format("{}/{}", folder, audit_head_name), error);
  if (!head_text && error != ENOENT) return std::nullopt;
  const auto head = head_text ? head_end(*head_text, keys) : std::nullopt;
  if (head) ends.emplace_back("the head", *head);
  if (known) ends.emplace_back("what was kept elsewhere", *known);
  if (last) ends.emplace_back("what the broker remembers", last->chain);
  Verification verification(keys, std::move(ends));
  verification.set_file(audit_head_name);
  if (!head) {
    verification.fault(head_text ? "is not signed with the key"
                                 : "is missing: a cut at the end would not be seen");
  }
  const auto is_last_key = [&](const AuditKey& key) { return key.fingerprint() == last->key; };
  if (last && std::ranges::none_of(keys, is_last_key)) {
    verification.set_file(audit_public_key_name);
    verification.fault("the broker remembers to have signed with another key");
  }
  const auto names = audit_files(folder, error);
  if (error != 0) return std::nullopt;
  for (const std::string& name : names) {
    const auto content = read_audit_file(fmt::format("{}/{}", folder, name), error);
    if (!content) return std::nullopt;
    verification.add_file(name, *content, name == names.back());
  }
  return verification.finish();
}

}  // namespace lineshaft::auth
