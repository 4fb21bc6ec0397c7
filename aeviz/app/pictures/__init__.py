"""The one way in for pictures: a test picture, or what a person uploads, draws or photographs."""

from aeviz.app.pictures.choosing import Picked, pick_images, upload_plain

__all__ = ["Picked", "pick_images", "upload_plain"]
