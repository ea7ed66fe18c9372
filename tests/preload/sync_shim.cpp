// LD_PRELOAD: stands between a program and fsync()/fdatasync(), to imitate what a power loss, a
// dying disk and a slow one do.
//
//   LINESHAFT_SYNC_RECORD=FILE   after every successful sync appends "<size> <path>\n": the bytes
//   of
//                                that file that are on the disk now. A test cuts the rest off.
//   LINESHAFT_SYNC_CONTROL=FILE  read at every sync, if it exists:
//                                  "eio N"    this sync and the N-1 next ones fail with EIO (the
//                                  file
//                                             counts down); "eio" alone: until the file is gone
//                                  "delay N"  every sync takes N microseconds longer
//   LINESHAFT_SYNC_MATCH=TEXT    both concern only files whose path contains TEXT (default ".log")
//
// Nothing here throws or allocates much: it runs inside the journal thread of the broker under
// test.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

using SyncFunction = int (*)(int);

SyncFunction real(const char* name) {
  return reinterpret_cast<SyncFunction>(::dlsym(RTLD_NEXT, name));
}

bool path_of(int descriptor, char (&path)[PATH_MAX]) {
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  if (size < 0) return false;
  path[size] = '\0';
  const char* match = std::getenv("LINESHAFT_SYNC_MATCH");
  return std::strstr(path, match != nullptr ? match : ".log") != nullptr;
}

void write_control(const char* file, int left) {
  if (left <= 0) {
    ::unlink(file);
    return;
  }
  char text[32];
  const int size = std::snprintf(text, sizeof text, "eio %d", left);
  const int descriptor = ::open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (descriptor < 0) return;
  if (::write(descriptor, text, static_cast<std::size_t>(size)) != size) ::unlink(file);
  ::close(descriptor);
}

/// Does what the control file says; true if the sync is to fail.
bool misbehave() {
  const char* file = std::getenv("LINESHAFT_SYNC_CONTROL");
  if (file == nullptr) return false;
  const int descriptor = ::open(file, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  char text[64] = {};
  const ssize_t size = ::read(descriptor, text, sizeof text - 1);
  ::close(descriptor);
  if (size <= 0) return false;
  int number = 0;
  if (std::sscanf(text, "delay %d", &number) == 1) {
    ::usleep(static_cast<useconds_t>(number));
    return false;
  }
  if (std::strncmp(text, "eio", 3) != 0) return false;
  if (std::sscanf(text, "eio %d", &number) == 1) write_control(file, number - 1);
  return true;
}

void record(const char* path, off_t size) {
  const char* file = std::getenv("LINESHAFT_SYNC_RECORD");
  if (file == nullptr) return;
  const int descriptor = ::open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) return;
  char line[PATH_MAX + 32];
  const int length =
      std::snprintf(line, sizeof line, "%lld %s\n", static_cast<long long>(size), path);
  // One write: lines of several threads do not mix. A lost line only makes the cut longer.
  const ssize_t written = ::write(descriptor, line, static_cast<std::size_t>(length));
  (void)written;
  ::close(descriptor);
}

int sync_with(SyncFunction function, int descriptor) {
  char path[PATH_MAX];
  if (!path_of(descriptor, path)) return function(descriptor);
  // The size before: what is appended meanwhile by another thread is not promised.
  struct stat before {};
  const bool known = ::fstat(descriptor, &before) == 0;
  if (misbehave()) {
    errno = EIO;
    return -1;
  }
  const int result = function(descriptor);
  const int error = errno;
  if (result == 0 && known) record(path, before.st_size);
  errno = error;
  return result;
}

}  // namespace

extern "C" int fsync(int descriptor) {
  static const SyncFunction function = real("fsync");
  return sync_with(function, descriptor);
}

extern "C" int fdatasync(int descriptor) {
  static const SyncFunction function = real("fdatasync");
  return sync_with(function, descriptor);
}
