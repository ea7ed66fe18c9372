#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"
#include "storage/keys.h"

namespace lineshaft::storage {

/// Collects records that could not be restored and moves them out of the store.
///
/// The file repeats: column family, key, value, each as a varint length and bytes. A record leaves
/// the store only when the file is on disk.
class SetAside {
 public:
  SetAside(Database& database, WallTime wall);

  void add(Family family, std::string_view key, std::string_view value, std::string_view why);
  /// Writes what is left. Called once, at the end.
  void finish();

  std::size_t size() const { return size_; }
  /// Empty while there is nothing in it.
  const std::string& file() const { return file_; }

 private:
  void flush();

  struct Key {
    Family family;
    std::string key;
  };

  Database& database_;
  std::string path_;
  std::string file_;
  std::string buffer_;
  std::vector<Key> keys_;
  std::size_t size_ = 0;
  bool broken_ = false;
};

/// Bytes of a key as an operator can read and search them: printable ASCII as it is, the rest %NN.
std::string printable(std::string_view key);

}  // namespace lineshaft::storage
