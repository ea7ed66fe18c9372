#pragma once

#include <string>

namespace lineshaft::auth {

/// Values come from certificates, clients and topics: nothing of them reaches a terminal as a
/// command, or ends a line.
inline std::string printable(std::string text) {
  for (char& each : text) {
    if (static_cast<unsigned char>(each) < 0x20 || each == 0x7F) each = '?';
  }
  return text;
}

}  // namespace lineshaft::auth
