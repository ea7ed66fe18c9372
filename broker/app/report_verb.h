#pragma once

#include <string>
#include <vector>

#include "auth/security_report.h"
#include "broker/app/config_loader.h"
#include "broker/app/exit_code.h"
#include "broker/app/options.h"

namespace lineshaft::app {

/// What the report looks at, of a configuration whose policy is right.
auth::ReportFacts report_facts(const Options& options);

std::string report_text(const std::vector<auth::ZoneReport>& zones);
std::string report_json(const std::vector<auth::ZoneReport>& zones);

/// Throws `ConfigError` with the policy's errors.
void check_policy(const PolicyDocument& policy);

/// `lineshaft report`: `denied` when a zone has gaps.
ExitCode report(const ConfigSources& sources, bool json);

}  // namespace lineshaft::app
