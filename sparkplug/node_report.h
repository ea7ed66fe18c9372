#pragma once

#include <string>
#include <string_view>

#include "broker/core/request.h"
#include "sparkplug/edge_nodes.h"

/// What is known of edge nodes, as JSON for $SYS and for operators.
namespace lineshaft::sparkplug {

/// How much of an edge node is told.
enum class ReportDepth : std::uint8_t {
  state,     ///< what $SYS shows: state, sequence, counts, last causes
  findings,  ///< with its devices and the conformance report
};
std::string node_json(const EdgeNodes& nodes, NodeNumber number, ReportDepth depth);

/// Totals over all edge nodes.
std::string totals_json(const EdgeNodes& nodes);

/// What a request names: {"group", "node", "device"?}.
struct NodeQuery {
  std::string group;
  std::string node;
  std::string device;
};
/// Empty group and node: none named.
NodeQuery node_query(std::string_view body);

/// All edge nodes, those of a group, or one with all that is known of it.
core::RequestAnswer nodes_answer(const EdgeNodes& nodes, const NodeQuery& query);
/// The last values of an edge node or of a device.
core::RequestAnswer metrics_answer(const EdgeNodes& nodes, const NodeQuery& query);
core::RequestAnswer refusal(std::string_view why);

}  // namespace lineshaft::sparkplug
