#include "auth/audit_writer.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <string>

#include "tests/support/catch.h"
#include "tests/unit/auth/audit_world.h"

namespace lineshaft::auth {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

/// No file may grow beyond so many bytes while it lives: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(std::uint64_t size_bytes_max) {
    before_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit smaller{size_bytes_max, limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &smaller);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    ::signal(SIGXFSZ, before_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit limit_{};
  void (*before_)(int) = nullptr;
};

TEST_CASE("folder, files and key are for the broker alone", "[auth]") {
  AuditWorld log;
  log.start();
  REQUIRE(log.write(1));
  for (const auto& [path, mode] :
       {std::pair{log.options.folder, 0700u}, {log.path(), 0600u}, {log.options.key_file, 0600u}}) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777u) == mode);
  }
}

TEST_CASE("the chain goes on after a stop and after the end of the process", "[auth]") {
  AuditWorld log;
  log.start();
  REQUIRE(log.write(3));
  log.stop();
  log.start();
  REQUIRE(log.write(3));
  log.kill();
  log.start();
  REQUIRE(log.write(3));
  log.kill();
  CHECK(log.files().size() == 1);
  CHECK(log.verify().records == 11);  // with the file's first and the stop's checkpoint
  CHECK(log.faults().empty());
  CHECK(log.verify().gaps == 0);
}

TEST_CASE("a torn last line is taken away, and a record tells it", "[auth]") {
  AuditWorld log;
  log.start();
  REQUIRE(log.write(3));
  log.kill();
  std::string text = read_text(log.path());
  const std::size_t torn = GENERATE(1u, 30u);
  write_text(log.path(), text + text.substr(0, torn));
  CHECK(log.verify().torn_bytes == torn);
  CHECK(log.faults().empty());
  log.start();
  REQUIRE(log.write(1));
  CHECK(log.types() ==
        "audit.file publish_denied publish_denied publish_denied audit.gap "
        "publish_denied ");
  CHECK_THAT(log.lines()[4], Contains("a torn last line of " + std::to_string(torn) + " bytes"));
  CHECK(log.faults().empty());
}

TEST_CASE("records that are missing at a start are told, and verify finds them", "[auth]") {
  AuditWorld log;
  log.start();
  REQUIRE(log.write(5));
  log.kill();
  auto lines = log.lines();
  lines.resize(4);
  SECTION("whole lines") { log.set_lines(lines); }
  SECTION("half a line") {
    log.set_lines(lines);
    write_text(log.path(), read_text(log.path()) + "{\"seq\":5,");
  }
  log.start();
  REQUIRE(log.write(1));
  CHECK_THAT(log.lines()[4], Contains("records 5 to 6 are missing: the head knows them"));
  CHECK_THAT(log.faults(), Contains("records 5 to 6 are missing before record 7"));
}

TEST_CASE("a log that was deleted goes on with its numbers", "[auth]") {
  AuditWorld log;
  AuditWriter& writer = log.start();
  REQUIRE(log.write(5));
  SECTION("while nobody writes it") {
    log.kill();
    std::filesystem::remove(log.path());
    log.start();
    REQUIRE(log.write(1));
  }
  SECTION("under the broker's hands") {
    std::filesystem::remove_all(log.options.folder);
    REQUIRE(log.write(1));
    CHECK(writer.chain().seq == 9);
  }
  CHECK(log.files() == std::vector<std::string>{audit_file_name(7)});
  CHECK(log.types() == "audit.file audit.gap publish_denied ");
  CHECK_THAT(log.faults(), Contains("records 1 to 6 are missing"));
}

TEST_CASE("there is a checkpoint every 256 records, and 10 s behind the last one", "[auth]") {
  AuditWorld log;
  AuditWriter& writer = log.start();
  REQUIRE(log.write(600));
  CHECK(log.verify().checkpoints == 2);
  CHECK(writer.is_unsigned());
  log.now.steady += limits::audit_checkpoint_interval - Milliseconds{1};
  writer.tick(log.now);
  CHECK(log.verify().checkpoints == 2);
  log.now.steady += Milliseconds{1};
  writer.tick(log.now);
  CHECK(log.verify().signed_seq == writer.chain().seq);
  log.now.steady += limits::audit_checkpoint_interval;
  writer.tick(log.now);
  CHECK(log.verify().checkpoints == 3);
  // Counted on across a start.
  REQUIRE(log.write(200));
  log.kill();
  log.start();
  REQUIRE(log.write(200));
  CHECK(log.faults().empty());
}

TEST_CASE("a file that is full or old is followed by another that repeats the last hash",
          "[auth]") {
  AuditWorld log;
  log.options.file_size_bytes_max = 2'000;
  log.start();
  while (log.files().size() < 2) REQUIRE(log.write(1));
  log.now.wall += log.options.file_age_max;
  log.start();
  REQUIRE(log.write(1));
  REQUIRE(log.files().size() == 3);
  for (std::size_t file = 1; file < 3; ++file) {
    const auto last = parse_audit_line(log.lines(file - 1).back());
    const auto first = parse_audit_line(log.lines(file).front());
    CHECK(first->type == "audit.file");
    CHECK(first->previous == last->hash);
    CHECK(log.files()[file] == audit_file_name(last->seq + 1));
  }
  CHECK(log.faults().empty());
}

TEST_CASE("old files go after a record that says so", "[auth]") {
  AuditWorld log;
  log.options.file_size_bytes_max = 1;
  log.options.files_max = 3;
  log.start();
  for (int i = 0; i < 10; ++i) REQUIRE(log.write(1));
  CHECK(log.files().size() == 3);
  CHECK_THAT(log.types(), Contains("audit.removed"));
  CHECK(log.verify().first_seq > 1);
  CHECK(log.faults().empty());
  std::filesystem::remove(log.path(0));
  CHECK_FALSE(log.faults().empty());
}

TEST_CASE("what a full disk does not take waits, and a gap tells of it", "[auth]") {
  AuditWorld log;
  AuditWriter& writer = log.start();
  REQUIRE(log.write(3));
  const std::string text = read_text(log.path());
  const std::vector<AuditEntry> entries = {log.entry("a"), log.entry("b"), log.entry("c")};
  {
    // Of the next line a part would fit.
    const FullDisk full(text.size() + 20);
    const auto written = writer.write(entries, 2, log.now);
    CHECK(written.entries == 0);
    CHECK_FALSE(written.complete);
    CHECK(writer.error() == EFBIG);
    CHECK(read_text(log.path()) == text);
    CHECK(log.faults().empty());
  }
  log.now.wall += Milliseconds{5'000};
  CHECK(writer.write(entries, 2, log.now).complete);
  CHECK(writer.error() == 0);
  CHECK_THAT(log.types(), EndsWith("publish_denied publish_denied publish_denied audit.gap "));
  CHECK_THAT(log.lines().back(), Contains("File too large"));
  CHECK(log.verify().gaps == 1);
  CHECK(log.verify().records_lost == 2);
  CHECK(log.faults().empty());
  REQUIRE(log.write(1));
  CHECK(log.verify().gaps == 1);
}

TEST_CASE("a disk that is full at the start keeps nobody from serving", "[auth]") {
  AuditWorld log;
  {
    const FullDisk full(0);
    AuditWriter& writer = log.start();
    CHECK(log.problem.empty());
    CHECK_FALSE(log.write(2));
    CHECK(writer.error() == EFBIG);
  }
  CHECK(log.write(2));
  CHECK(log.types() == "audit.file publish_denied publish_denied audit.gap ");
  CHECK(log.faults().empty());
}

TEST_CASE("what the operator must set right is said at the start", "[auth]") {
  AuditWorld log;
  SECTION("a key that others can read") {
    log.start();
    log.kill();
    ::chmod(log.options.key_file.c_str(), 0644);
    log.start();
    CHECK_THAT(log.problem, Contains("is open to every user"));
  }
  SECTION("a key that is none") {
    write_text(log.options.key_file, "not a key");
    ::chmod(log.options.key_file.c_str(), 0600);
    log.start();
    CHECK_THAT(log.problem, Contains("holds no private Ed25519 key"));
  }
  SECTION("a folder that is a file") {
    write_text(log.options.folder, "");
    log.start();
    CHECK_THAT(log.problem, Contains("audit.folder"));
  }
  SECTION("a folder of another broker") {
    log.start();
    AuditWriter other(log.options, "other");
    CHECK_THAT(other.open(log.now), Contains("another broker"));
  }
}

TEST_CASE("a start tells what was changed meanwhile, and heals nothing", "[auth]") {
  AuditWorld log;
  log.start();
  REQUIRE(log.write(20));
  const std::string old_head = read_text(log.options.folder + "/head");
  const std::string old_text = read_text(log.path());
  REQUIRE(log.write(20));
  log.stop();
  REQUIRE(log.faults().empty());
  std::string reason;
  SECTION("a tail that was cut off, and the head deleted") {
    auto lines = log.lines();
    lines.resize(10);
    log.set_lines(lines);
    std::filesystem::remove(log.options.folder + "/head");
    reason = "the head is missing; records 11 to 42 are missing";
  }
  SECTION("log and head that were put back to an older state") {
    write_text(log.options.folder + "/head", old_head);
    write_text(log.path(), old_text);
    CHECK_THAT(log.faults(), Contains("its end was cut off"));
    reason = "records 22 to 42 are missing";
  }
  SECTION("a folder that was deleted") {
    std::filesystem::remove_all(log.options.folder);
    reason = "records 1 to 42 are missing";
  }
  SECTION("a key that was deleted") {
    std::filesystem::remove(log.options.key_file);
    reason = "the signing key was missing: a new one was made";
  }
  SECTION("a folder and a key that were deleted") {
    std::filesystem::remove(log.options.key_file);
    std::filesystem::remove_all(log.options.folder);
    reason = "the signing key was missing: a new one was made";
  }
  SECTION("a head that was deleted") {
    std::filesystem::remove(log.options.folder + "/head");
    reason = "the head is missing";
  }
  SECTION("the end that was remembered elsewhere") {
    std::filesystem::remove(log.options.last_file);
    reason = "audit.last is missing";
  }
  log.start();
  REQUIRE(log.write(1));
  log.stop();
  CHECK_THAT(read_text(log.path()), Contains(reason));
  CHECK_THAT(log.faults(), Contains("tells what a start of the broker found changed"));
  // Nor does the next one.
  log.start();
  REQUIRE(log.write(1));
  log.stop();
  CHECK(log.verify().gaps == 1);
  CHECK_FALSE(log.faults().empty());
}

TEST_CASE("a log signed with another key is continued and says so", "[auth]") {
  AuditWorld log;
  log.start();
  REQUIRE(log.write(3));
  log.stop();
  const auto old_keys = log.keys();
  write_text(log.options.key_file, AuditKey::generate().private_pem());
  log.start();
  REQUIRE(log.write(1));
  log.stop();
  CHECK_THAT(log.faults(), Contains("is not signed with the key"));
  CHECK_THAT(log.lines()[5], Contains("the signing key is another than before"));
  CHECK_THAT(log.types(), Contains("audit.checkpoint audit.gap publish_denied"));
  auto both = log.keys();
  both.push_back(old_keys[0]);
  int error = 0;
  CHECK(verify_audit(log.options.folder, both, std::nullopt, error)->is_whole());
}

}  // namespace
}  // namespace lineshaft::auth
