"""What it is worth to compare a code with PCA where the two are not alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from aeviz.analysis import baselines
from aeviz.app import library, texts
from aeviz.app.subject import ModelSubject, Subject
from aeviz.models import zoo


def beside_pca(subjects: Sequence[Subject]) -> None:
    """A caption on each model whose code is no match for PCA with as many components.

    Args:
        subjects: models, and PCA as the last.
    """
    *models, linear = subjects
    for model in models:
        pixels = math.prod(model.data.shape)
        if not isinstance(model, ModelSubject):
            continue
        alike = linear.code_dim == min(model.code_dim, pixels)
        if alike and (said := _of(model, linear.code_dim, pixels)):
            st.caption(f"{model.title}: {said}")


def _of(model: ModelSubject, components: int, pixels: int) -> str:
    """Why a code and so many components are no equals, in sentences; empty where they are."""
    text, its = texts.of("uses"), model.model
    if model.codec.alphabet:
        known = {"code": zoo.code(its)[1], "components": f"{components:,}"}
        return _in_bytes(model, components, known)
    if components < pixels:
        return ""
    said = text.part("pca_all")
    if 0 < its.most_active < pixels:
        said += " " + text.part("pca_active", active=f"{its.most_active:,}")
    return said


def _in_bytes(model: ModelSubject, components: int, known: dict[str, str]) -> str:
    """Symbols beside numbers, by their bytes: as measured beforehand, else as they are."""
    text, kept = texts.of("uses"), library.measured()
    use = kept.models.get(model.key) if model.data.name == "mnist" else None
    linear = kept.references.linear.get(components)
    if use is None or linear is None:
        most = zoo.places(model.model) * math.log2(model.codec.alphabet) / 8
        return text.part("pca_symbols_raw", bytes=f"{most:.1f}", **known)
    best = [point for _, point in kept.references.best_linear]
    price = baselines.price_for(use.point.mse.value, best)
    known["bytes"] = use.point.size.brief()
    known["theirs"] = linear.point.size.brief()
    known["needs"] = price.size.brief() if price else "more than it has"
    return text.part("pca_symbols", **known)
