"""Unpacks MQTT.js and what it needs into a folder: fetch.py FOLDER

Debian's MQTT.js is years old, and Debian's npm would be 300 packages for this. Versions and hashes
are those of package-lock.json, the registry is the one npm is or would be configured for."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LOCK = os.path.join(HERE, "package-lock.json")


def registry():
    """As npm says; without npm as Debian's node-registry-url does, which reads the same files."""
    asks = ["npm", "config", "get", "registry"]
    if not shutil.which("npm"):
        # A module that only `import` loads, and that does not look at NODE_PATH.
        asks = ["node", "-e", "import('/usr/share/nodejs/registry-url/index.js')"
                ".then((module) => console.log(module.default()))"]
    said = subprocess.run(asks, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    return said.stdout.strip().rstrip("/")


def wanted():
    """Place below the folder, name in the registry and entry of each package; what only a compiler
    of TypeScript reads is left out."""
    with open(LOCK, encoding="utf-8") as file:
        packages = json.load(file)["packages"]
    for place, package in packages.items():
        name = place.rpartition("node_modules/")[2]
        if name and "-types" not in name and "@types/" not in name:
            yield place, f"{name}/-/{name.rpartition('/')[2]}-{package['version']}.tgz", package


def unpack(archive, package, into):
    with open(archive, "rb") as file:
        digest = hashlib.sha512(file.read()).digest()
    if f"sha512-{base64.b64encode(digest).decode()}" != package["integrity"]:
        raise ValueError(f"{archive} is not what package-lock.json says")
    os.makedirs(into, exist_ok=True)
    subprocess.run(["tar", "-xzf", archive, "--strip-components=1", "--no-same-owner", "-C", into],
                   check=True)


def main(folder):
    base, new = registry(), f"{folder}.new"
    shutil.rmtree(new, ignore_errors=True)
    os.makedirs(new)
    archives = [os.path.join(new, f"{number}.tgz") for number, _ in enumerate(wanted())]
    downloads = [f'url = "{base}/{path}"\noutput = "{archive}"\n'
                 for archive, (_, path, _) in zip(archives, wanted())]
    # One connection for all: some proxies slow down who opens many.
    subprocess.run(["curl", "-fsL", "--no-progress-meter", "--parallel", "--fail-early", "--retry",
                    "2", "--max-time", "60", "--config", "-"],
                   input="".join(downloads), text=True, check=True)
    for archive, (place, _, package) in zip(archives, wanted()):
        unpack(archive, package, os.path.join(new, place))
        os.remove(archive)
    shutil.copy(LOCK, new)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(new, folder)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"MQTT.js cannot be fetched from the npm registry: {error}")
