#include "broker/app/ready_message.h"

#include "tests/support/catch.h"

using namespace lineshaft::app;

TEST_CASE("the commands to try need no options at the standard address", "[app]") {
  CHECK(subscribe_command({"127.0.0.1:1883"}) == "mosquitto_sub -t 'acme/#' -v");
  CHECK(subscribe_command({"0.0.0.0:1883", "[::1]:1884"}) == "mosquitto_sub -t 'acme/#' -v");
  CHECK(publish_command({"127.0.0.1:1883"}) ==
        "mosquitto_pub -t acme/berlin/press/line1/cell2/temp -m 21.5 -r -q 1");
}

TEST_CASE("the commands to try name another address as the client wants it", "[app]") {
  CHECK(subscribe_command({"127.0.0.1:1999"}) == "mosquitto_sub -p 1999 -t 'acme/#' -v");
  CHECK(subscribe_command({"[::]:1883"}) == "mosquitto_sub -h ::1 -t 'acme/#' -v");
  CHECK(subscribe_command({"192.168.1.5:1884"}) ==
        "mosquitto_sub -h 192.168.1.5 -p 1884 -t 'acme/#' -v");
  CHECK(subscribe_command({"unix:/run/m.sock"}) ==
        "mosquitto_sub --unix /run/m.sock -t 'acme/#' -v");
}

TEST_CASE("the ready message says where, what survives and what to type", "[app]") {
  CHECK(ready_message({"0.1.0", {"127.0.0.1:1883", "unix:/run/m"}, "/srv/data", true, 12, 3}) ==
        "Lineshaft 0.1.0 is ready.\n"
        "  listening on  127.0.0.1:1883, unix:/run/m\n"
        "  data folder   /srv/data (12 retained topics, 3 sessions)\n"
        "  durability    sync: what is acknowledged is on the disk\n"
        "Type next, in other shells:\n"
        "  mosquitto_sub -t 'acme/#' -v\n"
        "  mosquitto_pub -t acme/berlin/press/line1/cell2/temp -m 21.5 -r -q 1\n");
}
