"""nginx on loopback, over https with a certificate authority of its own, throttled where a path says so."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

_CONFIG = """
daemon off;{user} master_process on; worker_processes 2; pid {home}/nginx.pid; error_log {home}/error.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off; default_type application/zip; keepalive_requests 10000;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl; server_name localhost; root {root};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {home}/server.pem; ssl_certificate_key {home}/server.key;
    location /rate/ {{ alias {root}/; limit_rate {rate}; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running nginx."""

    port: int
    authority: Path  # the CA's certificate
    pid: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://localhost:{self.port}"

    def cpu(self) -> float:
        """CPU seconds of all its processes so far."""
        pids = [self.pid, *_children(self.pid)]
        return sum(_cpu_of(pid) for pid in pids)


@contextmanager
def nginx(root: Path, home: Path, *, rate: str = "0") -> Iterator[Server]:
    """Serve a folder; under /rate/ no connection is faster than `rate`, such as `4m`."""
    program = shutil.which("nginx")
    if program is None:
        raise SystemExit("the benchmark needs nginx: apt-get install nginx")
    home.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(home / "ca.pem")
    certificate.private_key_pem.write_to_path(home / "server.key")
    (home / "server.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = " user root;" if os.geteuid() == 0 else ""  # else its workers could not read the folder
    (home / "nginx.conf").write_text(_CONFIG.format(home=home, root=root, port=port, rate=rate, user=user))
    process = subprocess.Popen(  # noqa: S603  found on the path
        [program, "-e", f"{home}/error.log", "-p", str(home), "-c", str(home / "nginx.conf")]
    )
    try:
        _wait_for(port, home / "ca.pem")
        yield Server(port, home / "ca.pem", process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, authority: Path) -> None:
    context = ssl.create_default_context(cafile=str(authority))
    for _ in range(100):
        try:
            with (
                socket.create_connection(("127.0.0.1", port)) as raw,
                context.wrap_socket(raw, server_hostname="localhost"),
            ):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("nginx did not start")


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / 100
