"""Parts of the denoise page: what is corrupted and how, what became of it, and the curve."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aeviz.analysis import denoising, errors, estimate
from aeviz.app import library, own, pictures, session, sidebar, texts, widgets
from aeviz.app.subject import ModelSubject
from aeviz.charts import curves, export, maps, pixels, theme
from aeviz.data import corruption, datasets
from aeviz.models import apply

START = 1
STARTS = {"clean": "Add noise to a clean image", "spoilt": "Use my own noisy image"}
"""The keys are in addresses of old."""
MOST = 3
"""Models beside the chosen one in the curve."""
WITH = "denoise_with"
"""Which model the page uses: "best" or "chosen"; in the address where it is not the usual one."""
NAMES = {
    "clean": "Clean",
    "noisy": "Corrupted",
    "cleaned": "Cleaned by the model",
    **denoising.OPPONENTS,
    "control": "Clean, reconstructed",
}
"""What the page calls each of `denoising.versions`."""
PINS = {"clean": "clean", "noisy": "corrupted", "cleaned": "cleaned"}
"""Those of them whose codes are on the map, and their names there."""
# All eight in one row on a laptop; where there is less room three, as wide as that is.
SIZE = "max(12.5cqw - 0.75rem, min(33.3cqw - 0.6rem, (36rem - 100cqw) * 99))"
# Three in each row of the place beside a pad: clean, corrupted and cleaned are the first row.
THREE = "min(14rem, 33cqw - 0.6rem)"

Versions = dict[str, np.ndarray]
"""What `denoising.versions` gives."""

# -- which model ------------------------------------------------------------------------------


def choose_model() -> ModelSubject:
    """The model that cleans: the best pretrained one until a person chose.

    What was chosen above the page or by the address is used, and another one offered if it was not
    trained to clean. A run that has just finished was chosen by nobody: it is used if it cleans.
    The choice itself is left as it is, so other pages keep its model.
    """
    chosen, best = sidebar.subject(), library.cleaner()
    asked, cleans = session.asked(WITH), denoising.cleans(type(chosen.model))
    asked = "chosen" if asked == "sidebar" else asked  # in addresses of earlier versions
    if session.get(WITH) is None and asked in ("best", "chosen"):
        session.note(WITH, asked)
        session.note("model_chosen", False)
    elif session.get("model_chosen") or (cleans and own.chosen_now(chosen.key)):
        session.note(WITH, "chosen")
        session.note("model_chosen", False)
    which = session.start(WITH, lambda: "best")
    usual = "best" if chosen.key == library.home() else "chosen"
    session.say(WITH, None if which == usual else which)
    if best and which == "best":
        return sidebar.subject(best)
    if not cleans:
        _offer(best)
    return chosen


def _say_which(subject: ModelSubject) -> None:
    """Which model cleaned, where the page chose it, and the way to another; what it learned."""
    if session.get(WITH) == "best" and subject.key == library.cleaner():
        row = st.container(horizontal=True, vertical_alignment="center", gap="small")
        row.markdown(f"Cleaned by *{subject.title}*, which was trained to clean.")
        label = f"Use the chosen model: {sidebar.subject().title}"
        row.button(label, on_click=session.note, args=(WITH, "chosen"))
    if learned := denoising.trained_on(subject.model):
        what, level = corruption.CORRUPTIONS[learned[0]], learned[1]
        st.caption(f"This model was trained on: {what.title}, {what.strength} {level:g}.")


def _offer(best: str | None) -> None:
    """Say that a model was not trained to clean, and offer one that was."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.info("This model was not trained to clean.", width=740)
        if best:
            label = f"Use {library.title(best)}"
            st.button(label, on_click=sidebar.use, args=(best,), type="primary")


# -- which images, and what corrupts them -----------------------------------------------------


@dataclass(frozen=True)
class Given:
    """Images (N, 28, 28) to clean, the clean ones where they are known, and their corruption.

    corruption: a key of `corruption.CORRUPTIONS`; shown: which one the page shows; beside: there is
    a pad or the like beside them.
    """

    noisy: np.ndarray
    clean: np.ndarray | None
    corruption: str
    strength: float
    shown: int
    beside: bool = False

    def cleaned(self, subject: ModelSubject, part: slice = slice(None)) -> Versions:
        """Some of the images in each version, the first one to compare with."""
        clean = None if self.clean is None else self.clean[part]
        data = subject.data
        return denoising.versions(
            subject.model, self.noisy[part], clean, data, self.corruption, self.strength
        )

    def one(self, subject: ModelSubject) -> Versions:
        """The image that is shown, in each version."""
        return self.cleaned(subject, slice(self.shown, self.shown + 1))


def choose_images(subject: ModelSubject) -> tuple[Given, DeltaGenerator]:
    """Widgets for the images and their corruption, and the place for what becomes of them.

    The corruption is above that place, and below it where the images come from. A pad, or another
    way to hand in an image, stands beside it, so that a person sees at once what the last stroke
    does.
    """
    data, uploads = subject.data, []
    noise, result = st.container(), st.container()
    with st.container(
        key="aside-source", horizontal=True, vertical_alignment="bottom", gap="medium"
    ):
        own_noisy = widgets.choice("Where to start", STARTS, "start_from") == "spoilt"
        source = None if own_noisy else pictures.choose_source(data, "picture", START)
    beside = source is None or source.handed_in
    with result:
        given, place, settings = widgets.beside() if beside else (None, st.container(), None)
    with given or st.container():
        if source is None:
            uploads = pictures.upload_plain("Noisy digits (resized, not cleaned)", "spoilt")
            images = np.array(uploads or [datasets.to_float(data.test_images[START])])
        else:
            images = source.images(many=True).images
    with settings or st.container():
        shown = _choose_shown(len(images))
    with noise:
        name, strength, seed = _choose_corruption(draws=not uploads)
    noisy = images if uploads else corruption.CORRUPTIONS[name].apply(images, strength, seed)
    clean = None if own_noisy else images
    return Given(noisy, clean, name, strength, shown, beside), place


def _choose_shown(count: int) -> int:
    if count == 1:
        return 0
    names = {str(k): f"Image {k + 1} of {count}" for k in range(count)}
    help = "All of them are cleaned for the download."
    return int(widgets.choice("Shown here", names, "denoise_shown", help, menu=True, width=220))


def _choose_corruption(*, draws: bool) -> tuple[str, float, int]:
    """Widgets for a key of `corruption.CORRUPTIONS`, its strength and its seed.

    Args:
        draws: False where nothing is corrupted here, so that there is no seed to choose.
    """
    titles = {key: kind.title for key, kind in corruption.CORRUPTIONS.items()}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        name, seed = widgets.choice("Corruption", titles, "noise", menu=True, width=230), 0
        kind = corruption.CORRUPTIONS[name]
        strength = widgets.slider(
            f"{kind.title}: {kind.strength}",
            kind.low,
            kind.high,
            kind.start,
            kind.step,
            key=name.replace(" ", "_"),
            help=kind.help,
            width=340,
        )
        if kind.seeded and draws:
            seed = widgets.draw_again("noise_seed", "New noise", main=False)
    return name, strength, seed


# -- what became of them ----------------------------------------------------------------------


def row(subject: ModelSubject, given: Given, one: Versions) -> None:
    """One image in each version, each over its error, to look at and to take home."""
    items = _items(one, 0)
    widgets.gallery(items, size=THREE if given.beside else SIZE, narrow=True)
    with st.container(key="aside-row", horizontal=True, vertical_alignment="center", gap="medium"):
        widgets.error_key()
        widgets.download("this row as PNG", lambda: widgets.strip(items), "aeviz-cleaned.png")
        if (number := len(given.noisy)) > 1:
            widgets.download(
                f"all {number} as ZIP",
                lambda: _archive(given.cleaned(subject)),
                "aeviz-cleaned.zip",
            )
    with st.container(key="aside-model"):
        _say_which(subject)
    if given.clean is None:
        st.markdown(texts.of("denoise").part("own"))


def untrained(subject: ModelSubject, one: Versions) -> None:
    """What a model that was not trained to clean does to noise, by what became of the image."""
    if denoising.cleans(type(subject.model)) or "clean" not in one:
        return
    noisy, cleaned, control = (
        float(errors.compare(one["clean"], one[key]).psnr[0])
        for key in ("noisy", "cleaned", "control")
    )
    part = "nearer" if cleaned > noisy else "further" if control > noisy else "lossy"
    known = {"noisy": f"{noisy:.1f}", "cleaned": f"{cleaned:.1f}", "control": f"{control:.1f}"}
    if np.isfinite(noisy):  # else nothing was corrupted
        st.markdown(texts.of("denoise").part(f"untrained_{part}", **known))


def _items(found: Versions, k: int) -> list[widgets.Item]:
    """Image k in each version, each over its difference to the first, with scores."""
    first = next(iter(found.values()))[k]
    items = []
    for key, others in found.items():
        other, lines = others[k], [NAMES[key]]
        if "clean" not in found and key == "noisy":
            lines = ["As it is"]
        elif "clean" in found and key != "clean":
            db = errors.compare(first[None], other[None]).psnr[0]
            lines.append(f"PSNR {db:.1f} dB" if np.isfinite(db) else "the same, pixel by pixel")
            lines.append(f"SSIM {denoising.ssim(first, other):.2f}")
        error = pixels.signed(other - first)
        items.append(widgets.Item([(other, key), (error, f"{key} error")], "\n".join(lines)))
    return items


def _archive(found: Versions) -> bytes:
    """A PNG for each image and a table of all scores, as a ZIP."""
    number = len(found["noisy"])
    files = {f"picture-{k + 1:03d}.png": widgets.strip(_items(found, k)) for k in range(number)}
    if scores := denoising.scores(found):
        files["scores.csv"] = export.table(denoising.SCORES, scores)
    return export.archive(files)


def codes(subject: ModelSubject, one: Versions) -> None:
    """Where the codes of an image lie among those of test images."""
    data, plane = subject.data, subject.plane()
    pins = {key: name for key, name in PINS.items() if key in one}
    places = plane.project(subject.codec.encode(np.concatenate([one[key] for key in pins])))
    st.plotly_chart(
        maps.pinned_map(
            plane.project(subject.codes()[: maps.PINNED_DOTS]),
            data.test_labels[: maps.PINNED_DOTS],
            data.classes,
            dict(zip(pins.values(), places, strict=True)),
            plane.axis_titles,
        ),
        config=theme.PLAIN,
        key="places",
        alt="where clean, corrupted and cleaned image lie among the test codes",
    )
    widgets.class_key(data.classes)


def formulas(given: Given) -> tuple[str, str]:
    """What the corruption does to an image, and what the model and the PSNR do."""
    return corruption.CORRUPTIONS[given.corruption].formula, texts.of("denoise").parts["formula"]


# -- the curve --------------------------------------------------------------------------------


@st.cache_data(max_entries=4000, show_spinner=False)
def _squared(
    cleaner: str, data: str, corrupted_by: str, strength: float, _subject: ModelSubject
) -> np.ndarray:
    if cleaner in denoising.OPPONENTS:
        clean = denoising.cleaner(cleaner, _subject.data, corrupted_by, strength)
    else:
        clean = partial(apply.reconstruct, _subject.model) if cleaner else np.asarray
    return denoising.cleaning_mse(clean, _subject.data, corrupted_by, strength)


def cleaning_errors(subjects: Sequence[ModelSubject], corrupted_by: str) -> Versions:
    """Squared error of each image for each strength of a corruption's curve, with a progress bar.

    Args:
        subjects: at least one.
        corrupted_by: a key of `corruption.CORRUPTIONS`.

    Returns:
        (K, N) by the subjects' keys, those of `denoising.OPPONENTS`, and "" for what is not
        cleaned.
    """
    strengths = corruption.CORRUPTIONS[corrupted_by].curve
    cleaners = {s.key: s for s in subjects} | dict.fromkeys(denoising.OPPONENTS, subjects[0])
    cleaners[""] = subjects[0]
    bar, started = st.empty(), time.perf_counter()
    found: dict[str, list[np.ndarray]] = {cleaner: [] for cleaner in cleaners}
    points = [(cleaner, s, strength) for cleaner, s in cleaners.items() for strength in strengths]
    for k, (cleaner, subject, strength) in enumerate(points):
        if time.perf_counter() - started > 0.1:  # what is in the cache needs no bar
            text = f"Cleaning {denoising.MEASURED_ON:,} test images at each strength"
            bar.progress(k / len(points), text)
        data = subject.data.name
        found[cleaner].append(_squared(cleaner, data, corrupted_by, strength, subject))
    bar.empty()
    return {cleaner: np.stack(rows) for cleaner, rows in found.items()}


@st.fragment
def curve(subject: ModelSubject, given: Given) -> None:
    """PSNR against the strength of a corruption, and who cleans best; when a person asks for it."""
    if not widgets.toggle("Plot PSNR against noise strength", "strength_curve"):
        return
    sidebar.still_there(subject.key)
    kind, best = corruption.CORRUPTIONS[given.corruption], library.cleaner()
    beside = widgets.several(
        "Models to compare",
        sidebar.names(),
        "strength_beside",
        [best] if best else [],
        most=MOST,
        help="The chosen model is always drawn.",
    )
    keys = dict.fromkeys([subject.key, *beside])
    subjects = [subject if key == subject.key else sidebar.subject(key) for key in keys]
    names = {its.key: its.title for its in subjects} | {"": "Not cleaned"} | denoising.OPPONENTS
    errors = cleaning_errors(subjects, given.corruption)
    found = {name: errors[key] for key, name in names.items()}
    psnr = {name: [estimate.psnr(estimate.mean(at)) for at in rows] for name, rows in found.items()}
    marks = {its.title: denoising.trained_on(its.model) for its in subjects}
    st.plotly_chart(
        curves.strength_curves(
            kind.curve,
            psnr,
            {
                title: mark[1]
                for title, mark in marks.items()
                if mark and mark[0] == given.corruption
            },
            len(subjects),
            title=f"{kind.title}: {kind.strength}",
        ),
        config=theme.PLAIN,
        key="strengths",
        alt="PSNR against the strength of the corruption, for models and filters",
    )
    nearest = int(np.abs(np.array(kind.curve) - given.strength).argmin())
    at = f"{kind.title}, {kind.strength} {kind.curve[nearest]:g}"
    st.markdown(_who_is_best(at, {name: rows[nearest] for name, rows in found.items()}))
    text = texts.of("denoise")
    known = f"{denoising.MEASURED_ON:,}", f"{denoising.FITTED_ON:,}"
    st.caption(text.part("curve", number=known[0], fitted=known[1]))


def _who_is_best(at: str, squared: Versions) -> str:
    """Which of some ways to clean leaves the least error, which comes next, and is that sure?

    Args:
        at: corruption and strength.
        squared: errors (N,) of the same images by each.
    """
    ranked = denoising.ranking(squared)
    first, second = list(ranked.psnr)[:2]
    if not np.isfinite(ranked.psnr[first].value):
        return f"{at}: nothing is corrupted, and who changes nothing is best."
    best, next_best = (f"{ranked.psnr[name].said('.2f')} dB" for name in (first, second))
    said = f"{at}: *{first}* cleans best, **{best}**; next is *{second}*, {next_best}."
    doubt = " Image by image, their difference is within its standard error."
    return said if ranked.decided else said + doubt
