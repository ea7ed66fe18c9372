"""Certificates for tests, made with the `openssl` command: one CA in a folder of its own."""

import os
import subprocess


def openssl(*arguments, stdin=None):
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, f"openssl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


class Pki:
    """EC P-256 throughout. Files: `ca.crt`, and NAME.crt and NAME.key of what it issues."""

    def __init__(self, folder, name="Test CA"):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.ca, self.ca_key = self.path("ca.crt"), self.path("ca.key")
        self.crl = self.path("ca.crl")
        self._new_key(self.ca_key)
        openssl("req", "-x509", "-key", self.ca_key, "-out", self.ca, "-days", "3650",
                "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        with open(self.path("openssl.cnf"), "w", encoding="ascii") as file:
            file.write("[ca]\ndefault_ca=own\n[own]\ndatabase=" + self.path("index.txt") +
                       "\ndefault_md=sha256\ndefault_crl_days=30\ncrl_extensions=list\n"
                       "[list]\nauthorityKeyIdentifier=keyid:always\n")
        with open(self.path("index.txt"), "w", encoding="ascii"):
            pass
        self.revoke()

    def path(self, name):
        return os.path.join(self.folder, name)

    def _new_key(self, path):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
        os.chmod(path, 0o600)

    def issue(self, name, days=365):
        """Returns the certificate's and the key's path; for localhost and as a client."""
        key, certificate = self.path(f"{name}.key"), self.path(f"{name}.crt")
        self._new_key(key)
        request = openssl("req", "-new", "-key", key, "-subj", f"/CN={name}")
        extensions = self.path(f"{name}.ext")
        with open(extensions, "w", encoding="ascii") as file:
            file.write("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                       "extendedKeyUsage=serverAuth,clientAuth\nsubjectKeyIdentifier=hash\n"
                       "authorityKeyIdentifier=keyid\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n")
        fresh = certificate + ".new"
        openssl("x509", "-req", "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial",
                "-days", str(days), "-extfile", extensions, "-out", fresh, stdin=request)
        os.rename(fresh, certificate)
        return certificate, key

    def revoke(self, *certificates):
        """Writes the revocation list, with these added."""
        common = ["ca", "-config", self.path("openssl.cnf"), "-cert", self.ca,
                  "-keyfile", self.ca_key]
        for certificate in certificates:
            openssl(*common, "-revoke", certificate)
        openssl(*common, "-gencrl", "-out", self.crl + ".new")
        os.rename(self.crl + ".new", self.crl)
