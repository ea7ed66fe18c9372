#include "sparkplug/findings.h"

#include <bit>

namespace lineshaft::sparkplug {
namespace {

struct FindingWords {
  std::string_view name;
  std::string_view id;
  std::string_view text;
};

constexpr std::array<FindingWords, findings_size> finding_words = {{
#define LINESHAFT_WORDS(name, id, text) {#name, id, text},
    LINESHAFT_SPARKPLUG_FINDINGS(LINESHAFT_WORDS)
#undef LINESHAFT_WORDS
}};

const FindingWords& words_of(Finding finding) {
  return finding_words[static_cast<std::size_t>(finding)];
}

/// Cut between characters.
std::string_view cut(std::string_view text) {
  if (text.size() <= Findings::example_bytes_max) return text;
  std::size_t size = Findings::example_bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

std::string_view finding_name(Finding finding) { return words_of(finding).name; }

std::string finding_id(Finding finding) {
  const std::string_view id = words_of(finding).id;
  return id.empty() ? std::string() : "tck-id-" + std::string(id);
}

std::string_view finding_text(Finding finding) { return words_of(finding).text; }

void Findings::note(Finding finding, WallTime at, std::string_view example) {
  if (entries_ == nullptr) entries_ = std::make_unique<std::array<Entry, findings_size>>();
  Entry& entry = (*entries_)[static_cast<std::size_t>(finding)];
  if (entry.count++ == 0) {
    entry.first = at;
    entry.example = cut(example);
  }
  entry.last = at;
}

void Findings::note_bits(FindingMask mask, WallTime at) {
  for (; mask != 0; mask &= mask - 1) note(static_cast<Finding>(std::countr_zero(mask)), at);
}

const Findings::Entry* Findings::find(Finding finding) const {
  if (entries_ == nullptr) return nullptr;
  const Entry& entry = (*entries_)[static_cast<std::size_t>(finding)];
  return entry.count == 0 ? nullptr : &entry;
}

}  // namespace lineshaft::sparkplug
