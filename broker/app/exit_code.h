#pragma once

namespace lineshaft::app {

/// Exit statuses of the program, as in sysexits.h; docs/operations.md says what to do at each.
enum class ExitCode : int {
  ok = 0,
  denied = 3,          ///< `explain`, `why`: the policy says no; `report`: a zone has gaps
  usage = 64,          ///< also: a running broker refuses what its policy is asked
  data_error = 65,     ///< `audit verify`: the log is not what was written
  no_input = 66,       ///< `audit`: there is nothing to read
  unavailable = 69,    ///< an address a listener wants is in use
  internal = 70,       ///< our own fault
  os_error = 71,       ///< the system refuses a socket, a thread or memory
  cannot_create = 73,  ///< the store cannot be opened: locked, newer, damaged, no permission
  disk_failed = 75,    ///< the disk does not take writes any more; `status`: not ready
  no_permission = 77,  ///< an address a listener wants needs more rights
  config = 78,
};

}  // namespace lineshaft::app
