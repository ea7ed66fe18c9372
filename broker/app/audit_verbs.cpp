#include "broker/app/audit_verbs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>

#include "auth/audit_folder.h"
#include "auth/audit_verify.h"
#include "auth/hex.h"
#include "broker/base/json_text.h"

namespace lineshaft::app {
namespace {

using Json = nlohmann::json;
constexpr std::chrono::milliseconds look_again{200};

ExitCode complain_audit(const std::string& text, ExitCode code) {
  std::fputs(("lineshaft: " + text + "\n").c_str(), stderr);
  return code;
}

ExitCode cannot_read(const std::string& path, int error) {
  const ExitCode code =
      error == EACCES || error == EPERM ? ExitCode::no_permission : ExitCode::no_input;
  return complain_audit(
      fmt::format("{} cannot be read: {}. Name the log's folder with --folder, or the broker's "
                  "configuration with --config.",
                  path, std::generic_category().message(error)),
      code);
}

/// The log's folder, and what remembers it. A folder that is named may be a copy of a log: the
/// remembered end counts if it was copied with it.
auth::AuditOptions places_of(const ConfigSources& sources, const AuditCommand& command) {
  if (!command.folder) return load_options(sources)->audit.log;
  auth::AuditOptions places;
  places.folder = *command.folder;
  while (places.folder.size() > 1 && places.folder.ends_with('/')) places.folder.pop_back();
  places.last_file = places.folder + ".last";
  return places;
}

/// New lines of the log's files, in their order.
class Follower {
 public:
  explicit Follower(std::string folder) : folder_(std::move(folder)) {}

  /// Calls `visit(line)` for each whole line that is new. The errno, or 0.
  template <class Visit>
  int read(Visit visit) {
    int error = 0;
    const auto names = auth::audit_files(folder_, error);
    if (error != 0) return error;
    for (const std::string& name : names) {
      if (name < name_) continue;
      if (name != name_) at_ = 0;
      name_ = name;
      std::ifstream input(folder_ + "/" + name, std::ios::binary);
      // Deleted meanwhile, with the oldest.
      if (!input) {
        if (errno != ENOENT) return errno;
        continue;
      }
      input.seekg(static_cast<std::streamoff>(at_));
      for (std::string line; std::getline(input, line) && !input.eof();) {
        at_ += line.size() + 1;
        visit(line);
      }
    }
    return 0;
  }

 private:
  const std::string folder_;
  std::string name_;
  std::size_t at_ = 0;
};

ExitCode tail(const std::string& folder, const AuditCommand& command) {
  Follower follower(folder);
  std::deque<std::string> last;
  int error = follower.read([&](const std::string& line) {
    auto text = audit_text(line, command);
    if (!text) return;
    last.push_back(std::move(*text));
    if (last.size() > command.lines) last.pop_front();
  });
  if (error != 0) return cannot_read(folder, error);
  for (const std::string& each : last) std::fputs(each.c_str(), stdout);
  while (command.follow && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) {
    std::this_thread::sleep_for(look_again);
    error = follower.read([&](const std::string& line) {
      if (const auto text = audit_text(line, command)) std::fputs(text->c_str(), stdout);
    });
    if (error != 0) return cannot_read(folder, error);
  }
  return ExitCode::ok;
}

/// The public key of each file; the one that cannot be used is named in `problem`.
std::vector<auth::AuditKey> read_keys(const std::vector<std::string>& files, std::string& problem) {
  std::vector<auth::AuditKey> keys;
  for (const std::string& file : files) {
    int error = 0;
    const auto pem = auth::read_audit_file(file, error);
    auto key = pem ? auth::AuditKey::parse(*pem) : std::nullopt;
    if (key) {
      keys.push_back(std::move(*key));
      continue;
    }
    problem = fmt::format("{} is no Ed25519 key: {}", file,
                          pem ? "it holds something else" : std::generic_category().message(error));
    return {};
  }
  return keys;
}

/// SEQ:HASH, or a head as the broker publishes it.
std::optional<auth::AuditChain> parse_end(const std::string& text) {
  std::string seq, hash;
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_object()) {
    seq = json.contains("seq") ? json["seq"].dump() : "";
    if (json.contains("hash") && json["hash"].is_string()) hash = json["hash"].get<std::string>();
  } else if (const std::size_t colon = text.find(':'); colon != std::string::npos) {
    seq = text.substr(0, colon);
    hash = text.substr(colon + 1);
  }
  auth::AuditChain end;
  const auto [rest, ec] = std::from_chars(seq.data(), seq.data() + seq.size(), end.seq);
  const auto bytes = auth::from_hex(hash);
  if (ec != std::errc() || rest != seq.data() + seq.size() || !bytes) return std::nullopt;
  if (bytes->size() != end.hash.size()) return std::nullopt;
  end.hash = *bytes;
  return end;
}

std::string findings_json(const auth::AuditFindings& found) {
  Json faults = Json::array();
  for (const auth::AuditFault& each : found.faults) {
    faults.push_back({{"file", each.file}, {"line", each.line}, {"what", each.what}});
  }
  const Json json = {{"whole", found.is_whole()},
                     {"files", found.files},
                     {"records", found.records},
                     {"first", found.first_seq},
                     {"last", found.chain.seq},
                     {"hash", auth::to_hex(found.chain.hash)},
                     {"checkpoints", found.checkpoints},
                     {"signed_to", found.signed_seq},
                     {"gaps", found.gaps},
                     {"records_lost", found.records_lost},
                     {"torn_bytes", found.torn_bytes},
                     {"faults", faults}};
  return json.dump() + "\n";
}

std::string findings_text(const auth::AuditFindings& found, const std::string& folder) {
  std::string text;
  for (const auth::AuditFault& each : found.faults) {
    text += each.line > 0 ? fmt::format("{}:{}: {}\n", each.file, each.line, each.what)
                          : fmt::format("{}: {}\n", each.file, each.what);
  }
  text += fmt::format("{}: {}. Records {} to {} in {} files, {} checkpoints, signed to {}.\n",
                      folder, found.is_whole() ? "whole" : "NOT what was written", found.first_seq,
                      found.chain.seq, found.files, found.checkpoints, found.signed_seq);
  if (found.gaps > 0) {
    text += fmt::format(
        "  {} gaps are recorded, with {} records that were lost: `lineshaft audit "
        "tail --type audit.gap`.\n",
        found.gaps, found.records_lost);
  }
  if (found.torn_bytes > 0) {
    text += fmt::format(
        "  {} bytes behind the last record: a write that goes on, or one that was "
        "cut short; the broker's next start takes them away and records it.\n",
        found.torn_bytes);
  }
  text += fmt::format("  end: {}:{}\n", found.chain.seq, auth::to_hex(found.chain.hash));
  return text;
}

ExitCode verify(const auth::AuditOptions& places, const AuditCommand& command) {
  const std::string& folder = places.folder;
  std::optional<auth::AuditChain> known;
  if (!command.head.empty()) {
    known = parse_end(command.head);
    if (!known) {
      return complain_audit("--head is neither SEQ:HASH nor what stands in $SYS/broker/audit/head.",
                            ExitCode::usage);
    }
  }
  auto files = command.keys;
  if (files.empty()) files.push_back(fmt::format("{}/{}", folder, auth::audit_public_key_name));
  std::string problem;
  const auto keys = read_keys(files, problem);
  if (keys.empty()) return complain_audit(problem + ".", ExitCode::no_input);
  int error = 0;
  // Before the files: what is written meanwhile only makes the log longer.
  const auto text = auth::read_audit_file(places.last_file, error);
  if (!text && error != ENOENT) return cannot_read(places.last_file, error);
  const auto last = text ? auth::parse_audit_last(*text) : std::nullopt;
  if (text && !last) {
    return complain_audit(places.last_file + " is not what the broker wrote.",
                          ExitCode::data_error);
  }
  const auto found = auth::verify_audit(folder, keys, known, error, last);
  if (!found) return cannot_read(folder, error);
  std::fputs((command.json ? findings_json(*found) : findings_text(*found, folder)).c_str(),
             stdout);
  if (command.keys.empty() && !command.json) {
    std::puts(
        "  checked with the key beside the log; with --key FILE also against who could "
        "exchange that one.");
  }
  return found->is_whole() ? ExitCode::ok : ExitCode::data_error;
}

ExitCode print_key(const std::string& folder) {
  const std::string file = fmt::format("{}/{}", folder, auth::audit_public_key_name);
  int error = 0;
  const auto pem = auth::read_audit_file(file, error);
  if (!pem) return cannot_read(file, error);
  std::fputs(pem->c_str(), stdout);
  return ExitCode::ok;
}

}  // namespace

std::optional<std::string> audit_text(const std::string& line, const AuditCommand& command) {
  const Json record = Json::parse(line, nullptr, false);
  const auto text_of = [&](const char* name) {
    const auto found = record.find(name);
    return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto fits = [&](const char* name, const std::string& wanted) {
    return wanted.empty() || text_of(name) == wanted;
  };
  if (!record.is_object() || !fits("type", command.type) || !fits("identity", command.identity) ||
      !fits("client", command.client) || !fits("zone", command.zone)) {
    return std::nullopt;
  }
  if (command.json) return line + "\n";
  std::string text = text_of("ts") + ' ' + text_of("type");
  for (const char* name : {"zone", "identity", "client", "ip", "op", "topic", "reason", "rule"}) {
    const std::string value = text_of(name);
    if (value.empty()) continue;
    text += fmt::format(" {}=\"", name);
    append_escaped(text, value, Escapes::text);
    text += '"';
  }
  const auto times = record.find("n");
  if (times != record.end() && *times != 1) text += " n=" + times->dump();
  return text + "\n";
}

ExitCode read_audit(const ConfigSources& sources, const AuditCommand& command) {
  try {
    const auth::AuditOptions places = places_of(sources, command);
    const std::string& folder = places.folder;
    switch (command.act) {
      case AuditCommand::Act::tail:
        return tail(folder, command);
      case AuditCommand::Act::verify:
        return verify(places, command);
      case AuditCommand::Act::key:
        break;
    }
    return print_key(folder);
  } catch (const ConfigError& error) {
    std::fputs(error.what(), stderr);
    return ExitCode::config;
  }
}

}  // namespace lineshaft::app
