#include "broker/app/options.h"

#include "broker/app/option_table.h"

namespace lineshaft::app {

std::span<const OptionSection> option_sections() {
  static const OptionSection sections[] = {
      {"", "", top_options()},
      {"node", "This broker.", node_options()},
      {"listeners.*",
       "One table per listener; the name is yours (a-z, 0-9, \"-\", \"_\"). Without any, the "
       "broker listens on 127.0.0.1:1883.",
       listener_options()},
      {"listeners.*.tls",
       "TLS of one listener: docs/security.md. Files are read again with SIGHUP and when they "
       "change, without closing a connection.",
       listener_tls_options()},
      {"listeners.*.limits",
       "What one client of this listener may do, where it differs from the general option of the "
       "same name.",
       listener_limit_options()},
      {"users", "With authorization = \"users\": who they are. Both files must be named.",
       users_options()},
      {"net", "Connections, whatever they speak.", net_options()},
      {"mqtt", "What one client may do.", mqtt_options()},
      {"storage", "What survives, and how.", storage_options()},
      {"memory", "What the broker may use before it sheds load.", memory_options()},
      {"sparkplug", "Sparkplug B 3.0: docs/sparkplug.md says what the broker knows of edge nodes.",
       sparkplug_options()},
      {"audit",
       "What happened, for those who must be able to prove it: docs/security.md. `lineshaft audit` "
       "reads and checks it.",
       audit_options()},
      {"log", "Log lines go to standard error.", log_options()},
      {"log.rooms", "Levels of single parts of the broker.", log_room_options()},
      {"admin",
       "HTTP for probes, Prometheus and the command line; docs/operations.md says what there is.",
       admin_options()},
      {"sys", "The broker's own topics below $SYS.", sys_options()},
  };
  return sections;
}

}  // namespace lineshaft::app
