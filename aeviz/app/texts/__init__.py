"""What the pages say: a file for each page, and the glossary.

A page's file begins with its question and what to look for; then come parts under headings:
`title` and `line` of the list of pages, `shows`, what is to be seen, for a screen reader, `step` of
the lesson, `explanation` and `formula`. A word in braces stands for what the page knows.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
_BLANK = re.compile(r"\{([a-z_]+)\}")
_APART = re.compile(r"(\$[^$]*\$|`[^`]*`|\[[^\]]*\]\([^)]*\))")
"""Formulas, code and links, in which no term is looked for."""


@dataclass(frozen=True)
class Text:
    """What a page says, by parts."""

    question: str
    look_for: str
    parts: dict[str, str]

    def part(self, name: str, **known: object) -> str:
        """A part with its words in braces filled in.

        Raises:
            KeyError: no such part, or a word that is not known.
        """
        return filled(self.parts[name], **known)


def filled(text: str, **known: object) -> str:
    """Markdown with its words in braces filled in, whatever these may hold.

    Raises:
        KeyError: a word is not known.
    """
    return _BLANK.sub(lambda word: html.escape(str(known[word[1]]), quote=False), text)


@cache
def of(page: str) -> Text:
    """The text of a page."""
    first, *others = re.split(
        r"^## ", (HERE / f"{page}.md").read_text(encoding="utf-8"), flags=re.M
    )
    question, _, look_for = first.removeprefix("# ").partition("\n")
    parts = dict(part.split("\n", 1) for part in others)
    return Text(question, _joined(look_for), {name: _joined(text) for name, text in parts.items()})


def _joined(text: str) -> str:
    """Paragraphs without the line breaks of the file."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text.strip())


@cache
def glossary() -> dict[str, str]:
    """Each term with the sentence that says what it is, as a person reads both."""
    lines = (HERE / "glossary.md").read_text(encoding="utf-8").split("\n\n")
    found = (re.fullmatch(r"\*\*(.+?)\*\*: (.+)", _joined(line)) for line in lines)
    return {term[1]: term[2] for term in found if term}


def glossed(text: str, *, known_from: str = "") -> str:
    """Markdown in which each term, where it stands first, shows its sentence when it is asked.

    Args:
        known_from: text above it, whose terms are known by now.
    """
    terms = {term: _term(term) for term in sorted(glossary(), key=len, reverse=True)}
    left = {term: form for term, form in terms.items() if not form.search(known_from)}
    pieces = _APART.split(text)
    for k in range(0, len(pieces), 2):  # the others are what stands apart
        pieces[k] = _with_terms(pieces[k], left)
    return "".join(pieces)


def _term(term: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(term)}s?(?![\w-])", re.IGNORECASE)


def _with_terms(text: str, left: dict[str, re.Pattern[str]]) -> str:
    found: list[tuple[int, int, str]] = []
    for term, form in list(left.items()):
        hit = form.search(text)
        if hit and all(hit.end() <= a or hit.start() >= b for a, b, _ in found):
            found.append((*hit.span(), term))
            del left[term]
    for a, b, term in sorted(found, reverse=True):
        sentence = html.escape(glossary()[term])
        said = f'<span role="tooltip">{sentence}</span>'
        text = f'{text[:a]}<span class="aeviz-term" tabindex="0">{text[a:b]}{said}</span>{text[b:]}'
    return text
