"""Which image a lab stands on: its own for as long as it has disks, the recipe's when it is made."""

from __future__ import annotations

from stackhaven.lab import state
from stackhaven.lab.build import ensure_image
from stackhaven.lab.image import Image, installed
from stackhaven.lab.lab import Lab
from stackhaven.lab.progress import Event, Phase, Progress, silent
from stackhaven.lab.recipe import Recipe


def image_for(lab: Lab, recipe: Recipe, progress: Progress = silent) -> Image:
    """The image to bring a lab up on; built if need be.

    Disks hold only what differs from their image, so a lab that was made stays on it when the recipe changes. This
    is told through `progress`.

    Raises:
        HavenError: the build failed, or the lab's own image is gone.

    """
    record = state.load(lab.files.state)
    if record is None:
        return ensure_image(recipe, lab.home, progress)
    if record.image != recipe.id:
        note = f"lab {lab.spec.name} stays on image {record.image}; a new one would stand on {recipe.id}"
        progress(Event(what=note, phase=Phase.DONE))
    return installed(record.image, lab.home)
