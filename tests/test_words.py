"""The words of the field, and none of a dialect, in all that a person reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTEAD = {
    r"pictures?": "image; photo for an upload",
    r"cop(y|ies|ied|ying)": "reconstruction, to reconstruct",
    r"rebuil[dt](s|ing)?": "reconstruction, to reconstruct",
    r"numbers? (in|of) (the|a|its|your|each) codes?": "latent dimension",
    r"code numbers?": "latent dimension",
    r"numbers of PCA": "PCA components",
    r"\d[\d,]* numbers": "dimensions, components",
    r"(test )?number \d+": "test image 8498",
    r"spoil(s|t|ed)?": "corruption, corrupted, noisy",
    r"strangeness": "anomaly score",
    r"words? (\d+|of (the|a) codebook)": "codebook entry",
    r"(which|codebook) words?": "codebook entry",
    r"ship(s|ped)": "pretrained; comes with",
    r"told right": "test accuracy",
    r"(by|know) heart": "overfit",
    r"says? (nothing|something)": "collapsed, active",
}
"""What is not said, and what is said instead: the vocabulary of the project."""
MEANT = [
    r"copy it again",  # a file
    r"copy of the file",
    r"[Cc]opy(ing)? (the|a|its|this) (link|address|file)",
    r"copied nothing",
    r"\S*pictures[/.]\S*",  # a path
    r"any picture( as| ->)?",  # what may be handed in
]
"""Where one of these words means what it says."""
HANDED_IN = {ROOT / "aeviz" / "data" / "digits", ROOT / "aeviz" / "app" / "pictures"}
"""Where what a person hands in is an image, of whatever it may be."""
FORBIDDEN = {re.compile(rf"\b{word}\b", re.IGNORECASE): word for word in INSTEAD}


def strings(path: Path) -> Iterator[str]:
    """What a module may say to a person: its strings but docstrings and keys."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            silent.update(id(part) for part in node.values)
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values
            )
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in silent
        ):
            yield node.value


def reads_as_text(text: str) -> bool:
    """A sentence, a label or a title, not the name of a key or of a file."""
    return bool(re.search(r"[A-Za-z]", text)) and (" " in text or text[:1].isupper())


def said(path: Path) -> list[str]:
    """What a file says to a person."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return [string for string in strings(path) if reads_as_text(string)]
    if path.suffix == ".js":
        found = re.findall(r"\"([^\"\n]*)\"|`([^`]*)`", text)
        return [string for pair in found for string in pair if reads_as_text(string)]
    return [re.sub(r"\s+", " ", paragraph) for paragraph in text.split("\n\n")]


def wrong(text: str, meant: Sequence[str] = MEANT) -> list[str]:
    """The forbidden words of a text."""
    for form in meant:
        text = re.sub(form, "", text)
    return [hit[0] for form in FORBIDDEN if (hit := form.search(text))]


FILES = [
    *(ROOT / "pages").glob("*.py"),
    *(ROOT / "aeviz").rglob("*.py"),
    *(ROOT / "aeviz").rglob("*.js"),
    *(ROOT / "aeviz" / "app" / "texts").glob("*.md"),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
]


@pytest.mark.parametrize("path", sorted(FILES), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_person_reads_is_in_the_words_of_the_field(path: Path) -> None:
    meant = [*MEANT, "[Pp]ictures?"] if HANDED_IN & set(path.parents) else MEANT
    assert [(text, hits) for text in said(path) if (hits := wrong(text, meant))] == []


@pytest.mark.parametrize(
    "text",
    [
        "Which model copies best?",
        "Your pictures",
        "32 numbers",
        "test number 8498: MSE 0.1",
        "Shipped with aeviz",
        "5 of 32 say something about an image",
        "Which words does it use?",
    ],
)
def test_the_dialect_is_recognised(text: str) -> None:
    assert wrong(text)


def test_most_of_what_the_app_says_is_seen() -> None:
    assert sum(len(said(path)) for path in FILES if path.is_relative_to(ROOT / "aeviz")) > 1000
