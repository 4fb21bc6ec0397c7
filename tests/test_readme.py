"""The README says what is so: figures as in the cards, files that exist, commands that are read."""

from __future__ import annotations

import re
from pathlib import Path

from aeviz.models import checkpoint
from aeviz.models.card import Card

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_pretrained_models_is_what_their_cards_say() -> None:
    written = {}
    for line in README.splitlines():
        if found := re.match(r"\| `([a-z_]+-\d+d[-a-z]*)`(, told the label)? \|", line):
            cells = [cell.strip() for cell in line.split("|")[2:-1]]
            written[found[1]] = [bool(found[2]), *cells]
    expected = {}
    for name, card in checkpoint.pretrained().items():

        def text(key: str, how: str, card: Card = card) -> str:
            error = f" ± {card.errors[key]:{how}}" if key in card.errors else ""
            return f"{abs(card.figures[key]):{how}}{error}"

        elbo = text("elbo", ".1f") if "elbo" in card.figures else ""
        expected[name] = [
            card.variant == "conditional",
            text("mse", ".5f"),
            text("pca_mse_clipped", ".5f") if card.code_dim < 784 else "nothing lost",
            text("bce", ".4f"),
            text("psnr", ".2f"),
            text("neighbour_accuracy", ".4f"),
            "" if card.config.binarise else elbo,
            elbo if card.config.binarise else "",
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
