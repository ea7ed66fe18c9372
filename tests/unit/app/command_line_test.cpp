#include "broker/app/command_line.h"

#include "tests/support/catch.h"

using namespace lineshaft::app;

TEST_CASE("serve takes a file, listeners and a data folder", "[app]") {
  const auto line = parse_command_line({"serve", "--config", "a.toml", "--listen", "127.0.0.1:1",
                                        "--listen", "unix:/run/x", "--data", "/srv"});
  REQUIRE(line.command);
  CHECK(line.command->verb == Command::Verb::serve);
  CHECK(line.command->config_file.value() == "a.toml");
  CHECK(line.command->listen == std::vector<std::string>{"127.0.0.1:1", "unix:/run/x"});
  CHECK(line.command->data_dir.value() == "/srv");
}

TEST_CASE("an IPv6 address is an address and no list", "[app]") {
  const auto line = parse_command_line({"serve", "--listen", "[::1]:1883"});
  REQUIRE(line.command);
  CHECK(line.command->listen == std::vector<std::string>{"[::1]:1883"});
}

TEST_CASE("check-config takes a file or none", "[app]") {
  const auto line = parse_command_line({"check-config", "a.toml"});
  REQUIRE(line.command);
  CHECK(line.command->verb == Command::Verb::check_config);
  CHECK(line.command->config_file.value() == "a.toml");
  REQUIRE(parse_command_line({"check-config"}).command);
}

TEST_CASE("help and version are printed and are no error", "[app]") {
  const auto help = parse_command_line({"--help"});
  CHECK_FALSE(help.command);
  CHECK(help.exit_code == ExitCode::ok);
  CHECK(help.output.find("check-config") != std::string::npos);
  CHECK(help.output.find("config-docs") == std::string::npos);
  CHECK(parse_command_line({"serve", "--help"}).output.find("--listen") != std::string::npos);
  CHECK(parse_command_line({"--version"}).output == "lineshaft " + version() + "\n");
  CHECK(parse_command_line({"version"}).command->verb == Command::Verb::version);
}

TEST_CASE("what is not understood is refused with status 64", "[app]") {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{},
                                                                     {"server"},
                                                                     {"serve", "--prot", "1"},
                                                                     {"serve", "extra"},
                                                                     {"config-docs"},
                                                                     {"serve", "--listen"}}) {
    const auto line = parse_command_line(arguments);
    CHECK_FALSE(line.command);
    CHECK(line.exit_code == ExitCode::usage);
    CHECK_FALSE(line.error.empty());
  }
}

TEST_CASE("status and reload find the broker as serve does, or by its socket", "[app]") {
  const auto status = parse_command_line(
      {"status", "--socket", "/run/x.sock", "-c", "a.toml", "-d", "/srv", "--json"});
  REQUIRE(status.command);
  CHECK(status.command->verb == Command::Verb::status);
  CHECK(status.command->socket.value() == "/run/x.sock");
  CHECK(status.command->config_file.value() == "a.toml");
  CHECK(status.command->data_dir.value() == "/srv");
  CHECK(status.command->json);
  const auto reload = parse_command_line({"reload"});
  REQUIRE(reload.command);
  CHECK(reload.command->verb == Command::Verb::reload);
  CHECK_FALSE(reload.command->socket.has_value());
  CHECK(parse_command_line({"status", "--probe", "readyz"}).command->probe == "readyz");
  CHECK(parse_command_line({"status", "--probe", "metrics"}).exit_code == ExitCode::usage);
  const auto help = parse_command_line({"--help"});
  CHECK(help.output.find("status") != std::string::npos);
  CHECK(help.output.find("reload") != std::string::npos);
}

TEST_CASE("passwd takes a file and a user, or lists", "[app]") {
  const auto set = parse_command_line({"passwd", "users", "alice", "--password-file", "p"});
  REQUIRE(set.command);
  CHECK(set.command->verb == Command::Verb::passwd);
  CHECK(set.command->passwd.act == PasswdOptions::Act::set);
  CHECK(set.command->passwd.file == "users");
  CHECK(set.command->passwd.user == "alice");
  CHECK(set.command->passwd.password_file == "p");
  CHECK(parse_command_line({"passwd", "users", "--list"}).command->passwd.act ==
        PasswdOptions::Act::list);
  CHECK(parse_command_line({"passwd", "users", "alice", "--delete"}).command->passwd.act ==
        PasswdOptions::Act::remove);
  CHECK(parse_command_line({"passwd", "users"}).exit_code == ExitCode::usage);
  CHECK(parse_command_line({"passwd", "users", "--delete"}).exit_code == ExitCode::usage);
  CHECK(parse_command_line({"passwd", "users", "alice", "--list"}).exit_code == ExitCode::usage);
}

TEST_CASE("import-mosquitto takes one file", "[app]") {
  const auto line = parse_command_line({"import-mosquitto", "--acl", "f"});
  REQUIRE(line.command);
  CHECK(line.command->import_acl == "f");
  CHECK(parse_command_line({"import-mosquitto"}).exit_code == ExitCode::usage);
  CHECK(parse_command_line({"import-mosquitto", "--acl", "f", "--passwords", "g"}).exit_code ==
        ExitCode::usage);
}

TEST_CASE("cert takes its folder, what to do and for whom", "[app][cert]") {
  const auto init = parse_command_line({"cert", "init", "pki", "--zones", "ot,dmz,it", "--host",
                                        "broker.example,10.0.0.9", "--trust-domain", "plant2"});
  REQUIRE(init.command);
  CHECK(init.command->verb == Command::Verb::cert);
  CHECK(init.command->cert.act == CertOptions::Act::init);
  CHECK(init.command->cert.folder == "pki");
  CHECK(init.command->cert.zones == std::vector<std::string>{"ot", "dmz", "it"});
  CHECK(init.command->cert.hosts == std::vector<std::string>{"broker.example", "10.0.0.9"});
  CHECK(init.command->cert.trust_domain == "plant2");

  const auto issue = parse_command_line({"cert", "issue", "pki", "--zone", "ot", "--role", "edge",
                                         "press-7", "--days", "30", "--key-type", "p384"});
  REQUIRE(issue.command);
  CHECK(issue.command->cert.act == CertOptions::Act::issue);
  CHECK(issue.command->cert.name == "press-7");
  CHECK(issue.command->cert.days == 30);
  CHECK(issue.command->cert.key_type == lineshaft::auth::KeyType::p384);
  CHECK(parse_command_line({"cert", "revoke", "pki", "press-7"}).command->cert.name == "press-7");
  CHECK(parse_command_line({"cert", "list", "pki", "--json"}).command->cert.json);

  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"cert"},
           {"cert", "init", "pki"},
           {"cert", "issue", "pki", "press-7", "--zone", "ot"},
           {"cert", "issue", "pki", "x", "--zone", "ot", "--role", "edge", "--days", "0"},
           {"cert", "issue", "pki", "x", "--zone", "ot", "--role", "edge", "--key-type", "md5"},
           {"cert", "revoke", "pki"}}) {
    CHECK(parse_command_line(arguments).exit_code == ExitCode::usage);
  }
}
