"""The one way in for images: a test image, or what a person uploads, draws or photographs.

- `sources`: the files that a person hands in, by upload, camera or canvas, also on a page before.
- `strokes`: a drawing as text for the address.
- `preprocessing`: how each file was read, and the controls that correct it.
- `choosing`: what a page calls: all of that together, and which of the digits found are used.
"""

from aeviz.app.pictures.choosing import (
    Picked,
    Source,
    choose_source,
    pick_images,
    upload_plain,
)

__all__ = ["Picked", "Source", "choose_source", "pick_images", "upload_plain"]
