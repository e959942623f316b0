#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The pages over HTTP, as curl and bad clients see them. argv: metrics_server."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from prometheus_client.openmetrics import parser as openmetrics

SERVER = sys.argv[1]


class Server:
    """metrics_server at an address; stopped on leaving, and then `log` is what it said."""

    def __init__(self, listen, *web):
        self.process = subprocess.Popen(
            [SERVER, "http", listen, *web], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.log = ""
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.process.stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.log = self.process.communicate(timeout=10)[1]
        assert self.process.returncode == 0, self.log

    def connect(self):
        host, port = re.fullmatch(r"http://(.*):(\d+)/", self.url).groups()
        return socket.create_connection((host.strip("[]"), int(port)))


def curl(url, *arguments):
    """Status, headers and body."""
    out = subprocess.run(
        ["curl", "-sSi", "--noproxy", "*", "--max-time", "5", "-H", "Expect:", *arguments, url],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    # curl shows carriage returns as they come; text mode makes them plain newlines.
    head, _, body = out.partition("\n\n")
    status, *lines = head.split("\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


def refused(listen, *words):
    """The server exits with one line that says these words."""
    done = subprocess.run([SERVER, "http", listen], capture_output=True, timeout=10, text=True)
    assert done.returncode == 1, (listen, done)
    for word in ("metrics.listen", listen, *words):
        assert word in done.stderr, (word, done.stderr)
    assert done.stderr.count("\n") == 1, done.stderr


def test_openmetrics():
    """To who asks as Prometheus does; another program's parser reads it, and the same samples."""
    asks = ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
            "Application/OpenMetrics-Text")
    with Server("127.0.0.1:0") as server:
        for ask in asks:
            status, headers, body = curl(server.url + "metrics", "-H", f"Accept: {ask}")
            assert status == 200 and body.endswith("\n# EOF\n")
            assert headers["content-type"] == \
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
        families = list(openmetrics.text_string_to_metric_families(body))
        assert len({family.name for family in families}) == len(families) > 80
        plain = curl(server.url + "metrics")[2]
        assert len(re.findall("(?m)^[a-z]", plain)) == sum(len(f.samples) for f in families)
        assert "# EOF" not in plain


def test_pages():
    with Server("127.0.0.1:0") as server:
        status, headers, body = curl(server.url + "metrics")
        assert status == 200
        assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert int(headers["content-length"]) == len(body.encode())
        assert "\nwiretag_ready 1\n" in body and body.endswith("\n")
        assert "\nwiretag_scrape_duration_seconds 0.000000000\n" in body
        body = curl(server.url + "metrics?name=x")[2]
        duration = re.search(r"\nwiretag_scrape_duration_seconds (\S+)\n", body).group(1)
        assert 0 < float(duration) < 1
        for path in ("-/healthy", "healthz"):
            assert curl(server.url + path)[0] == 200
        for path in ("-/ready", "readyz"):
            status, headers, body = curl(server.url + path)
            assert status == 200 and headers["content-type"] == "application/json"
            assert json.loads(body) == {"ready": True, "reasons": []}
        status, headers, body = curl(server.url)
        assert status == 200 and 'href="/metrics"' in body
        for path in ("nothing", "metrics/", "metricsx", "%2e", "../etc/passwd", "-/"):
            status, _, body = curl(server.url + path, "--path-as-is")
            assert status == 404 and len(body) < 100, path


def test_methods():
    with Server("127.0.0.1:0") as server:
        status, headers, body = curl(server.url + "metrics", "--head")
        assert status == 200 and int(headers["content-length"]) > 1000 and body == ""
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"):
            status, headers, _ = curl(server.url + "metrics", "-X", method)
            assert status == 405 and headers["allow"] == "get, head", method
        assert curl(server.url + "metrics", "-d", "x" * 1000)[0] == 405
        assert curl(server.url + "metrics", "-X", "GET", "-d", "x" * 100)[0] == 200


def test_readiness():
    with Server("127.0.0.1:0") as server:
        server.process.send_signal(signal.SIGUSR1)
        time.sleep(0.2)
        status, _, body = curl(server.url + "-/ready")
        assert status == 503
        assert json.loads(body) == {"ready": False, "reasons": ["port p1: no link"]}
        assert curl(server.url + "-/healthy")[0] == 200
        body = curl(server.url + "metrics")[2]
        assert "\nwiretag_ready 0\n" in body
        assert '\nwiretag_degraded{reason="port-down"} 1\n' in body


def test_many_at_once():
    with Server("127.0.0.1:0") as server, ThreadPoolExecutor(16) as pool:
        pages = list(pool.map(lambda _: curl(server.url + "metrics"), range(64)))
        assert all(status == 200 and "\nwiretag_ready 1\n" in body for status, _, body in pages)


def test_process():
    """What /proc tells from outside is what the page tells."""
    before = time.time()
    with Server("127.0.0.1:0") as server:
        body = curl(server.url + "metrics")[2]
        values = dict(re.findall(r"^(process_\w+) (\S+)$", body, re.MULTILINE))
        assert before - 1 < float(values["process_start_time_seconds"]) < time.time() + 1
        assert 0 < float(values["process_cpu_seconds_total"]) < 60
        folder = f"/proc/{server.process.pid}"
        # The connection of the scrape was open, and may be still.
        assert 0 <= int(values["process_open_fds"]) - len(os.listdir(folder + "/fd")) <= 1
        with open(folder + "/statm", encoding="ascii") as file:
            pages = [int(field) for field in file.read().split()]
        size = os.sysconf("SC_PAGESIZE")
        for name, count in zip(("virtual", "resident"), pages):
            ratio = int(values[f"process_{name}_memory_bytes"]) / (count * size)
            assert 0.9 < ratio < 1.1, (name, ratio)
        assert int(values["process_max_fds"]) > 0


def test_bad_clients():
    with Server("127.0.0.1:0") as server:
        silent = [server.connect() for _ in range(3)]
        silent[0].send(b"GET /metr")
        # One that asks and asks and reads nothing: the pages wait in its connection.
        lazy = server.connect()
        lazy.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        garbage = server.connect()
        garbage.send(bytes(range(256)) * 10)
        start = time.monotonic()
        assert curl(server.url + "metrics")[0] == 200
        assert time.monotonic() - start < 2
        # More silent ones than there are connections: they are given up, then there is room.
        crowd = [server.connect() for _ in range(12)]
        start = time.monotonic()
        while True:
            try:
                assert curl(server.url + "metrics")[0] == 200
                break
            except subprocess.CalledProcessError:
                assert time.monotonic() - start < 20
        silent[1].settimeout(10)
        assert silent[1].recv(1) == b""
        for client in (*silent, lazy, garbage, *crowd):
            client.close()


def test_addresses():
    with Server("127.0.0.1:0") as server:
        refused(re.sub("http://|/", "", server.url), "in use", "another address")
        assert curl(server.url)[0] == 200
    assert server.log == "", server.log
    try:
        socket.socket(socket.AF_INET6).bind(("::1", 0))
    except OSError:
        print("no IPv6 here")
    else:
        with Server("[::1]:0") as server:
            assert server.url.startswith("http://[::1]:")
            assert curl(server.url + "metrics")[0] == 200
        assert server.log == "", server.log
    with Server("0.0.0.0:0") as server:
        pass
    assert server.log.count("\n") == 1 and "no password" in server.log, server.log
    refused("192.0.2.1:1", "no interface")
    for bad in (
        "", "1.2.3.4", ":80", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "::1:80",
        "[127.0.0.1", "[]:80", "[:80", "example.org:80", "unix:", "x" * 300 + ":80",
    ):
        refused(bad, "ADDRESS:PORT")


def make_certificates(place):
    """A CA of our own, which signs for us and for a client; and another client, who signs himself."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=place, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    for name in ("ca", "stranger"):
        openssl("req", "-x509", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out",
                f"{name}.pem", "-addext", "basicConstraints=critical,CA:TRUE")
    (place / "names").write_text("subjectAltName=IP:127.0.0.1")
    for name in ("server", "client"):
        openssl("req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out",
                f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}.pem")


# "secret", of cost 5.
HASH = "$2b$05$60RpNp2CCIzrKPbnfOYH9OZZv44Vo8ol1nY9UMq48nYKlbvqSde36"
USERS = {"basic_auth_users": {"prometheus": HASH}}
TLS = {"cert_file": "server.pem", "key_file": "server.key"}


def test_password():
    with tempfile.TemporaryDirectory() as name:
        web = pathlib.Path(name) / "web.yml"
        web.write_text(json.dumps(USERS))
        with Server("0.0.0.0:0", web) as server:
            url = server.url.replace("0.0.0.0", "127.0.0.1") + "metrics"
            status, headers, body = curl(url)
            assert status == 401 and "wiretag_" not in body
            assert headers["www-authenticate"].startswith("basic realm=")
            assert curl(url, "-u", "prometheus:secret")[0] == 200
            assert curl(url, "-u", "prometheus:wrong")[0] == 401
            # Who guesses waits; who is known does not.
            assert curl(url, "-u", "prometheus:wrong")[0] == 429
            assert curl(url, "-u", "prometheus:secret")[0] == 200
            time.sleep(1.1)
            assert curl(url, "-u", "nobody:secret")[0] == 401
            time.sleep(1.1)
            for strange in ("prometheus:", ":secret", ":"):
                assert curl(url, "-u", strange)[0] in (401, 429), strange
            assert curl(url, "-H", "Authorization: Basic !!!")[0] == 401
        assert "no TLS" in server.log, server.log


def test_tls():
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        make_certificates(place)
        web = place / "web.yml"
        web.write_text(json.dumps({"tls_server_config": TLS} | USERS))
        trust = ("--cacert", place / "ca.pem")
        known = (*trust, "-u", "prometheus:secret")
        with Server("127.0.0.1:0", web) as server:
            assert server.url.startswith("https://")
            url = server.url + "metrics"
            assert curl(url, *known)[0] == 200
            assert curl(url, *trust)[0] == 401
            for refused_by in (("--tls-max", "1.1"), ("--cacert", place / "stranger.pem")):
                try:
                    curl(url, *known, *refused_by)
                    assert False, refused_by
                except subprocess.CalledProcessError:
                    pass
            # From the next reload on: TLS 1.3 only, a certificate in the password's place.
            web.write_text(json.dumps({"tls_server_config": TLS | {
                "min_version": "TLS13", "client_ca_file": "ca.pem",
                "client_auth_type": "RequireAndVerifyClientCert"}}))
            server.process.send_signal(signal.SIGHUP)
            client = ("--cert", place / "client.pem", "--key", place / "client.key")
            stranger = ("--cert", place / "stranger.pem", "--key", place / "stranger.key")

            def answers(*arguments):
                try:
                    return curl(url, *trust, *arguments)[0]
                except subprocess.CalledProcessError:
                    return 0

            end = time.monotonic() + 20
            while answers(*client) != 200:
                assert time.monotonic() < end
                time.sleep(0.1)
            assert answers() in (0, 403) and answers(*stranger) in (0, 403)
            assert answers(*client, "--tls-max", "1.2") == 0
            # What is wrong changes nothing.
            web.write_text("tls_server_config: {cert_file: ca.pem, key_file: server.key}")
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.5)
            assert answers(*client) == 200
        assert "web.yml:1:" in server.log and "cert_file and key_file" in server.log


def test_web_config():
    """What is wrong with the file is said with its place, and nothing is served."""
    for config, complaint in (
        ({"basic_auth": {}}, "basic_auth_users"),
        ({"basic_auth_users": {"a": "secret"}}, "bcrypt"),
        ({"basic_auth_users": {"a": HASH.replace("$05$", "$14$")}}, "cost 14"),
        ({"basic_auth_users": {}}, "no user"),
        ({"tls_server_config": {"cert_file": "x"}}, "key_file"),
        ({"tls_server_config": TLS}, "cannot be read"),
        ({"tls_server_config": TLS | {"min_version": "TLS11"}}, "TLS12"),
        ({"tls_server_config": TLS | {"client_ca_file": "ca.pem"}}, "belong together"),
    ):
        with tempfile.TemporaryDirectory() as name:
            web = pathlib.Path(name) / "web.yml"
            web.write_text(json.dumps(config))
            done = subprocess.run([SERVER, "http", "127.0.0.1:0", web], capture_output=True,
                                  timeout=10, text=True)
            assert done.returncode == 1 and f"{web}:1:" in done.stderr, done
            assert complaint in done.stderr, (config, done.stderr)


def test_unix_socket():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "metrics.sock")
        listen = "unix:" + path
        with Server(listen) as server:
            assert server.url == listen
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
            assert curl("http://localhost/metrics", "--unix-socket", path)[0] == 200
            refused(listen, "in use")
            assert curl("http://localhost/-/healthy", "--unix-socket", path)[0] == 200
        assert not os.path.exists(path)
        # Killed: the socket stays behind, and the next start takes its place.
        server = Server(listen)
        server.process.kill()
        server.process.communicate()
        assert os.path.exists(path)
        with Server(listen):
            assert curl("http://localhost/metrics", "--unix-socket", path)[0] == 200
        # What is no socket, or a link to whatever, is left alone.
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        refused(listen, "in use")
        with open(path, encoding="ascii") as file:
            assert file.read() == "precious"
        os.symlink(path, path + ".link")
        refused(listen + ".link", "in use")
        refused("unix:" + folder + "/nowhere/metrics.sock")
        refused("unix:/" + "x" * 200)


def main():
    if shutil.which("curl") is None:
        print("curl is not installed")
        return 77
    for test in (test_openmetrics, test_pages, test_password, test_tls, test_web_config, test_methods, test_readiness, test_many_at_once, test_process,
                 test_bad_clients, test_addresses, test_unix_socket):
        print(test.__name__, flush=True)
        test()
    return 0


if __name__ == "__main__":
    sys.exit(main())
