#include "broker/app/option_table.h"

namespace lineshaft::app {
namespace {

constexpr std::string_view certificate_users[] = {"none", "cn"};

constexpr OptionSpec users_table[] = {
    {.name = "users.file",
     .kind = Kind::text,
     .example = "\"/etc/lineshaft/users\"",
     .help =
         "Users and their password hashes, a line each, as `lineshaft passwd` writes them. Only "
         "the broker's user, or root, may be able to read it. A reload (SIGHUP) reads it again.",
     .set = [](Options& o, std::string_view, const Value& v) { o.users.file = text(v); }},
    {.name = "users.rules_file",
     .kind = Kind::text,
     .example = "\"/etc/lineshaft/rules\"",
     .help =
         "What each user may publish and subscribe to; what no rule allows is refused. A reload "
         "(SIGHUP) reads it again. docs/security.md describes the form.",
     .set = [](Options& o, std::string_view, const Value& v) { o.users.rules_file = text(v); }},
    {.name = "users.anonymous",
     .kind = Kind::boolean,
     .help = "Let clients without a user name connect; they may do what the rules file says under "
             "\"anonymous\" and \"everybody\".",
     .set = [](Options& o, std::string_view, const Value& v) { assign(o.users.anonymous, v); }},
    {.name = "users.certificate_user",
     .kind = Kind::choice,
     .text = "none",
     .choices = certificate_users,
     .help =
         "\"cn\": a client that shows a valid certificate and sends no user name is the user of "
         "the users file that the certificate's common name (CN) says.",
     .set = [](Options& o, std::string_view,
               const Value& v) { o.users.certificate_user = text(v); }},
};

}  // namespace

std::span<const OptionSpec> users_options() { return users_table; }

}  // namespace lineshaft::app
