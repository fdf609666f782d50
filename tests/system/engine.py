"""A container engine of the tests' own, and the image built in it. Nothing of it runs or is mounted afterwards."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
BASE, IMAGE = "base", "backupd"
HARDENED = (
    "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges",
    "--pids-limit=64", "--memory=256m", "--network=none",
)  # fmt: skip
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "backupd-tests"
_PATIENCE = 60.0  # seconds
_GRACE = 5.0  # seconds; an engine that has ended its work waits for itself a quarter of a minute
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Engine:
    """A docker daemon with no network, and its client."""

    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What a client needs to find this engine, and nothing of its user's."""
        own = {"HOME": str(self.folder), "DOCKER_BUILDKIT": "1", "DOCKER_HOST": f"unix://{self.folder}/sock"}
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **own}

    def run(self, *arguments: str | Path, program: str = "/usr/bin/docker") -> subprocess.CompletedProcess[str]:
        """Run a client to its end, however it ends."""
        return subprocess.run(
            [program, *map(str, arguments)],
            env=self.environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def docker(self, *arguments: str | Path) -> str:
        """Run the client, which must succeed, and return what it wrote."""
        ran = self.run(*arguments)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.strip()

    def build(self) -> None:
        """Build the image as users do; where packages come from is this machine's business."""
        tar = _CACHE / "base-trixie.tar"
        subprocess.run([ROOT / "tests/system/make-base", tar], check=True)
        self.docker("import", tar, BASE)
        settings, authorities = _pip_settings()
        (self.folder / "pip.conf").write_text(settings, encoding="utf-8")
        proxies = [f"--build-arg={name}" for name in os.environ if name.lower() in {"http_proxy", "https_proxy"}]
        self.docker(
            "build", "--network=host", f"--build-arg=BASE_IMAGE={BASE}", "--build-arg=VERSION=1.2.3", *proxies,
            f"--secret=id=pipconf,src={self.folder}/pip.conf", f"--secret=id=ca,src={authorities}",
            f"--tag={IMAGE}", ROOT,
        )  # fmt: skip


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """Run an engine with all that is its own in this folder; containers, mounts and itself end with the block."""
    made = Engine(folder)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "dockerd", *_options(folder)],
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_until(lambda: made.run("version").returncode == 0, log.read_text)
        yield made
    finally:
        if process.poll() is None:
            containers = made.run("ps", "--all", "--quiet").stdout.split()
            made.run("rm", "--force", "--volumes", *containers)
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        process.kill()
        process.wait()
        _wait_until(lambda: not left_behind(folder), lambda: "\n".join(left_behind(folder)))
        for name in ("data", "exec"):
            shutil.rmtree(folder / name)


def left_behind(folder: Path) -> list[str]:
    """List the processes and mounts that have to do with an engine's folder."""
    mounts = [line for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if str(folder) in line]
    processes = subprocess.run(
        ["pgrep", "--full", "--list-full", str(folder)], capture_output=True, text=True, check=False
    )
    return mounts + processes.stdout.splitlines()


def _options(folder: Path) -> list[str]:
    """Give the options of an engine that touches nothing of the machine's network, and needs no systemd."""
    return [
        f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", f"--host=unix://{folder}/sock",
        "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false",
        "--userland-proxy=false", "--storage-driver=overlay2", "--exec-opt=native.cgroupdriver=cgroupfs",
    ]  # fmt: skip


def _wait_until(condition: Callable[[], bool], why_not: Callable[[], str]) -> None:
    until = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < until, why_not()
        time.sleep(0.2)


def _pip_settings() -> tuple[str, str]:
    """Give what this machine's pip goes by, as a file for the build, and the authorities that it trusts."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    found = dict(line.split("=", 1) for line in listed.stdout.splitlines() if "=" in line)
    settings = {name.rpartition(".")[2]: value.strip("'") for name, value in found.items()}
    lines = ["[global]", "cert = /run/secrets/ca"]
    for name in ("index-url", "extra-index-url"):
        places = [place for place in settings.get(name, "").split() if urlsplit(place).scheme in {"http", "https"}]
        lines += [f"{name} = {' '.join(places)}"] if places else []
    lines += [f"{name} = {settings[name]}" for name in ("trusted-host", "proxy") if name in settings]
    return "\n".join(lines) + "\n", settings.get("cert") or os.environ.get("SSL_CERT_FILE") or _AUTHORITIES
