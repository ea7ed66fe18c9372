"""HTTP to a broker's admin socket or loopback port, and a strict reader of Prometheus text."""

import http.client
import json
import os
import re
import socket
import subprocess

from broker import BINARY, PATIENCE_S


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = open_unix(self.path)


def open_unix(path):
    opened = socket.socket(socket.AF_UNIX)
    opened.settimeout(PATIENCE_S)
    opened.connect(path)
    return opened


class Answer:
    def __init__(self, response):
        self.status, self.body = response.status, response.read().decode()
        self.type = response.getheader("Content-Type")
        self.headers = response.headers

    def json(self):
        return json.loads(self.body)

    def codes(self):
        return [each["code"] for each in self.json()["reasons"]]


def socket_of(broker):
    return os.path.join(broker.data, "admin.sock")


def ask(where, target, method="GET", headers=None):
    """`where`: the path of a Unix socket or a port of 127.0.0.1."""
    if isinstance(where, str):
        connection = UnixConnection(where)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", where, timeout=PATIENCE_S)
    try:
        connection.request(method, target, headers=headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def run_verb(*arguments):
    """`lineshaft ARGUMENTS`: exit status, standard output, standard error."""
    done = subprocess.run([BINARY, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=PATIENCE_S, check=False)
    return done.returncode, done.stdout, done.stderr


NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})((?:\{{{LABEL}(?:,{LABEL})*\}})?) ([^ ]+)")


def read_metrics(text):
    """{"name{labels}": value} of a page in Prometheus text format 0.0.4; each family is announced
    once by HELP and TYPE, its samples follow at once, none occurs twice."""
    assert text.endswith("\n") and "\r" not in text
    samples, families, family, kind = {}, set(), None, None
    lines = iter(text[:-1].split("\n"))
    for line in lines:
        if line.startswith("# HELP "):
            family, help_text = re.fullmatch(rf"# HELP ({NAME}) (.+)", line).groups()
            assert family not in families and help_text.endswith("."), line
            families.add(family)
            kind = re.fullmatch(rf"# TYPE {family} (counter|gauge)", next(lines)).group(1)
            assert (kind == "counter") == family.endswith("_total"), line
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        assert name == family, f"{line}: belongs to no family before it"
        assert name + labels not in samples, f"{line}: twice"
        samples[name + labels] = float(value)
        assert kind == "gauge" or samples[name + labels] >= 0, line
    return samples
