#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lineshaft::auth {

/// Where something stands in the operator's file.
struct Position {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// From a JSON pointer of the policy document ("/conduits/2/topics/0") to the file it was made of.
class Positions {
 public:
  void set(std::string pointer, Position position) {
    positions_.insert_or_assign(std::move(pointer), std::move(position));
  }

  /// The position of `pointer`, or of the nearest thing around it that has one; else nullptr.
  const Position* find(std::string_view pointer) const;

  /// "FILE:LINE:COLUMN", or empty.
  std::string text(std::string_view pointer) const;

 private:
  std::map<std::string, Position, std::less<>> positions_;
};

/// Something the compiler has to say about a document.
struct Diagnostic {
  /// An error keeps the policy from being used; a lint does not.
  enum class Severity : std::uint8_t { error, lint };

  Severity severity = Severity::error;
  /// Of the value or key it is about.
  std::string pointer;
  /// "FILE:LINE:COLUMN"; empty when the document came without positions.
  std::string at;
  /// What is wrong, and what to do about it.
  std::string message;
  std::string advice;
};

/// "FILE:LINE:COLUMN (/conduits/2/from): MESSAGE; ADVICE".
std::string to_string(const Diagnostic& diagnostic);

}  // namespace lineshaft::auth
