#include "auth/audit_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "broker/base/log.h"
#include "broker/base/log_format.h"
#include "broker/base/metrics.h"

namespace lineshaft::auth {
namespace {

constexpr std::size_t batch_entries_max = 1024;

std::string words_of(int error) { return std::generic_category().message(error); }

/// A disk that is full or broken is no reason not to serve; a wrong path or right is one for the
/// operator to hear.
bool may_pass(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return true;
    default:
      return false;
  }
}

/// A record of the log about itself.
AuditEntry own_entry(const AuditRecord& record, std::uint64_t times, WallTime at) {
  return AuditEntry(record, at).repeated(times, at);
}

std::string_view last_line(std::string_view lines) {
  lines.remove_suffix(1);
  const std::size_t end = lines.rfind('\n');
  return end == std::string_view::npos ? lines : lines.substr(end + 1);
}

void append_sentence(std::string& text, std::string_view sentence) {
  if (!text.empty()) text += "; ";
  text += sentence;
}

}  // namespace

AuditWriter::AuditWriter(AuditOptions options, std::string boot)
    : options_(std::move(options)), boot_(std::move(boot)), folder_(options_.folder) {}

std::string AuditWriter::open(Now now) {
  last_checkpoint_ = now.steady;
  return try_open(now);
}

/// What the operator must set right; empty: it is open, or `error_` may pass.
std::string AuditWriter::try_open(Now now) {
  const auto fail = [&](int error, std::string sentence) -> std::string {
    failed(error, now);
    return may_pass(error) ? std::string() : std::move(sentence);
  };
  if (const int error = folder_.lock(); error != 0) {
    return fail(error, error == EBUSY
                           ? fmt::format("another broker writes its audit log into {}. Give each "
                                         "broker a folder of its own with audit.folder.",
                                         options_.folder)
                           : fmt::format("the audit log's folder {} cannot be used: {}. Check "
                                         "audit.folder and that the broker's user may write there.",
                                         options_.folder, words_of(error)));
  }
  look_for_key();
  AuditKeyFile file = open_audit_key(options_.key_file);
  if (!file.key) {
    if (file.error == 0) return fail(EKEYREJECTED, std::move(file.problem));
    return fail(file.error,
                fmt::format("{}: {}. Check audit.key_file.", file.problem, words_of(file.error)));
  }
  key_ = std::move(file.key);
  int error = folder_.replace(audit_public_key_name, key_->public_pem(), true);
  AuditFolder::Content content;
  if (error == 0) error = folder_.open_last(content);
  if (error != 0) {
    return fail(error, fmt::format("the audit log in {} cannot be opened: {}. Check the rights of "
                                   "its files.",
                                   options_.folder, words_of(error)));
  }
  find_end(content);
  is_open_ = true;
  error_ = 0;
  return {};
}

/// A key that is made anew beside records that another one has signed must not pass in silence.
void AuditWriter::look_for_key() {
  int error = 0;
  const auto pem =
      read_audit_file(fmt::format("{}/{}", options_.folder, audit_public_key_name), error);
  if (!key_before_ && pem) key_before_ = AuditKey::parse(*pem);
  read_audit_file(options_.key_file, error);
  if (error != ENOENT) return;
  const bool has_log = !audit_files(options_.folder, error).empty();
  read_audit_file(options_.last_file, error);
  if (has_log || error == 0) key_was_missing_ = true;
}

/// Where the chain goes on: behind the last record that the files, the head, the last file or this
/// process knows of. What does not fit together is told, never mended in silence.
void AuditWriter::find_end(const AuditFolder::Content& content) {
  const AuditChain known = std::exchange(chain_, {});
  unsigned_records_ = 0;
  file_before_.clear();
  found_.clear();
  found_bytes_ = content.torn;
  has_finding_ = false;
  if (key_was_missing_) finding("the signing key was missing: a new one was made");
  if (!content.lines.empty()) look_at_lines(content.lines);
  const auto last = look_at_last();
  look_at_head(last);
  if (last) go_on_from(last->chain, options_.last_file);
  if (known.seq > chain_.seq) {
    finding(fmt::format("records up to {} are missing", known.seq));
    chain_ = known;
  }
  if (has_finding_) {
    LINESHAFT_LOG(auth, error, "audit_log_changed", {"why", found_},
                  {"effect", "the log goes on with an audit.gap; verify will fail"});
  }
  if (!content.torn.empty()) {
    append_sentence(
        found_, fmt::format("a torn last line of {} bytes was taken away", content.torn.size()));
  }
}

/// Something that no crash and no full disk leaves behind.
void AuditWriter::finding(std::string_view sentence) {
  append_sentence(found_, sentence);
  has_finding_ = true;
}

void AuditWriter::look_at_lines(std::string_view lines) {
  file_before_ = folder_.name();
  auto last = parse_audit_line(last_line(lines));
  if (!last) finding("the last line is no record");
  for (auto rest = lines; !last && rest.size() > 1;) {
    rest.remove_suffix(last_line(rest).size() + 1);
    if (!rest.empty()) last = parse_audit_line(last_line(rest));
  }
  if (last) {
    if (last->hash != last->computed) finding("the last record was changed");
    chain_ = {last->seq, last->hash};
  }
  const auto first = parse_audit_line(lines.substr(0, lines.find('\n')));
  file_began_ = first ? parse_audit_time(first->time).value_or(WallTime{}) : WallTime{};
  while (!lines.empty() && unsigned_records_ < limits::audit_checkpoint_records) {
    const std::string_view line = last_line(lines);
    const auto parsed = parse_audit_line(line);
    if (!parsed || !parsed->signature.empty()) break;
    ++unsigned_records_;
    lines.remove_suffix(line.size() + 1);
  }
}

std::optional<AuditLast> AuditWriter::look_at_last() {
  if (options_.last_file.empty()) return std::nullopt;
  int error = 0;
  const auto text = read_audit_file(options_.last_file, error);
  auto last = text ? parse_audit_last(*text) : std::nullopt;
  if (!last && (text || chain_.seq > 0)) {
    finding(fmt::format("{} {}", options_.last_file,
                        error == ENOENT ? "is missing" : "cannot be understood"));
  }
  if (last && last->key != key_->fingerprint()) {
    append_sentence(found_, "the signing key is another than before");
  }
  return last;
}

void AuditWriter::go_on_from(const AuditChain& known, std::string_view who) {
  if (known.seq > chain_.seq) {
    finding(
        fmt::format("records {} to {} are missing: {} knows them", chain_.seq + 1, known.seq, who));
  } else if (known.seq == chain_.seq && known.hash != chain_.hash) {
    finding(fmt::format("the last record is not the one that {} names", who));
  } else {
    return;
  }
  chain_ = known;
}

void AuditWriter::look_at_head(const std::optional<AuditLast>& last) {
  int error = 0;
  const auto text = read_audit_file(fmt::format("{}/{}", options_.folder, audit_head_name), error);
  if (!text) {
    if (chain_.seq > 0) finding("the head is missing");
    return;
  }
  auto head = parse_audit_head(*text, *key_);
  // The operator may give the log another key; what was signed before stays signed.
  const bool is_known_key = last && key_before_ && key_before_->fingerprint() == last->key;
  if (!head && is_known_key) head = parse_audit_head(*text, *key_before_);
  if (head) {
    go_on_from(*head, "the head");
  } else {
    finding("the head is not signed with this key");
  }
}

AuditWriter::Written AuditWriter::write(std::span<const AuditEntry> entries, std::uint64_t lost,
                                        Now now) {
  Written written;
  do {
    if (!make_room(now)) return written;
    Batch batch = begin_batch(now.wall);
    const auto part = entries.subspan(
        written.entries, std::min(batch_entries_max, entries.size() - written.entries));
    for (const AuditEntry& each : part) add(batch, each);
    const bool is_last = written.entries + part.size() == entries.size();
    const bool has_gap = is_last && (lost > 0 || failing_since_);
    if (has_gap) add(batch, gap(lost, now.wall));
    if (batch.text.empty()) {
      if (head_error_ != 0) write_head(folder_.sync(), true);
    } else if (!commit(std::move(batch), now)) {
      return written;
    }
    written.entries += part.size();
    if (has_gap) {
      count(Counter::audit_gaps);
      failing_since_.reset();
    }
  } while (written.entries < entries.size());
  if (has_old_files_) remove_old(now);
  written.complete = error_ == 0;
  return written;
}

void AuditWriter::tick(Now now) {
  const bool due = now.steady - last_checkpoint_ >= limits::audit_checkpoint_interval;
  if (!due || error_ != 0 || !is_open_ || unsigned_records_ == 0) return;
  Batch batch{{}, chain_, unsigned_records_, false};
  add_checkpoint(batch, now.wall);
  commit(std::move(batch), now);
}

void AuditWriter::close(Now now) {
  if (!is_open_ || error_ != 0 || chain_.seq == 0) return;
  Batch batch{{}, chain_, unsigned_records_, false};
  if (unsigned_records_ > 0) add_checkpoint(batch, now.wall);
  if (batch.text.empty() || commit(std::move(batch), now)) folder_.sync();
}

/// The file for the next lines: the one that is open, or another when it is full or old.
bool AuditWriter::make_room(Now now) {
  if (is_open_ && !folder_.is_there()) {
    folder_.give_up();
    is_open_ = false;
  }
  if (!is_open_) {
    try_open(now);
    if (!is_open_) return false;
  }
  const bool full = folder_.size_bytes() >= options_.file_size_bytes_max;
  const bool old = folder_.size_bytes() > 0 && now.wall - file_began_ >= options_.file_age_max;
  if (folder_.has_file() && !full && !old) return true;
  if (const int error = folder_.begin(chain_.seq + 1); error != 0) return failed(error, now);
  has_old_files_ = true;
  return true;
}

/// Deletes the oldest files over the number, after a record that says so.
void AuditWriter::remove_old(Now now) {
  int error = 0;
  const auto names = audit_files(options_.folder, error);
  const std::size_t keep = std::max<std::size_t>(options_.files_max, 1);
  const std::size_t excess = names.size() > keep ? names.size() - keep : 0;
  Batch batch{{}, chain_, unsigned_records_, false};
  for (std::size_t i = 0; i < excess; ++i) {
    const std::string last = fmt::format("{}", *audit_file_seq(names[i + 1]) - 1);
    add(batch, own_entry({.type = "audit.removed",
                          .op = "audit",
                          .topic = names[i],
                          .reason = "only so many files are kept",
                          .rule = last},
                         1, now.wall));
  }
  if (excess > 0 && !commit(std::move(batch), now)) return;
  for (std::size_t i = 0; i < excess; ++i) {
    if (const int failure = folder_.remove(names[i]); failure != 0) error = failure;
  }
  has_old_files_ = error != 0;
}

AuditWriter::Batch AuditWriter::begin_batch(WallTime at) {
  Batch batch{{}, chain_, unsigned_records_, false};
  if (folder_.size_bytes() == 0) {
    file_began_ = at;
    const std::string key = key_->fingerprint();
    add(batch, own_entry({.type = "audit.file",
                          .op = "audit",
                          .topic = file_before_,
                          .reason = chain_.seq == 0 ? "first" : "follows",
                          .rule = key},
                         1, at));
  }
  if (!found_.empty()) {
    add(batch, own_entry({.type = "audit.gap",
                          .op = "audit",
                          .topic = found_bytes_,
                          .reason = found_,
                          .rule = has_finding_ ? audit_finding : std::string_view()},
                         0, at));
  }
  return batch;
}

AuditEntry AuditWriter::gap(std::uint64_t lost, WallTime at) const {
  const std::string reason =
      failing_since_ ? fmt::format("not written from {} on: {}", log::format_time(*failing_since_),
                                   words_of(failing_error_))
                     : "more records came than could be written";
  return own_entry({.type = "audit.gap", .op = "audit", .reason = reason}, lost, at);
}

void AuditWriter::add(Batch& batch, const AuditEntry& entry) {
  append_line(batch.text, batch.chain, entry, boot_);
  if (++batch.unsigned_records >= limits::audit_checkpoint_records) {
    add_checkpoint(batch, entry.at());
  }
}

void AuditWriter::add_checkpoint(Batch& batch, WallTime at) {
  append_line(batch.text, batch.chain,
              own_entry({.type = "audit.checkpoint", .op = "audit"}, 1, at), boot_, &*key_);
  batch.unsigned_records = 0;
  batch.has_checkpoint = true;
}

/// Writes the batch; false: nothing of it is in the file.
bool AuditWriter::commit(Batch batch, Now now) {
  if (const int error = folder_.append(batch.text); error != 0) {
    if (!folder_.has_file()) is_open_ = false;
    return failed(error, now);
  }
  count(Counter::audit_records, batch.chain.seq - chain_.seq);
  chain_ = std::move(batch.chain);
  unsigned_records_ = batch.unsigned_records;
  if (batch.has_checkpoint) last_checkpoint_ = now.steady;
  error_ = 0;
  found_.clear();
  found_bytes_.clear();
  has_finding_ = false;
  key_was_missing_ = false;
  key_before_.reset();
  file_before_ = folder_.name();
  const bool syncs = options_.sync == AuditSync::always ||
                     (options_.sync == AuditSync::checkpoint && batch.has_checkpoint);
  write_head(syncs ? folder_.sync() : 0, syncs);
  return true;
}

/// The records are written: what fails here is an alarm and is tried again with the next ones.
/// `on_disk`: the records are, so the head may be: it must never know more than they do.
void AuditWriter::write_head(int sync_error, bool on_disk) {
  head_ = audit_head(chain_, boot_, *key_);
  int error = folder_.replace(audit_head_name, head_ + "\n", on_disk);
  if (!options_.last_file.empty()) {
    const int failure =
        replace_audit_file(options_.last_file, audit_last({chain_, key_->fingerprint()}), on_disk);
    if (error == 0) error = failure;
  }
  head_error_ = error != 0 ? error : sync_error;
  if (head_error_ != 0) count(Counter::audit_failures);
}

bool AuditWriter::failed(int error, Now now) {
  count(Counter::audit_failures);
  error_ = error;
  if (!failing_since_) {
    failing_since_ = now.wall;
    failing_error_ = error;
  }
  return false;
}

}  // namespace lineshaft::auth
