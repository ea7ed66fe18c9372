#pragma once

#include <string>

namespace lineshaft::app {

/// On standard output, as it is.
void say(const std::string& text);
/// A sentence on standard error, behind the program's name.
void complain(const std::string& sentence);

}  // namespace lineshaft::app
