"""What the pages say, and the glossary."""

from __future__ import annotations

import re

import pytest

from aeviz.app import texts
from aeviz.app.pages import PAGES

TEXTS = [path.stem for path in sorted(texts.HERE.glob("*.md")) if path.stem != "glossary"]


def test_there_is_a_text_for_each_page_and_none_besides() -> None:
    assert set(TEXTS) == set(PAGES)


@pytest.mark.parametrize("page", TEXTS)
def test_a_page_asks_a_question_and_says_what_to_look_for(page: str) -> None:
    text = texts.of(page)
    assert text.question.endswith("?") or page == "home"
    assert 15 < len(text.look_for) < 260  # one or two sentences
    assert {"title", "line", "shows"} <= set(text.parts)
    assert 60 < len(text.part("shows")) < 240  # one sentence that a screen reader says
    assert "\n" not in text.look_for


def test_words_in_braces_are_filled_in_and_never_html() -> None:
    assert texts.filled("{a} and {b}", a=1, b="<b>") == "1 and &lt;b&gt;"
    with pytest.raises(KeyError):
        texts.filled("{a} and {b}", a=1)


def test_each_term_is_one_sentence() -> None:
    assert len(texts.glossary()) >= 25
    for term, sentence in texts.glossary().items():
        assert re.fullmatch(r"[A-Z].+\.", sentence), term
        assert len(sentence) < 160, term


def shown(text: str) -> list[str]:
    """The terms that show their sentence, as they are written."""
    return re.findall(r'tabindex="0">([^<]+)<', text)


def test_a_term_shows_its_sentence_where_it_stands_first() -> None:
    text = texts.glossed("The encoder, the Encoder and two test images.")
    assert shown(text) == ["encoder", "test images"]
    assert texts.glossary()["encoder"] in text


def test_terms_known_by_now_and_those_in_formulas_code_and_links_stay_as_they_are() -> None:
    known = texts.glossed("The encoder and the decoder.", known_from="an encoder")
    assert shown(known) == ["decoder"]
    apart = r"$\mathrm{loss}$, `loss`, [loss](https://example.org) and lossless"
    assert texts.glossed(apart) == apart


def test_the_longest_term_is_taken_and_none_stands_in_another() -> None:
    assert shown(texts.glossed("A latent code in latent space.")) == ["latent code", "latent space"]
