"""The page that shows how a model is built, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from aeviz.charts import diagram
from aeviz.models import checkpoint, variants
from tests.pages.opening import opened
from tests.pages.pretrained import ONE_OF_EACH

# One checkpoint of each variant: their other widths are drawn alike.


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_the_layers_the_words_the_formula_and_the_code_of_a_model(name: str) -> None:
    app = opened("anatomy", model=name)
    model = checkpoint.load(checkpoint.FOLDER / name)
    drawn = [chart.proto.spec for chart in app.get("graphviz_chart")]
    assert drawn == [diagram.dot(half) for half in diagram.halves(type(model), model.config)]
    assert app.latex[0].value.strip("$\n ") == model.formula_of(model.config)
    text = " ".join(element.value for element in (*app.markdown, *app.caption, *app.header))
    for words in (model.title, str(model.year), model.source, model.idea, model.when, model.fails):
        assert words in text
    (code,) = app.code
    folder = Path(variants.__path__[0])
    assert code.value == (folder / f"{model.variant}.py").read_text(encoding="utf-8").strip()
    assert app.json
