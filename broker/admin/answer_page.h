#pragma once

#include <string_view>

#include "broker/admin/http_message.h"
#include "broker/core/request.h"

namespace lineshaft::admin {

/// What the core's answer is to who asked over HTTP: its JSON, or 422 with why it was refused, or
/// 409 with `missing`: nobody is there who could know.
HttpResponse answer_page(const core::RequestAnswer& answer, std::string_view missing);

}  // namespace lineshaft::admin
