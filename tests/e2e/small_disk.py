"""A file system of a few megabytes that a test can fill."""

import contextlib
import os
import subprocess
import sys


def enter_own_namespace():
    """Without the right to mount, tries to get it for this process alone: the script starts again
    in a namespace of its own. Call it first."""
    if os.geteuid() == 0 or "LINESHAFT_OWN_NAMESPACE" in os.environ:
        return
    probe = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    if probe.returncode == 0:
        os.environ["LINESHAFT_OWN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "-rm", sys.executable, "-B", *sys.argv])


class SmallDisk:
    def __init__(self, folder):
        self.folder = folder
        self.filler = os.path.join(folder, "filler")

    def free_bytes(self):
        space = os.statvfs(self.folder)
        return space.f_bavail * space.f_frsize

    def fill(self, leave=0):
        """Takes the space away but for `leave` bytes."""
        size = self.free_bytes() - leave
        with open(self.filler, "ab") as file:
            os.posix_fallocate(file.fileno(), os.path.getsize(self.filler), max(size, 1))

    def release(self):
        os.remove(self.filler)


@contextlib.contextmanager
def small_disk(folder, size_mb):
    """Yields None where mounting is not permitted."""
    os.makedirs(folder)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", folder],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
