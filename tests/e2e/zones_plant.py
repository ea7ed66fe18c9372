"""A plant with two zones for tests: a broker, its certificate authority and clients."""

import os
import subprocess

from broker import BINARY, PATIENCE_S, Broker, free_port
from first_steps_test import subscriber

POLICY = """
[listeners.web]
bind = "127.0.0.1:{web}"
transport = "ws"
zones = ["ot", "it"]
[listeners.web.tls]
cert_file = "{folder}/pki/server.crt"
key_file = "{folder}/pki/server.key"
client_certificate = "require"
[zones.ot]
sl_t = 3
owns = ["plant1/ot/#"]
[zones.it]
sl_t = 2
owns = ["plant1/it/#"]
[roles.edge]
publish = ["plant1/ot/#"]
subscribe = ["plant1/ot/#"]
[roles.reader]
subscribe = ["plant1/#"]
"""
CONDUIT = """
[[conduits]]
from = "ot"
to = "it"
topics = ["plant1/ot/kpi/#"]
via = "subscribe"
"""
VERSIONS = ("mqttv311", "mqttv5")


def lineshaft(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)


class Plant:
    """Two zones with a client each: press-1 in ot, ana in it."""

    def __init__(self, conduits=CONDUIT):
        self.broker = Broker("")
        self.pki = os.path.join(self.broker.folder, "pki")
        self.web = free_port()
        made = lineshaft("cert", "init", self.pki, "--zones", "ot,it")
        assert made.returncode == 0, made.stderr
        self.head = made.stdout.replace("0.0.0.0:8883", "127.0.0.1:{port}")
        for zone, role, name in (("ot", "edge", "press-1"), ("it", "reader", "ana")):
            done = lineshaft("cert", "issue", self.pki, name, "--zone", zone, "--role", role)
            assert done.returncode == 0, done.stderr
        self.write(conduits)

    def write(self, conduits):
        policy = POLICY.replace("{web}", str(self.web))
        self.broker.write_config(self.head + policy + conduits)

    def reload(self):
        return lineshaft("reload", "--socket", os.path.join(self.broker.data, "admin.sock"))

    def files(self, name):
        folder = "ot" if name == "press-1" else "it"
        return [os.path.join(self.pki, folder, f"{name}.{kind}") for kind in ("crt", "key")]

    def options(self, name, version):
        cert, key = self.files(name)
        return ["-h", "localhost", "--cafile", os.path.join(self.pki, "trust.pem"), "--cert", cert,
                "--key", key, "-V", version]

    def publish(self, name, version, topic, payload):
        done = subprocess.run(
            ["mosquitto_pub", "-p", str(self.broker.port), *self.options(name, version), "-i",
             f"{name}-pub", "-q", "1", "-t", topic, "-m", payload],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return done.returncode, done.stderr

    def subscriber(self, name, version, topic, *more):
        return subscriber(self.broker, *self.options(name, version), "-i", f"{name}-sub", "-v",
                          "-t", topic, *more)

    def __enter__(self):
        self.broker.start()
        return self

    def __exit__(self, *arguments):
        self.broker.__exit__(*arguments)
