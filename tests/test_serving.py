"""A container does what the README's "Start" says, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
START = README.partition("## Start")[2].partition("## A tour")[0]
COMMANDS = re.findall(r"```sh\n(.*?)\n```", START, re.DOTALL)


def test_the_dockerfile_runs_the_commands_of_the_readme() -> None:
    install, _, run = COMMANDS[0].partition(" && ")
    small = COMMANDS[2]
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert [line[4:] for line in lines if line.startswith("RUN ")] == [small, install]
    (command,) = [line[4:] for line in lines if line.startswith("CMD ")]
    assert " ".join(json.loads(command)) == run
    kinds = {line.split()[0] for line in lines if not line.startswith("#")}
    assert kinds == {"FROM", "WORKDIR", "COPY", "RUN", "EXPOSE", "CMD"}


def test_the_devcontainer_runs_the_commands_of_the_readme() -> None:
    said = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    both = f"{said['postCreateCommand']} && {said['postAttachCommand']}"
    assert both == COMMANDS[0]
    assert said["forwardPorts"] == [8501]


def test_the_python_of_the_containers_is_new_enough() -> None:
    (least,) = re.findall(r"Python (3\.\d+) or newer", START)
    for name in ("Dockerfile", ".devcontainer/devcontainer.json"):
        (used,) = re.findall(r"python:(3\.\d+)", (ROOT / name).read_text(encoding="utf-8"))
        assert tuple(map(int, used.split("."))) >= tuple(map(int, least.split(".")))
