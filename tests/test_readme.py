"""The README says what is so: figures as in the cards, files that exist, commands that are read."""

from __future__ import annotations

import re
from pathlib import Path

from aeviz.models import checkpoint

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_pretrained_models_is_what_their_cards_say() -> None:
    written = {}
    for line in README.splitlines():
        if found := re.match(r"\| `([a-z_]+-\d+d[-a-z]*)` \|", line):
            written[found[1]] = [cell.strip() for cell in line.split("|")[2:-1]]
    expected = {}
    for name, card in checkpoint.pretrained().items():
        figures = card.figures
        expected[name] = [
            f"{figures['mse']:.4f}",
            f"{figures['pca_mse_clipped']:.4f}",
            f"{figures['bce']:.4f}",
            f"{figures['psnr']:.1f}",
            f"{figures['neighbour_accuracy']:.3f}",
            f"{-figures['elbo']:.1f}" if "elbo" in figures else "",
        ]
    assert written == expected


def test_the_table_of_speed_is_what_the_benchmarks_wrote() -> None:
    def rows(text: str) -> set[tuple[str, ...]]:
        found = [tuple(cell.strip() for cell in line.split("|")) for line in text.splitlines()]
        return {cells for cells in found if cells[-2:-1] in (("held",), ("missed",))}

    speed = ("training.md", "map.md", "app.md")
    results = "".join(
        (ROOT / "benchmarks/results" / name).read_text(encoding="utf-8") for name in speed
    )
    assert rows(README)
    assert rows(README) == rows(results)


def test_every_file_that_the_readme_links_or_names_is_there() -> None:
    linked = re.findall(r"\]\(([^):#]+)\)", README)
    assert len(linked) > 8
    for path in [*linked, *rooms()]:
        assert (ROOT / path).exists(), path


def rooms() -> list[str]:
    """The paths of the tree under "How it is built"."""
    tree = README.partition("## How it is built")[2].split("```")[1]
    found = re.findall(r"^( *)([\w.]+/?)  ", tree.replace("aeviz/\n", "aeviz/  \n"), re.MULTILINE)
    return [("aeviz/" if len(indent) == 2 else "") + name for indent, name in found]


def test_every_room_has_its_line() -> None:
    here = {path.name for path in (ROOT / "aeviz").iterdir() if path.is_dir()} - {"__pycache__"}
    assert {f"aeviz/{name}/" for name in here} <= set(rooms())
    assert {"app.py", "pages/", "aeviz/", "checkpoints/", "tests/"} <= set(rooms())
