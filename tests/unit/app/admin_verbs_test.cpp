#include "broker/app/admin_verbs.h"

#include "broker/app/admin_call.h"
#include "tests/support/catch.h"
#include "tests/unit/app/config_world.h"

using namespace lineshaft::app;

TEST_CASE("the admin socket is in the data folder", "[app]") {
  ConfigWorld world;
  world.sources.run_folder = world.path("run");
  CHECK(world.load()->admin.socket == "/home/press/.local/share/lineshaft/admin.sock");
  world.sources.data_dir = "/srv/mqtt";
  CHECK(world.load()->admin.socket == "/srv/mqtt/admin.sock");
  CHECK(admin_sockets(world.sources) == std::vector<std::string>{"/srv/mqtt/admin.sock"});
}

TEST_CASE("the system's broker has its admin socket in /run if that folder is there", "[app]") {
  ConfigWorld world;
  world.sources.run_folder = world.path("run");
  world.sources.data_dir = std::string(system_data_dir);
  CHECK(world.load()->admin.socket == "/var/lib/lineshaft/admin.sock");
  world.write("run/x", "");
  CHECK(world.load()->admin.socket == world.path("run/admin.sock"));
  world.sources.data_dir = "/srv/mqtt";
  CHECK(world.load()->admin.socket == "/srv/mqtt/admin.sock");
}

TEST_CASE("who names nothing finds the own broker first, then the system's", "[app]") {
  ConfigWorld world;
  world.sources.run_folder = "/run/lineshaft";
  CHECK(admin_sockets(world.sources) ==
        std::vector<std::string>{"/home/press/.local/share/lineshaft/admin.sock",
                                 "/run/lineshaft/admin.sock", "/var/lib/lineshaft/admin.sock"});
  world.configure("admin.socket = \"/run/other.sock\"");
  CHECK(admin_sockets(world.sources) == std::vector<std::string>{"/run/other.sock"});
}

TEST_CASE("admin addresses that cannot be or must not be are refused", "[app]") {
  ConfigWorld world;
  const auto problem = [&](const std::string& text) {
    world.configure(text);
    const auto all = world.problems();
    return all.empty() ? "" : all.front();
  };
  CHECK(problem("admin.listen = \"127.0.0.1:9641\"").empty());
  CHECK(problem("admin.listen = \"[::1]:9641\"").empty());
  CHECK(problem("admin.listen = \"0.0.0.0:9641\"").find("loopback") != std::string::npos);
  CHECK(problem("admin.listen = \"[::]:9641\"").find("loopback") != std::string::npos);
  CHECK(problem("admin.listen = \"10.0.0.1:9641\"").find("loopback") != std::string::npos);
  CHECK(problem("admin.listen = \"unix:/x\"").find("admin.socket") != std::string::npos);
  CHECK(problem("admin.listen = \"9641\"").find("no port") != std::string::npos);
  CHECK(problem("admin.socket = \"x.sock\"").find("begin with") != std::string::npos);
  CHECK(problem("admin.socket = \"/" + std::string(107, 'x') + "\"").find("107") !=
        std::string::npos);
  CHECK(problem("node.data_dir = \"/" + std::string(107, 'x') + "\"").find("admin.socket") !=
        std::string::npos);
  CHECK(problem("admin.listen = \"127.0.0.1:1883\"\nlisteners.a.bind = \"127.0.0.1:1883\"")
            .find("[admin]") != std::string::npos);
  CHECK(problem("admin.socket = \"/x\"\nlisteners.a.bind = \"unix:/x\"").find("[admin]") !=
        std::string::npos);
}

TEST_CASE("a status is told in sentences, also of a broker that is not ready", "[app]") {
  const std::string text = status_text(R"({
    "version": "1.2.3", "node": "box", "pid": 7, "phase": "draining", "ready": false,
    "reasons": [{"code": "draining", "detail": "the broker stops"}],
    "started": "2026-01-02T03:04:05Z", "uptime_s": 93784, "config_files": [],
    "data_dir": "/srv", "durability": "sync",
    "listeners": [{"name": "a", "address": "127.0.0.1:1883", "transport": "tcp", "connections": 3},
                  {"name": "b", "address": "unix:/x", "transport": "unix", "connections": 0}],
    "store": null, "counts": null, "memory_resident_bytes": 10485760})");
  CHECK(text ==
        "Lineshaft 1.2.3, node box: not ready\n"
        "  because     the broker stops\n"
        "  phase       draining, 1 d 2 h since 2026-01-02T03:04:05Z, process 7\n"
        "  listening   a 127.0.0.1:1883, 3 connections\n"
        "              b unix:/x, 0 connections\n"
        "  data folder /srv, durability sync\n"
        "  memory      10.0 MiB\n");
  CHECK_THROWS(status_text("[]"));
  CHECK_THROWS(status_text("<html>"));
}
