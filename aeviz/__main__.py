"""The command line: `python -m aeviz train vanilla --out checkpoints/mine`."""

from __future__ import annotations

import argparse
import importlib
import sys

COMMANDS = {
    "train": ("aeviz.training.loop", "train a model and keep it as a checkpoint"),
    "evaluate": ("aeviz.analysis.evaluate", "print the figures of a checkpoint on its test images"),
    "classifier": ("aeviz.analysis.classifier", "train the small digit classifier of the app"),
    "data": ("aeviz.data.datasets", "make the file of images that aeviz carries"),
    "worker": ("aeviz.training.worker", "train the runs that the app has begun, until it ends"),
}


def main(arguments: list[str] | None = None) -> None:
    """Read the command and hand the rest to its own command line."""
    parser = argparse.ArgumentParser(
        prog="python -m aeviz",
        description="Autoencoders to train and to measure. The app: streamlit run app.py",
        epilog="`python -m aeviz COMMAND --help` has the options of each.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, what) in COMMANDS.items():
        commands.add_parser(name, help=what, add_help=False)
    given = sys.argv[1:] if arguments is None else arguments
    chosen, rest = parser.parse_known_args(given[:1])[0], given[1:]
    importlib.import_module(COMMANDS[chosen.command][0]).main(rest)  # only what it needs: torch


if __name__ == "__main__":
    main()
