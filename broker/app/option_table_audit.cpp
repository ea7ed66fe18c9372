#include "broker/app/option_table.h"
#include "broker/base/limits.h"

namespace lineshaft::app {
namespace {

constexpr std::string_view syncs[] = {"always", "checkpoint", "never"};

constexpr OptionSpec audit_table[] = {
    {.name = "audit.enabled",
     .kind = Kind::boolean,
     .number = 1,
     .takes = Takes::restart,
     .help = "Keep an audit log: logins, what was denied, reloads and what operators did, as a "
             "chain of records that shows when somebody has changed it.",
     .set = [](Options& o, std::string_view, const Value& v) { assign(o.audit.enabled, v); }},
    {.name = "audit.folder",
     .kind = Kind::text,
     .example = "\"/var/log/lineshaft/audit\"",
     .takes = Takes::restart,
     .help = "Where its files are. Empty: audit in the data folder. A disk of its own keeps a "
             "flood of records away from the messages.",
     .set = [](Options& o, std::string_view, const Value& v) { o.audit.log.folder = text(v); }},
    {.name = "audit.key_file",
     .kind = Kind::text,
     .example = "\"/etc/lineshaft/audit-key.pem\"",
     .takes = Takes::restart,
     .help = "Private Ed25519 key that signs the checkpoints; made if it is not there. Empty: "
             "audit-key.pem in the data folder. `lineshaft audit key` prints the public key, which "
             "belongs where an intruder of this machine cannot reach it.",
     .set = [](Options& o, std::string_view, const Value& v) { o.audit.log.key_file = text(v); }},
    {.name = "audit.file_size_mb",
     .unit = "MiB",
     .min = 1,
     .max = 1024,
     .number = limits::audit_file_size_bytes_max / 1024 / 1024,
     .takes = Takes::restart,
     .help = "From this size on another file begins.",
     .set =
         [](Options& o, std::string_view, const Value& v) {
           o.audit.log.file_size_bytes_max = static_cast<std::uint64_t>(number(v)) * 1024 * 1024;
         }},
    {.name = "audit.file_age_h",
     .unit = "h",
     .min = 1,
     .max = 8760,
     .number = limits::audit_file_age_max.count() / 3'600'000,
     .takes = Takes::restart,
     .help = "From this age on another file begins with the next record.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.audit.log.file_age_max = Milliseconds{number(v) * 3'600'000}; }},
    {.name = "audit.keep",
     .unit = "files",
     .min = 1,
     .max = 100'000,
     .number = limits::audit_files_max,
     .takes = Takes::restart,
     .help = "Files that are kept. The oldest is deleted, which is a record of the log.",
     .set = [](Options& o, std::string_view, const Value& v) { assign(o.audit.log.files_max, v); }},
    {.name = "audit.sync",
     .kind = Kind::choice,
     .text = "checkpoint",
     .choices = syncs,
     .takes = Takes::restart,
     .help = "When records must be on the disk: \"always\" after each write, \"checkpoint\" at "
             "least every 10 s, \"never\" when the system likes. What a power cut takes, the next "
             "start finds and tells.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.audit.log.sync = chosen<auth::AuditSync>(syncs, v); }},
};

}  // namespace

std::span<const OptionSpec> audit_options() { return audit_table; }

}  // namespace lineshaft::app
