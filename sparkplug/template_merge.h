#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lineshaft::sparkplug {

/// Appends the template instance `before` with the members that `data` brings; both are messages a
/// PayloadReader has checked. Members are found by name (by alias when they have none); what the
/// birth said of a member and data leave out (datatype, properties) stays; members the instance
/// does not have are left out, so that it does not grow. Templates within it likewise. A member of
/// the data is used once: of several members of the instance with one name the first gets it and
/// the others go. What comes out is therefore never longer than both together.
///
/// False: `out` would get longer than `bytes_max`; what it holds then is of no use.
///
/// Spec: tck-id-payloads-template-instance-members-data.
bool append_merged_template(std::string& out, std::string_view before, std::string_view data,
                            std::size_t bytes_max);

}  // namespace lineshaft::sparkplug
