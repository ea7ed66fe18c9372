"""`lineshaft cert`: what it makes stands up to openssl's strict rules and to the broker."""

import json
import os
import shutil
import ssl
import subprocess
import tempfile

from broker import BINARY, Broker, run_tests
from first_steps_test import client, messages, run, subscriber
from pki import openssl
from tls_test import refused

MUTUAL = """
[listeners.plant]
bind = "127.0.0.1:{port}"
[listeners.plant.tls]
cert_file = "{folder}/pki/server.crt"
key_file = "{folder}/pki/server.key"
client_certificate = "require"
ca_file = "{folder}/pki/trust.pem"
crl_file = "{folder}/pki/crl.pem"
"""


def cert(*arguments, code=0):
    """The verb; returns what it prints."""
    done = subprocess.run([BINARY, "cert", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, f"cert {arguments}: {done.returncode} {done.stderr}"
    assert code == 0 or done.stderr.startswith("lineshaft: "), done.stderr
    return done.stdout


def verifies(folder, certificate, purpose="sslclient"):
    """What the command the documents name says with the strict rules and all lists."""
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-crl_check_all", "-auth_level", "2", "-purpose",
         purpose, "-CAfile", f"{folder}/trust.pem", "-CRLfile", f"{folder}/crl.pem",
         f"{folder}/{certificate}"], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stderr


def in_folder(function):
    folder = tempfile.mkdtemp(prefix="lineshaft-cert-")
    try:
        function(os.path.join(folder, "pki"))
    finally:
        shutil.rmtree(folder)


def test_openssl_accepts_what_was_issued_and_not_what_was_revoked():
    def check(pki):
        printed = cert("init", pki, "--zones", "ot,it", "--host", "localhost,127.0.0.1")
        assert f'"{pki}/ot.crt" = ["ot"]' in printed, printed
        for key_type in ("p256", "p384", "rsa3072"):
            cert("issue", pki, "--zone", "ot", "--role", "edge", key_type, "--key-type", key_type)
            assert verifies(pki, f"ot/{key_type}.crt") == (True, "")
            assert os.stat(f"{pki}/ot/{key_type}.key").st_mode & 0o777 == 0o600
        assert verifies(pki, "server.crt", "sslserver") == (True, "")
        said = openssl("x509", "-in", f"{pki}/ot/p256.crt", "-noout", "-ext",
                       "subjectAltName,extendedKeyUsage,keyUsage,basicConstraints")
        for part in ("URI:spiffe://plant1/zone/ot/role/edge/p256", "TLS Web Client Authentication",
                     "Key Usage: critical", "Basic Constraints: critical"):
            assert part in said, said
        cert("revoke", pki, "p256")
        assert "certificate revoked" in verifies(pki, "ot/p256.crt")[1]
        assert verifies(pki, "ot/p384.crt")[0]
        states = {one["name"]: one["state"]
                  for one in json.loads(cert("list", pki, "--json"))["certificates"]}
        assert states == {"p256": "revoked", "p384": "valid", "rsa3072": "valid"}, states
        cert("init", pki, "--zones", "ot", code=64)
        cert("issue", pki, "--zone", "ot", "--role", "edge", "p384", code=64)
        cert("issue", pki, "--zone", "ot", "--role", "edge", "../up", code=64)
        cert("init", f"{pki}/none/here", "--zones", "ot", code=73)
    in_folder(check)


def test_a_device_that_keeps_its_key_shows_a_request():
    def check(pki):
        cert("init", pki, "--zones", "ot")
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                f"{pki}/tpm.key")
        openssl("req", "-new", "-key", f"{pki}/tpm.key", "-subj", "/CN=ignored", "-out",
                f"{pki}/tpm.csr")
        cert("issue", pki, "--zone", "ot", "--role", "edge", "press-7", "--request",
             f"{pki}/tpm.csr")
        assert verifies(pki, "ot/press-7.crt") == (True, "")
        assert not os.path.exists(f"{pki}/ot/press-7.key")
        assert "ignored" not in openssl("x509", "-in", f"{pki}/ot/press-7.crt", "-noout",
                                        "-subject")
    in_folder(check)


def test_clients_of_two_zones_connect_until_they_are_revoked():
    broker = Broker(MUTUAL)
    pki = os.path.join(broker.folder, "pki")
    cert("init", pki, "--zones", "ot,it", "--host", "localhost")
    options = {}
    for zone, name in (("ot", "press-7"), ("it", "anna")):
        cert("issue", pki, "--zone", zone, "--role", "edge", name)
        options[name] = ["-h", "localhost", "--cafile", f"{pki}/root.crt", "--cert",
                         f"{pki}/{zone}/{name}.crt", "--key", f"{pki}/{zone}/{name}.key"]
    with broker:
        publish = client(broker, "mosquitto_pub", "-t", "tls/a", "-q", "1", "-m", "x")
        live = subscriber(broker, *options["anna"], "-t", "tls/#", "-C", "1", "-v")
        run([*publish, *options["press-7"]])
        assert messages(live) == ["tls/a x"]
        cert("revoke", pki, "press-7")
        broker.wait_for("tls_reloaded")  # it has looked by itself
        refused([*publish, *options["press-7"]])
        run([*publish, *options["anna"]])

        # A new certificate for the broker, for another name, with the same key.
        cert("server", pki, "--host", "127.0.0.1")
        broker.wait_for("tls_reloaded")
        shown = ssl.get_server_certificate(("127.0.0.1", broker.port))
        with open(f"{pki}/server.crt", encoding="ascii") as file:
            assert shown.strip() == file.read().strip()


if __name__ == "__main__":
    run_tests(globals())
