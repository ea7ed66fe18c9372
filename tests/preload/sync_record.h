#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <system_error>

/// Reads what the preloaded sync_shim recorded and makes a folder look as after a power loss.
namespace lineshaft::test {

/// Path of every file that was synced -> bytes that are on the disk for sure.
inline std::map<std::string, std::uintmax_t> read_sync_record(const std::string& record) {
  std::map<std::string, std::uintmax_t> synced;
  std::ifstream in(record);
  std::uintmax_t size = 0;
  std::string path;
  while (in >> size && in.ignore(1) && std::getline(in, path)) synced[path] = size;
  return synced;
}

/// Cuts the journal files (*.log) in `folder`, which was known as `recorded_as` when the syncs were
/// recorded, after their last synced byte and puts `junk` there. Returns the bytes cut off.
inline std::uintmax_t cut_unsynced_tail(const std::filesystem::path& folder,
                                        const std::string& recorded_as, const std::string& record,
                                        std::string_view junk = {}) {
  const auto synced = read_sync_record(record);
  std::uintmax_t cut = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".log") continue;
    const auto known = synced.find(recorded_as + "/" + entry.path().filename().string());
    const std::uintmax_t safe = known == synced.end() ? 0 : known->second;
    const std::uintmax_t size = entry.file_size();
    if (size > safe) {
      cut += size - safe;
      std::filesystem::resize_file(entry.path(), safe);
    }
    if (!junk.empty()) std::ofstream(entry.path(), std::ios::binary | std::ios::app) << junk;
  }
  return cut;
}

}  // namespace lineshaft::test
