#include "broker/admin/answer_page.h"

#include <nlohmann/json.hpp>
#include <string>

namespace lineshaft::admin {

HttpResponse answer_page(const core::RequestAnswer& answer, std::string_view missing) {
  switch (answer.state) {
    case core::RequestAnswer::State::done: {
      HttpResponse response;
      response.body = answer.body + "\n";
      return response;
    }
    case core::RequestAnswer::State::refused: {
      const auto why = nlohmann::json::parse(answer.body, nullptr, false);
      const bool says = why.is_object() && why.contains("error") && why["error"].is_string();
      return problem(422, says ? why["error"].get<std::string>() : "The broker refuses it.");
    }
    case core::RequestAnswer::State::unknown_verb:
      break;
  }
  return problem(409, std::string(missing));
}

}  // namespace lineshaft::admin
