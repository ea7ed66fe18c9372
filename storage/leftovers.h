#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/ids.h"
#include "storage/database.h"
#include "storage/keys.h"

namespace rocksdb {
class WriteBatch;
}

namespace lineshaft::storage {

/// What a restore has left out and what has to leave the store for that reason. Collected while it
/// reads and cleared out when the start can no longer fail: until then nothing changes on disk.
///
/// Records that cannot be restored are moved to a file, which repeats: column family, key, value,
/// each as a varint length and bytes. A record leaves the store only when the file is on disk.
class Leftovers {
 public:
  Leftovers(Database& database, WallTime wall);

  void erase(Family family, std::string_view key);
  /// The session and everything that hangs on it.
  void erase_session(std::string_view client_id, core::SessionId sid);
  void set_aside(Family family, std::string_view key, std::string_view why);

  std::size_t set_aside_size() const { return aside_.size(); }
  /// Where they go; empty without any.
  std::string set_aside_file() const { return aside_.empty() ? std::string() : path_; }

  /// Moves and deletes, once, before the journal writes. If the disk refuses, the next start finds
  /// the same again.
  void clear_out();

 private:
  struct Key {
    Family family;
    std::string key;
  };
  struct EndedSession {
    std::string client_id;
    core::SessionId sid;
  };

  void clear_erased();
  void clear_ended();
  void move_aside();
  bool append_to_file(std::string_view bytes);
  void write(rocksdb::WriteBatch& batch, bool sync);

  Database& database_;
  std::string path_;
  std::vector<Key> erased_;
  std::vector<EndedSession> ended_;
  std::vector<Key> aside_;
};

/// Bytes of a key as an operator can read and search them: printable ASCII as it is, the rest %NN.
std::string printable(std::string_view key);

}  // namespace lineshaft::storage
