#include "broker/app/config_error.h"

#include <utility>

#include "broker/base/json_text.h"

namespace lineshaft::app {
namespace {

std::string describe_all(const std::vector<ConfigProblem>& problems) {
  std::string text;
  for (const ConfigProblem& problem : problems) text += describe(problem);
  return text;
}

}  // namespace

ConfigError::ConfigError(std::vector<ConfigProblem> problems)
    : std::runtime_error(describe_all(problems)), problems_(std::move(problems)) {}

std::string describe(const ConfigProblem& problem) {
  std::string text = "config error: ";
  if (!problem.where.empty()) text += problem.where + ": ";
  text += problem.what + "\n";
  if (!problem.remedy.empty()) text += "  " + problem.remedy + "\n";
  return text;
}

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace lineshaft::app
