"""Boots the machine and tells how each trial in it went. Needs root and systemd-nspawn.

The program stands in it as the README says: an environment of its own in /opt/backupd, here made of this one's parts.
"""

import compileall
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_PATIENCE = 600  # seconds for everything; on two cores of its own it takes a tenth
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

_TARGET = """\
[Unit]
Description=Everything that is tried
Requires=sysinit.target dbus.socket trials.service
After=sysinit.target dbus.socket
"""

_DRIVER = f"""\
[Unit]
Description=Tries everything, and ends the machine
After=dbus.socket
SuccessAction=exit
FailureAction=exit

[Service]
Type=oneshot
WorkingDirectory=/opt/source
Environment=PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8
ExecStartPre=/bin/sh -c 'mkdir -p /etc/ld.so.conf.d && echo /opt/python/lib >/etc/ld.so.conf.d/python.conf && ldconfig'
ExecStart=/opt/backupd/bin/python -m tests.system.boot.tried /results/told.json
ExecStopPost=/bin/sh -c 'journalctl --boot --no-pager --output=short-precise >/results/journal.txt'
StandardOutput=file:/results/trials.txt
StandardError=inherit
TimeoutStartSec={_PATIENCE - 20}
"""


@dataclass(frozen=True, slots=True)
class Booted:
    """What became of the machine."""

    status: int
    told: Mapping[str, str]  # by trial: `passed`, or what went wrong
    words: str  # of everybody, for whoever looks for a reason


def boot(folder: Path) -> Booted:
    """Boot the machine, let it try everything, and wait for its end."""
    tree, results = folder / "tree", folder / "results"
    for made in (tree, results):
        made.mkdir()
    bound = {
        **_installed(folder / "backupd"),
        folder / "backupd": "/opt/backupd",
        _ROOT: "/opt/source",
        _written(folder / "trials.target", _TARGET): "/etc/systemd/system/trials.target",
        _written(folder / "trials.service", _DRIVER): "/etc/systemd/system/trials.service",
    }
    ended = subprocess.run(
        [
            *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *(Path(__file__).with_name("boot-machine"), tree, f"--bind={results}:/results"),
            *(f"--bind-ro={here}:{there}" for here, there in bound.items()),
            *("systemd.unit=trials.target", "systemd.firstboot=off", "systemd.log_target=journal"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    words = [path.read_text(errors="replace") for path in sorted(results.glob("*.txt"))]
    told = results / "told.json"
    return Booted(
        ended.returncode,
        json.loads(told.read_text()) if told.exists() else {},
        "\n".join([ended.stdout, ended.stderr, *words]),
    )


def _installed(folder: Path) -> dict[Path, str]:
    """Make /opt/backupd, and return what else must be there: this interpreter may lie where no service may look."""
    packages = folder / "lib" / _PYTHON / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "pyvenv.cfg").write_text("home = /opt/python/bin\ninclude-system-site-packages = false\n")
    (folder / "bin" / "python").symlink_to(f"/opt/python/bin/{_PYTHON}")
    (packages / "needed.pth").write_text("/opt/packages\n")
    shutil.copytree(_ROOT / "backupd", packages / "backupd", ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(packages / "backupd", quiet=1, stripdir=folder, prependdir="/opt/backupd")
    program = folder / "bin" / "backupd"
    program.write_text("#!/opt/backupd/bin/python\nimport sys\nfrom backupd.__main__ import main\nsys.exit(main())\n")
    program.chmod(0o755)
    return {Path(sys.base_prefix): "/opt/python", Path(sysconfig.get_path("purelib")): "/opt/packages"}


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
