"""Keep the home page's map for those who come while torch is loading: `python -m benchmarks.first`.

To be run again once the checkpoint of the home page, or how its map is drawn, has changed.
"""

from __future__ import annotations

from aeviz.analysis import planes
from aeviz.app import first, library
from aeviz.app.components.latent_map import AtlasFile
from aeviz.app.subject import ModelSubject
from aeviz.app.views import encoded, explore
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import zoo


def drawn() -> first.First:
    """The map of the home page, everything of it computed."""
    subject = ModelSubject(library.codec(library.home()), datasets.load("mnist"))
    plane, labels = subject.plane(), subject.data.test_labels
    frame = explore.frame_of(subject, plane)
    atlas = planes.fitting_atlas(subject.codec.decode, plane, frame.window, frame.points)
    assert atlas.error is not None
    opening = explore.on_pad(subject, plane)
    assert opening.index is not None
    return first.First(
        subject.key,
        planes.plane_key(plane),
        zoo.code(subject.model)[1],
        frame.points,
        labels,
        plane.axis_titles,
        plane.equal,
        frame.far,
        pixels.webp(pixels.tiles(subject.data.test_images, 100)),
        AtlasFile(pixels.webp(atlas.sheet()), atlas.size, frame.window),
        atlas.error,
        explore.exact_at(subject, plane, frame.start),
        encoded.image(subject, plane, opening),
        opening.index,
    )


def main() -> None:
    """Draw it and keep it."""
    first.FILE.unlink(missing_ok=True)  # what is kept would be taken for computed
    first.read.cache_clear()
    first.write(drawn())
    print(f"{first.FILE.name}: {first.FILE.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
