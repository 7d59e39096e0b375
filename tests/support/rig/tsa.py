"""A time-stamp authority: `openssl ts` behind a loopback HTTP server, with its own certificate authority."""

import http.server
import subprocess
import tempfile
import threading
from pathlib import Path

CONFIG = """
[tsa]
default_tsa = it
[it]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/ca.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = {digests}
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def run(*command, **options):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, **options)


class Tsa:
    """url answers RFC 3161 requests; `ca` is the certificate that vouches for it.

    mode    good; rejects; garbage; huge; error (HTTP 500); silent (never answers); other (of another digest);
            nonce (of another request for the same digest)
    made    when its certificate was made, for 30 days, as faketime has it: "2020-01-01"
    revoked the authority's list, served at url/crl, names the certificate
    """

    def __init__(self, mode: str = "good", made: str | None = None, revoked: bool = False):
        self.mode, self._made, self._revoked = mode, made, revoked
        self._temporary = tempfile.TemporaryDirectory(prefix="kanshiki-tsa-")
        self.folder = Path(self._temporary.name)
        self.ca = self.folder / "ca.pem"
        self._released = threading.Event()
        self.requests = 0

    def __enter__(self):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._make_certificates()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._temporary.cleanup()

    def _make_certificates(self):
        folder, then = self.folder, ["faketime", self._made] if self._made else []
        run(*then, "openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", 3650, "-subj", f"/CN=Test Root {self._server.server_address[1]}", "-keyout", folder / "ca.key",
            "-out", self.ca)
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Test Authority", "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr")
        (folder / "extensions").write_text(f"extendedKeyUsage = critical,timeStamping\ncrlDistributionPoints = URI:{self.url}crl\n")
        run(*then, "openssl", "x509", "-req", "-in", folder / "tsa.csr", "-CA", self.ca, "-CAkey", folder / "ca.key", "-set_serial", 4711, "-days", 30,
            "-extfile", folder / "extensions", "-out", folder / "tsa.pem")
        (folder / "config").write_text(CONFIG.format(folder=folder, digests="sha512" if self.mode == "rejects" else "sha256"))
        (folder / "index").write_text("")
        (folder / "ca.cnf").write_text(f"[ca]\ndefault_ca = it\n[it]\ndatabase = {folder}/index\ndefault_md = sha256\ndefault_crl_days = 30\n")
        if self._revoked:
            run("faketime", "2021-01-01", "openssl", "ca", "-config", folder / "ca.cnf", "-cert", self.ca, "-keyfile", folder / "ca.key", "-revoke", folder / "tsa.pem")
        run("openssl", "ca", "-config", folder / "ca.cnf", "-cert", self.ca, "-keyfile", folder / "ca.key", "-gencrl", "-out", folder / "crl.pem")

    def _reply(self, query: bytes) -> bytes:
        asked = self.folder / "query"
        asked.write_bytes(query)
        if self.mode == "other":
            run("openssl", "ts", "-query", "-digest", "00" * 32, "-sha256", "-cert", "-out", asked)
        if self.mode == "nonce":
            digest = query[query.index(b"\x04\x20") + 2:][:32].hex()
            run("openssl", "ts", "-query", "-digest", digest, "-sha256", "-cert", "-out", asked)
        run("openssl", "ts", "-reply", "-config", self.folder / "config", "-section", "it", "-queryfile", asked, "-out", self.folder / "reply")
        return (self.folder / "reply").read_bytes()

    def _handler(self):
        tsa = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                tsa.requests += 1
                query = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/timestamp-query"
                if tsa.mode == "silent":
                    tsa._released.wait()
                    return
                body = {"garbage": b"<html>not found</html>", "huge": bytes(3 << 20)}.get(tsa.mode)
                self._send(500 if tsa.mode == "error" else 200, tsa._reply(query) if body is None else body)

            def do_GET(self):
                self._send(200, (tsa.folder / "crl.pem").read_bytes())

            def _send(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # it was too much for them

            def log_message(self, *_):
                pass

        return Handler
