"""The Dockerfile and the examples that stand in `config`, read by those who know their languages, and by backupd."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from backupd.settings import Settings, load
from tests.system.engine import HARDENED

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DOCKERFILE = ROOT / "Dockerfile"
README = ROOT / "README.md"
COMPOSE = ROOT / "config" / "compose.yaml"
CRONJOB = ROOT / "config" / "kubernetes-cronjob.yaml"


def say(*command: str | Path) -> tuple[int, str]:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return ran.returncode, ran.stdout + ran.stderr


def service() -> dict[str, Any]:
    services: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return services["backupd"]


def cronjob() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the settings' map, the job and its pod."""
    by_kind = {document["kind"]: document for document in yaml.safe_load_all(CRONJOB.read_text())}
    job = by_kind["CronJob"]["spec"]
    return by_kind["ConfigMap"]["data"], job, job["jobTemplate"]["spec"]["template"]["spec"]


def settings(folder: Path, secrets: set[str], file: str = "", environment: dict[str, str] | None = None) -> Settings:
    """Load the settings as the program does in a container of such an example."""
    (folder / "backupd.toml").write_text(file)
    for name in secrets:
        (folder / name).write_text("a-secret-of-some-length")
    return load(environment=environment or {}, run_secrets=folder, usual_file=folder / "backupd.toml")


def test_hadolint_has_nothing_to_say_about_the_dockerfile():
    assert say(BIN / "hadolint", "--failure-threshold=style", "--disable-ignore-pragma", DOCKERFILE) == (0, "")


def test_a_build_fetches_no_syntax_and_names_no_place():
    text = DOCKERFILE.read_text()

    assert not text.startswith("# syntax")
    assert "://" not in text
    assert "ARG BASE_IMAGE=python:3.13-slim\n" in text


def test_the_readme_runs_it_with_no_more_rights_than_it_is_tested_with():
    line = README.read_text().partition("docker run ")[2].partition("```")[0]
    taken = [option for option in HARDENED if not option.startswith(("--memory", "--pids-limit", "--network"))]

    assert [option for option in taken if option not in line and option.replace("=", " ") not in line] == []
    assert "--pids-limit" in line
    assert "--memory" in line


def test_the_compose_file_is_one_by_todays_schema_and_by_an_old_compose(tmp_path):
    schema = say(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)
    old = say("docker-compose", "--file", COMPOSE, "config", "--quiet")

    assert schema == (0, "ok -- validation done\n")
    assert old == (0, "")


def test_the_compose_file_names_settings_that_there_are(tmp_path):
    loaded = settings(tmp_path, set(service()["secrets"]), environment=service()["environment"])

    loaded.require_credentials("main")
    assert loaded.web.token is not None
    assert str(loaded.archive.root) == service()["volumes"][0].split(":")[1]


def test_the_compose_file_gives_no_rights_away():
    there = service()

    assert (there["read_only"], there["cap_drop"], there["tmpfs"]) == (True, ["ALL"], ["/tmp"])  # noqa: S108 (in the container)
    assert there["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in there["ports"])
    assert {"pids_limit", "mem_limit", "logging"} <= there.keys()


def test_the_compose_file_looks_at_the_health_as_the_image_does():
    health = service()["healthcheck"]
    (line,) = [line for line in DOCKERFILE.read_text().splitlines() if line.startswith("HEALTHCHECK")]
    words = " ".join(f'"{word}"' for word in health["test"][1:]).replace('" "', '", "')

    assert line == (
        f"HEALTHCHECK --interval={health['interval']} --timeout={health['timeout']} "
        f"--start-period={health['start_period']} --retries={health['retries']} CMD [{words}]"
    )


def test_kubernetes_takes_the_cronjob_and_what_belongs_to_it():
    status, said = say(BIN / "kubernetes-validate", "--strict", CRONJOB)

    assert status == 0, said
    assert said.count(" passed for resource ") == 3


def test_the_cronjob_names_settings_that_there_are(tmp_path):
    data, _, pod = cronjob()
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    secrets = {word.partition("=")[2] for word in CRONJOB.read_text().split() if word.startswith("--from-file=")}

    loaded = settings(tmp_path, secrets, file=data["backupd.toml"])

    loaded.require_credentials("main")
    assert container["args"] == ["--run-once"]
    assert mounts["archive"] == str(loaded.archive.root)
    assert (mounts["settings"], mounts["secrets"]) == ("/etc/backupd", "/run/secrets")


def test_runs_of_the_cronjob_never_meet_and_are_without_rights():
    _, job, pod = cronjob()
    (container,) = pod["containers"]
    user = next(line for line in DOCKERFILE.read_text().splitlines() if line.startswith("USER ")).split()[1]

    assert (job["concurrencyPolicy"], job["jobTemplate"]["spec"]["backoffLimit"]) == ("Forbid", 0)
    assert pod["restartPolicy"] == "Never"
    assert not pod["automountServiceAccountToken"]
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['fsGroup']}" == user
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
