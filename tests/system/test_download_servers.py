"""Servers that are not ours: each is asked for a file, the download is killed on the way, and then goes on."""

import contextlib
import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.downloading import NAME, some_bytes

pytestmark = pytest.mark.system

SIZE = 12_000_000
CONFIGS = {
    "nginx": (
        "daemon off; user root; pid {home}/pid; error_log {home}/log; events {{}}\n"
        "http {{ access_log off; client_body_temp_path {home}/a; proxy_temp_path {home}/b;\n"
        "fastcgi_temp_path {home}/c; uwsgi_temp_path {home}/d; scgi_temp_path {home}/e;\n"
        "server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
    ),
    "lighttpd": (
        'server.document-root = "{root}"\nserver.port = {port}\nserver.bind = "127.0.0.1"\n'
        'server.errorlog = "{home}/log"\nserver.upload-dirs = ( "{home}" )\n'
        'mimetype.assign = ( ".zip" => "application/zip" )\n'
    ),
    "caddy": "{{\n admin off\n auto_https off\n}}\nhttp://127.0.0.1:{port} {{\n root * {root}\n file_server\n}}\n",
}
COMMANDS = {
    "nginx": ["nginx", "-e", "{home}/log", "-p", "{home}", "-c", "{config}"],
    "lighttpd": ["lighttpd", "-D", "-f", "{config}"],
    "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", "{config}"],
    "python": [sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1", "--directory", "{root}"],
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def serving(name: str, root: Path, home: Path, port: int | None = None) -> Iterator[str]:
    home.mkdir(exist_ok=True)
    port = port or free_port()
    names = {"home": home, "root": root, "port": port, "config": home / "config"}
    (home / "config").write_text(CONFIGS.get(name, "").format(**names))
    command = [part.format(**names) for part in COMMANDS[name]]
    assert shutil.which(command[0]), f"{command[0]} is missing: see tests/system/install-tools"
    with (home / "out").open("wb") as out:
        environment = {"HOME": str(home), "XDG_DATA_HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None, (home / "out").read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/{NAME}"
    finally:
        process.terminate()
        process.wait()


def start(folder: Path, url: str, bandwidth: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.system.downloading", str(folder), "4", str(bandwidth), "none", url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])


def wait_for_blocks(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a dozen blocks are written down."""
    resume = folder / f"{NAME}.resume"
    while not (resume.exists() and len(resume.read_bytes().splitlines()) > 12):
        assert process.poll() is None
        time.sleep(0.02)


@pytest.mark.parametrize(("name", "resumes"), [("nginx", True), ("lighttpd", True), ("caddy", True), ("python", False)])
def test_a_real_server_is_resumed_after_a_kill(tmp_path, name, resumes):
    content = some_bytes(SIZE)
    root, folder = tmp_path / "root", tmp_path / "folder"
    root.mkdir()
    folder.mkdir()
    (root / NAME).write_bytes(content)
    with serving(name, root, tmp_path / "home") as url:
        with start(folder, url, 6_000_000) as killed:
            wait_for_blocks(killed, folder)
            killed.kill()

        with start(folder, url, 0) as goes_on:
            said, _ = goes_on.communicate(timeout=50)

    told = json.loads(said)
    assert goes_on.returncode == 0
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert (folder / f"{NAME}.part").read_bytes() == content
    assert (told["resumed"] > 2_000_000) is resumes


@pytest.mark.parametrize("name", ["nginx", "lighttpd"])  # caddy serves what is asked for to its end
def test_a_server_that_is_started_again_meanwhile_costs_a_try(tmp_path, name):
    content = some_bytes(SIZE)
    root, folder, port = tmp_path / "root", tmp_path / "folder", free_port()
    root.mkdir()
    folder.mkdir()
    (root / NAME).write_bytes(content)
    with serving(name, root, tmp_path / "home", port) as url:
        process = start(folder, url, 4_000_000)
        wait_for_blocks(process, folder)

    with serving(name, root, tmp_path / "home", port), process:
        said, _ = process.communicate(timeout=50)

    told = json.loads(said)
    assert process.returncode == 0
    assert (folder / f"{NAME}.part").read_bytes() == content
    assert told["attempts"] >= 2
    assert told["resumed"] > 2_000_000
