#include "auth/audit_verify.h"

#include <algorithm>
#include <string>

#include "auth/hex.h"
#include "tests/support/catch.h"
#include "tests/unit/auth/audit_world.h"

namespace lineshaft::auth {
namespace {

using Catch::Matchers::Contains;

/// A log of 600 records over two starts, ended in order.
struct WrittenLog : AuditWorld {
  WrittenLog() {
    start();
    REQUIRE(write(300));
    stop();
    start();
    REQUIRE(write(300));
    stop();
    REQUIRE(faults().empty());
  }
};

TEST_CASE("a log that nobody touched is whole", "[auth]") {
  const WrittenLog log;
  const AuditFindings findings = log.verify();
  CHECK(findings.is_whole());
  CHECK(findings.first_seq == 1);
  CHECK(findings.records == findings.chain.seq);
  CHECK(findings.checkpoints == 4);
  CHECK(findings.signed_seq == findings.chain.seq);
  CHECK(findings.gaps == 0);
}

TEST_CASE("every changed byte of a log is found", "[auth]") {
  AuditWorld log;
  log.start();
  REQUIRE(log.write(3));
  log.stop();
  const std::string text = read_text(log.path());
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_text(log.path(), changed);
    INFO(at << " of " << text.size());
    CHECK_FALSE(log.verify().is_whole());
  }
}

TEST_CASE("a removed record is found", "[auth]") {
  const WrittenLog log;
  auto lines = log.lines();
  lines.erase(lines.begin() + 100);
  log.set_lines(lines);
  CHECK_THAT(log.faults(), Contains("records 101 to 101 are missing before record 102"));
}

TEST_CASE("the first records cannot be removed without a word", "[auth]") {
  const WrittenLog log;
  auto lines = log.lines();
  lines.erase(lines.begin(), lines.begin() + 10);
  log.set_lines(lines);
  CHECK_THAT(log.faults(), Contains("records 1 to 10 are missing, and no record says"));
  CHECK_THAT(log.faults(), Contains("the file begins with record 11"));
}

TEST_CASE("an inserted record is found, also one with a hash that fits", "[auth]") {
  const WrittenLog log;
  auto lines = log.lines();
  const auto before = parse_audit_line(lines[99]);
  SECTION("the same once more") {
    lines.insert(lines.begin() + 100, lines[99]);
    log.set_lines(lines);
    CHECK_THAT(log.faults(), Contains("record 100 stands behind record 100"));
  }
  SECTION("one of one's own") {
    AuditChain chain{before->seq, before->hash};
    std::string forged;
    append_line(forged, chain, log.entry("mallory"), "boot");
    forged.pop_back();
    lines.insert(lines.begin() + 100, forged);
    log.set_lines(lines);
    CHECK_THAT(log.faults(), Contains("record 101 stands behind record 101"));
  }
}

TEST_CASE("an exchanged record is found, also one with a hash that fits", "[auth]") {
  const WrittenLog log;
  auto lines = log.lines();
  const auto before = parse_audit_line(lines[98]);
  AuditChain chain{before->seq, before->hash};
  std::string forged;
  append_line(forged, chain, log.entry("mallory"), "boot");
  forged.pop_back();
  lines[99] = forged;
  log.set_lines(lines);
  CHECK_THAT(log.faults(), Contains("record 101 does not follow from record 100"));
}

TEST_CASE("reordered records are found", "[auth]") {
  const WrittenLog log;
  auto lines = log.lines();
  std::swap(lines[100], lines[101]);
  log.set_lines(lines);
  CHECK_THAT(log.faults(), Contains("the order was changed"));
}

TEST_CASE("a tail that was cut off is found, behind a checkpoint or before it", "[auth]") {
  const WrittenLog log;
  auto lines = log.lines();
  const std::size_t cut = GENERATE(1u, 2u, 40u, 200u, 599u);
  lines.resize(lines.size() - cut);
  log.set_lines(lines);
  CHECK_THAT(log.faults(), Contains("its end was cut off"));
}

TEST_CASE("a tail that was cut off without a stop in between is found", "[auth]") {
  AuditWorld log;
  log.start();
  REQUIRE(log.write(20));  // no checkpoint yet
  auto lines = log.lines();
  lines.pop_back();
  log.set_lines(lines);
  CHECK_THAT(log.faults(), Contains("its end was cut off"));
}

TEST_CASE("who computes the chain anew lacks the key", "[auth]") {
  const WrittenLog log;
  AuditChain chain;
  std::string text;
  const AuditKey own = AuditKey::generate();
  for (std::size_t i = 0; i < log.lines().size(); ++i) {
    append_line(text, chain, log.entry("nobody"), "boot", i % 200 == 0 ? &own : nullptr);
  }
  write_text(log.path(), text);
  CHECK_THAT(log.faults(), Contains("checkpoint 1 is not signed with the key"));
  write_text(log.options.folder + "/head", audit_head(chain, "boot", own));
  CHECK_THAT(log.faults(), Contains("is not signed with the key"));
}

TEST_CASE("a chain without checkpoints is not believed", "[auth]") {
  const WrittenLog log;
  AuditChain chain;
  std::string text;
  for (int i = 0; i < 300; ++i) append_line(text, chain, log.entry("nobody"), "boot");
  write_text(log.path(), text);
  CHECK_THAT(log.faults(), Contains("there is no checkpoint where there must be one"));
}

TEST_CASE("a head that was put back to an older one is found with one that was kept elsewhere",
          "[auth]") {
  AuditWorld log;
  log.start();
  REQUIRE(log.write(20));
  const std::string old_head = read_text(log.options.folder + "/head");
  const std::string old_text = read_text(log.path());
  REQUIRE(log.write(20));
  log.stop();
  const AuditChain known = log.verify().chain;
  write_text(log.options.folder + "/head", old_head);
  write_text(log.path(), old_text);
  CHECK_FALSE(log.verify().is_whole());
  std::filesystem::remove(log.options.last_file);
  CHECK(log.verify().is_whole());
  CHECK_FALSE(log.verify(known).is_whole());
}

TEST_CASE("a checkpoint's signature makes no head", "[auth]") {
  const WrittenLog log;
  auto lines = log.lines();
  const auto is_checkpoint = [](const std::string& line) {
    return !parse_audit_line(line)->signature.empty();
  };
  const auto end = std::ranges::find_if(lines, is_checkpoint) + 1;
  REQUIRE(end < lines.end());
  lines.erase(end, lines.end());
  log.set_lines(lines);
  const auto last = parse_audit_line(lines.back());
  const std::string head = R"({"seq":)" + std::to_string(last->seq) + R"(,"hash":")" +
                           to_hex(last->hash) + R"(","boot":"boot","sig":")" +
                           to_hex(last->signature) + R"("})";
  write_text(log.options.folder + "/head", head);
  CHECK_FALSE(parse_audit_head(head, log.keys()[0]));
  CHECK_THAT(log.faults(), Contains("is not signed with the key"));
}

TEST_CASE("a missing head and a missing log are faults", "[auth]") {
  AuditWorld log;
  log.start();
  REQUIRE(log.write(3));
  log.stop();
  std::filesystem::remove(log.options.folder + "/head");
  CHECK_THAT(log.faults(), Contains("a cut at the end would not be seen"));
  std::filesystem::remove(log.path());
  CHECK_THAT(log.faults(), Contains("there is no record"));
}

TEST_CASE("a file in the middle cannot be removed", "[auth]") {
  AuditWorld log;
  log.options.file_size_bytes_max = 1;
  log.start();
  for (int i = 0; i < 5; ++i) REQUIRE(log.write(1));
  log.stop();
  REQUIRE(log.files().size() == 5);
  REQUIRE(log.faults().empty());
  std::filesystem::remove(log.path(2));
  CHECK_THAT(log.faults(), Contains("are missing before record"));
}

}  // namespace
}  // namespace lineshaft::auth
