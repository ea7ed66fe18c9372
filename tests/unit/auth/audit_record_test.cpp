#include "auth/audit_record.h"

#include <nlohmann/json.hpp>
#include <string>

#include "auth/audit_last.h"
#include "auth/crypto.h"
#include "auth/hex.h"
#include "broker/base/limits.h"
#include "tests/support/catch.h"

namespace lineshaft::auth {
namespace {

const WallTime noon{Milliseconds{1'790'000'000'123}};

TEST_CASE("a line is one JSON object with all fields and the hash of the record", "[auth]") {
  const AuditEntry entry({.type = "publish_denied",
                          .zone = "ot",
                          .identity = "press \"7\"\n\xff",
                          .client = "c7",
                          .address = "192.0.2.7",
                          .op = "publish",
                          .topic = "plant/ot/x",
                          .reason = "NO_CONDUIT",
                          .rule = "lineshaft.toml:14:3",
                          .epoch = 5},
                         noon);
  AuditChain chain{41, sha256("before")};
  std::string line;
  append_line(line, chain, entry.repeated(3, noon), "b00t");
  CHECK(chain.seq == 42);
  REQUIRE(line.ends_with("}\n"));
  REQUIRE(line.find('\n') == line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  CHECK(json["seq"] == 42);
  CHECK(json["ts"] == "2026-09-21T14:13:20.123Z");
  CHECK(json["boot"] == "b00t");
  CHECK(json["type"] == "publish_denied");
  CHECK(json["zone"] == "ot");
  CHECK(json["identity"] == "press \"7\"\n\xEF\xBF\xBD");
  CHECK(json["client"] == "c7");
  CHECK(json["ip"] == "192.0.2.7");
  CHECK(json["op"] == "publish");
  CHECK(json["topic"] == "plant/ot/x");
  CHECK(json["reason"] == "NO_CONDUIT");
  CHECK(json["rule"] == "lineshaft.toml:14:3");
  CHECK(json["epoch"] == 5);
  CHECK(json["n"] == 3);
  CHECK(json["prev"] == to_hex(sha256("before")));
  // By hand: the hash of the hash before and the line up to its own hash, closed.
  const std::string canonical = line.substr(0, line.find(",\"hash\"")) + "}";
  CHECK(json["hash"] == to_hex(sha256(sha256("before") + canonical)));
  CHECK(chain.hash == sha256(sha256("before") + canonical));
}

TEST_CASE("a line says again what was put into it", "[auth]") {
  const AuditKey key = AuditKey::generate();
  AuditChain chain;
  std::string line;
  append_line(line, chain, AuditEntry({.type = "t", .reason = ",\"hash\":\"00\"}"}, noon), "b",
              &key);
  line.pop_back();
  const auto parsed = parse_audit_line(line);
  REQUIRE(parsed);
  CHECK(parsed->seq == 1);
  CHECK(parsed->type == "t");
  CHECK(parsed->hash == parsed->computed);
  CHECK(parsed->hash == chain.hash);
  CHECK(is_signed(chain, parsed->signature, key));
  CHECK_FALSE(is_signed(chain, parsed->signature, AuditKey::generate()));
  CHECK(parse_audit_time(parsed->time) == noon);
}

TEST_CASE("what is no line of the log is not understood", "[auth]") {
  AuditChain chain;
  std::string line;
  append_line(line, chain, AuditEntry({.type = "t"}, noon), "b");
  line.pop_back();
  REQUIRE(parse_audit_line(line));
  for (const std::string& other : {std::string(), std::string("{}"), line + " ", line + "\r",
                                   line.substr(1), line + line, line.substr(0, line.size() - 1)}) {
    CHECK_FALSE(parse_audit_line(other));
  }
  for (std::size_t size = 0; size < line.size(); ++size) {
    CHECK_FALSE(parse_audit_line(line.substr(0, size)));
  }
}

TEST_CASE("a text that is too long is cut and says so", "[auth]") {
  const std::string text(limits::audit_text_size_bytes_max + 1, 'x');
  const AuditEntry entry({.type = "t", .identity = text, .topic = "a/b"}, noon);
  CHECK(entry.field(AuditField::identity) ==
        std::string(limits::audit_text_size_bytes_max, 'x') + "...");
  CHECK(entry.field(AuditField::topic) == "a/b");
}

TEST_CASE("a head names the end of a chain and is signed", "[auth]") {
  const AuditKey key = AuditKey::generate();
  const AuditChain chain{7, sha256("x")};
  const std::string head = audit_head(chain, "b", key);
  CHECK(parse_audit_head(head, key) == chain);
  CHECK_FALSE(parse_audit_head(head, AuditKey::generate()));
  for (std::size_t at = 0; at < head.size(); ++at) {
    std::string changed = head;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const auto parsed = parse_audit_head(changed, key);
    // The boot in it is only for people.
    CHECK((!parsed || *parsed == chain));
  }
}

TEST_CASE("what is remembered of a log is read back, or not at all", "[auth]") {
  const AuditLast last{{7, sha256("x")}, AuditKey::generate().fingerprint()};
  const auto again = parse_audit_last(audit_last(last));
  REQUIRE(again);
  CHECK(again->chain == last.chain);
  CHECK(again->key == last.key);
  for (const char* other :
       {"", "[]", "{}", R"({"seq":"7"})", R"({"seq":7,"hash":"00","key":""})"}) {
    CHECK_FALSE(parse_audit_last(other));
  }
}

TEST_CASE("a key is what its PEM says", "[auth]") {
  const AuditKey key = AuditKey::generate();
  const auto again = AuditKey::parse(key.private_pem());
  const auto open = AuditKey::parse(key.public_pem());
  REQUIRE(again);
  REQUIRE(open);
  CHECK(again->is_private());
  CHECK_FALSE(open->is_private());
  CHECK(open->verify("text", again->sign("text")));
  CHECK_FALSE(open->verify("other", again->sign("text")));
  CHECK(open->fingerprint() == key.fingerprint());
  CHECK_FALSE(AuditKey::parse("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"));
  CHECK_FALSE(AuditKey::parse(""));
}

TEST_CASE("hexadecimal digits are lower-case and come in pairs", "[auth]") {
  CHECK(to_hex(std::string("\x00\xab", 2)) == "00ab");
  CHECK(from_hex("00ab") == std::string("\x00\xab", 2));
  CHECK_FALSE(from_hex("00AB"));
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
}

}  // namespace
}  // namespace lineshaft::auth
