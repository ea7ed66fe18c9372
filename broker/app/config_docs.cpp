#include "broker/app/config_docs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <vector>

#include "broker/app/config_error.h"
#include "broker/app/options.h"
#include "broker/app/policy_table.h"

namespace lineshaft::app {
namespace {

constexpr std::string_view example_head =
    R"(# Lineshaft: every option with its default. Printed by `lineshaft config-docs --example`.
# A line that begins with "#" and a name is an option: take the "#" away and change the value.
# How files, environment and command line come together: docs/configuration.md.
)";

constexpr std::string_view guide_head = R"(# Configuration

Printed by `lineshaft config-docs --markdown`; the file with every option and its default is
`docs/lineshaft.example.toml`. `lineshaft check-config FILE` says whether a file is right.

## Where it comes from

Later ones win, option by option:

1. The defaults below: without any configuration the broker listens on 127.0.0.1:1883 only.
2. One TOML file: `--config FILE`, else `$LINESHAFT_CONFIG`, else `/etc/lineshaft/lineshaft.toml`
   if it is there.
3. `conf.d/*.toml` in the folder of that file, in the order of their names.
4. The environment: `LINESHAFT_STORAGE__DURABILITY=async` sets `durability` in `[storage]`,
   `LINESHAFT_SHARDS=2` sets `shards`. A list is written with commas. Names without `__` that are
   no option are ignored, because orchestrators make such variables by themselves.
5. The command line of `serve`: `--data DIR` sets `node.data_dir`; `--listen ADDRESS` replaces all
   listeners and may be repeated.

Anything wrong in any of them is an error with file, line and column: all of them are reported,
nothing is changed and the broker does not start (exit status 78). Units are part of the names.

## Reload

`SIGHUP` reads and checks everything again. If anything is wrong, the running configuration stays
in force and the log says why (`event=reload_refused`). Options marked "restart" keep their value
until then; the log names those that wait (`event=reload_needs_restart`).

## A listener that other machines can reach

A `bind` beyond 127.0.0.0/8, ::1 and Unix sockets needs `authorization` at the top of the
configuration: "users" for users with passwords and rules, described in
[security.md](security.md), or "open": whoever reaches the listener may then do everything.

```toml
authorization = "users"

[users]
file = "/etc/lineshaft/users"
rules_file = "/etc/lineshaft/rules"

[listeners.plant]
bind = "0.0.0.0:1883"
```
)";

std::string_view kind_text(const OptionSpec& spec) {
  switch (spec.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return "number";
    case Kind::list:
      return "list of strings";
    case Kind::text:
    case Kind::choice:
      break;
  }
  return "string";
}

/// "1 to 64 MiB", "\"a\", \"b\"" or nothing.
std::string range_text(const OptionSpec& spec) {
  if (spec.kind == Kind::integer) {
    return fmt::format("{} to {}{}{}", spec.min, spec.max, spec.unit.empty() ? "" : " ", spec.unit);
  }
  std::vector<std::string> words;
  for (const std::string_view each : spec.choices) words.push_back(in_quotes(each));
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

/// Breaks `text` into lines of at most `width` characters, each with `prefix`.
std::string wrapped(std::string_view text, std::string_view prefix, std::size_t width) {
  std::string out, line;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    if (!line.empty() && prefix.size() + line.size() + 1 + word.size() > width) {
      out += fmt::format("{}{}\n", prefix, line);
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
  }
  if (!line.empty()) out += fmt::format("{}{}\n", prefix, line);
  return out;
}

std::string example_option(const OptionSpec& spec) {
  if (!spec.inherits.empty()) {
    return fmt::format("#{} = {}\n", last_part(spec.name), to_toml(default_value(spec)));
  }
  std::string comment(spec.help);
  if (const std::string range = range_text(spec); !range.empty()) comment += " (" + range + ")";
  const std::string value =
      spec.example.empty() ? to_toml(default_value(spec)) : std::string(spec.example);
  return fmt::format("\n{}#{} = {}\n", wrapped(comment, "# ", 98), last_part(spec.name), value);
}

/// "[pki]", "[zones.ot]", "[[conduits]]"; `instance` stands for the operator's name.
std::string header_of(const PolicySection& section, std::string_view instance) {
  switch (section.form) {
    case PolicyForm::named_tables:
      return fmt::format("[{}.{}]", section.name, instance);
    case PolicyForm::list:
      return fmt::format("[[{}]]", section.name);
    case PolicyForm::table:
      break;
  }
  return fmt::format("[{}]", section.name);
}

std::string default_text(const PolicyKey& key) {
  if (key.required) return "(must be stated)";
  return std::string(key.fallback);
}

std::string policy_example() {
  std::string out;
  for (const PolicySection& section : policy_sections()) {
    out += fmt::format("\n{}#{}\n", wrapped(section.help, "# ", 98),
                       header_of(section, section.instance));
    for (const PolicyKey& key : section.keys) {
      const std::string comment = fmt::format("{} ({})", key.help, key.type);
      out += fmt::format("\n{}#{} = {}\n", wrapped(comment, "# ", 98), key.name, key.example);
    }
  }
  return out;
}

constexpr std::string_view policy_guide = R"(
## Zones and conduits

What follows is the access policy of `authorization = "zones"`; [zones.md](zones.md) explains it.
It comes from the files only, not from environment or command line. Every file, also of `conf.d`,
may add tables and append to lists; saying the same thing twice is an error that names both
places. Names of files are relative to the folder of the file that states them. A key that is not
known here is an error. A reload takes all of it over, or nothing.
)";

std::string policy_tables() {
  std::string out(policy_guide);
  for (const PolicySection& section : policy_sections()) {
    out += fmt::format("\n### `{}`\n\n{}\n\n", header_of(section, "<name>"), section.help);
    out += "| key | type and range | default | meaning |\n| --- | --- | --- | --- |\n";
    for (const PolicyKey& key : section.keys) {
      out +=
          fmt::format("| `{}` | {} | {} | {} |\n", key.name, key.type, default_text(key), key.help);
    }
  }
  return out;
}

std::string default_text(const OptionSpec& spec) {
  if (spec.required) return "(must be stated)";
  if (!spec.inherits.empty()) return fmt::format("`{}`", spec.inherits);
  return "`" + to_toml(default_value(spec)) + "`";
}

}  // namespace

std::string example_config() {
  std::string out(example_head);
  for (const OptionSection& section : option_sections()) {
    if (!section.name.empty()) {
      std::string header(section.name);
      if (const auto star = header.find('*'); star != header.npos) header.replace(star, 1, "plant");
      out += fmt::format("\n{}#[{}]\n", wrapped(section.help, "# ", 98), header);
    }
    for (const OptionSpec& spec : section.options) out += example_option(spec);
  }
  return out + policy_example();
}

std::string configuration_guide() {
  std::string out(guide_head);
  for (const OptionSection& section : option_sections()) {
    if (section.name.empty()) {
      out += "\n## Options outside any table\n\n";
    } else {
      std::string header(section.name);
      if (const auto star = header.find('*'); star != header.npos)
        header.replace(star, 1, "<name>");
      out += fmt::format("\n## `[{}]`\n\n{}\n\n", header, section.help);
    }
    out += "| option | type and range | default | takes effect | meaning |\n";
    out += "| --- | --- | --- | --- | --- |\n";
    for (const OptionSpec& spec : section.options) {
      const std::string range = range_text(spec);
      out += fmt::format("| `{}` | {}{}{} | {} | {} | {} |\n", last_part(spec.name),
                         kind_text(spec), range.empty() ? "" : ": ", range, default_text(spec),
                         spec.takes == Takes::reload ? "reload" : "restart", spec.help);
    }
  }
  return out + policy_tables();
}

}  // namespace lineshaft::app
