"""The one command line, as a program and as the cards call it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aeviz import __main__
from aeviz.models import checkpoint

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aeviz", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)


def test_help_names_each_command_and_loads_no_torch() -> None:
    done = run("--help")
    assert done.returncode == 0
    for name, (_, what) in __main__.COMMANDS.items():
        assert name in done.stdout
        assert what.split()[0] in done.stdout
    program = "import sys, aeviz.__main__; print('torch' in sys.modules)"
    command = [sys.executable, "-c", program]
    assert subprocess.check_output(command, cwd=ROOT, encoding="utf-8").strip() == "False"


@pytest.mark.parametrize("name", __main__.COMMANDS)
def test_each_command_has_a_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        __main__.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: python -m aeviz {name}" in capsys.readouterr().out


def test_a_command_that_is_none_is_answered_with_those_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments in ([], ["fly"]):
        with pytest.raises(SystemExit) as ended:
            __main__.main(arguments)
        assert ended.value.code == 2
    assert (
        "choose from 'train', 'evaluate', 'classifier', 'data', 'worker'" in capsys.readouterr().err
    )


def test_a_command_gets_what_follows_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        __main__.main(["train", "vanilla", "--latent-dim", "none"])
    assert "argument --latent-dim: invalid int value: 'none'" in capsys.readouterr().err


def test_an_older_card_names_the_command_of_today() -> None:
    content = checkpoint.read(checkpoint.FOLDER / "vanilla-2d.safetensors")
    older = content.replace(b"python -m aeviz train", b"python -m aeviz.train")
    assert older != content
    assert checkpoint.read_card(older) == checkpoint.read_card(content)
    cards = checkpoint.pretrained().values()
    assert {card.command.partition(" train ")[0] for card in cards} == {"python -m aeviz"}
