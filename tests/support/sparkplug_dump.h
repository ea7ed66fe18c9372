#pragma once

#include <string>
#include <string_view>

#include "sparkplug/payload.h"

namespace lineshaft::sparkplug {

/// Everything a payload says, one fact per line, as our reader understands it.
std::string dump(const PayloadView& payload);

/// The same text from the code Protocol Buffers makes of sparkplug/sparkplug_b.proto; empty when it
/// refuses the bytes.
std::string dump_by_protobuf(std::string_view bytes);

}  // namespace lineshaft::sparkplug
