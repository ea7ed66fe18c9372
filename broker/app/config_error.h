#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace lineshaft::app {

/// One thing the operator has to change.
struct ConfigProblem {
  /// "lineshaft.toml:14:3", "environment variable LINESHAFT_SHARDS", "--listen"; may be empty.
  std::string where;
  /// What is wrong, without a full stop.
  std::string what;
  /// What to do about it: a sentence; may be empty.
  std::string remedy;
};

/// The operator's fault, with everything that is wrong: thrown at start and reload only. The
/// configuration that runs stays untouched.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<ConfigProblem> problems);

  const std::vector<ConfigProblem>& problems() const { return problems_; }

 private:
  std::vector<ConfigProblem> problems_;
};

/// "config error: WHERE: WHAT" and, on a line of its own, the remedy; each with a newline.
std::string describe(const ConfigProblem& problem);

/// `text` in quotes, with everything escaped that could forge a line or a terminal command.
std::string in_quotes(std::string_view text);

}  // namespace lineshaft::app
