"""Where a code and PCA with as many components are no equals, the pages say so."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from aeviz.analysis import baselines
from aeviz.models import checkpoint, zoo
from tests.pages.opening import opened

CODES = {
    "vector_quantised-8d": "squeezed into 49 symbols from a codebook of 64,",
    "sparse-1024d": "turned into 1,024 latent dimensions, of which 50 are active,",
    "vanilla-1024d": "turned into 1,024 latent dimensions, more than an image has pixels,",
    "vanilla-32d": "squeezed into 32 latent dimensions,",
}


@pytest.mark.parametrize("name", CODES)
def test_a_page_says_what_the_code_is_and_where_pca_is_no_match(name: str) -> None:
    app = opened("reconstruct", model=name)
    assert f"Each image is {CODES[name]} and reconstructed" in _said(app)
    captions = " ".join(caption.value for caption in app.caption)
    assert ("PCA with as many components as there are pixels loses nothing" in captions) == (
        "1024d" in name
    )
    assert ("Loss page compares it with PCA of 50 components" in captions) == ("sparse" in name)
    assert ("the two are no equals" in captions) == ("vector" in name)
    if "vector" in name:
        kept = baselines.kept()
        size = kept.models[name].point.size.value
        theirs = kept.references.linear[392].point.size.value
        assert f"{size:.2f}" in captions
        assert f"components of PCA take {theirs:.1f}" in captions
        assert size < theirs / 10


def test_compare_says_it_as_long_as_pca_is_as_wide() -> None:
    app = opened("compare", model="vector_quantised-8d", compared="vector_quantised-8d")
    assert any("the two are no equals" in caption.value for caption in app.caption)
    app.segmented_control(key="compare_pca").set_value("8").run()
    assert not any("the two are no equals" in caption.value for caption in app.caption)


def test_home_says_what_digits_became() -> None:
    app = opened("home", model="vector_quantised-8d")
    assert "the pixels of an image into its code, 49 symbols from a codebook of 64:" in _said(app)


def test_a_code_as_wide_as_an_image_is_not_squeezed() -> None:
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-32d")
    wide = type(model)(type(model.config)(latent_dim=784))
    assert zoo.code(wide) == ("turned", "784 latent dimensions, as many as an image has pixels")


def _said(app: AppTest) -> str:
    """All text of a page, without the sentences that terms show."""
    text = "\n".join(markdown.value for markdown in app.markdown)
    return re.sub(r'<span role="tooltip">.*?</span>|<[^>]+>', "", text)
