#pragma once

#include <string>
#include <string_view>

namespace lineshaft::sparkplug {

/// Appends the template instance `before` with the members that `data` brings; both are messages a
/// PayloadReader has checked. Members are found by name (by alias when they have none); what the
/// birth said of a member and data leave out (datatype, properties) stays; members the instance
/// does not have are left out, so that it does not grow. Templates within it likewise.
///
/// Spec: tck-id-payloads-template-instance-members-data.
void append_merged_template(std::string& out, std::string_view before, std::string_view data);

}  // namespace lineshaft::sparkplug
