#include "broker/app/terminal.h"

#include <cstdio>

namespace lineshaft::app {

void say(const std::string& text) { std::fputs(text.c_str(), stdout); }

void complain(const std::string& sentence) {
  std::fputs(("lineshaft: " + sentence + "\n").c_str(), stderr);
}

}  // namespace lineshaft::app
