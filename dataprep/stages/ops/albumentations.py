"""The op that runs a transform of the albumentations library, as a description: the transform itself is made by the kernel."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from dataprep.errors import PipelineError
from dataprep.stages.ops.arguments import check_pixels, checked_size, height_width
from dataprep.types import Params, Sizes, Spec, Uniforms


@dataclass(frozen=True)
class Albumentations:
    """A transform of albumentations, or a `Compose` of some, seeded for each image by what was drawn for it.

    So images get different augmentations in different workers, new ones in each epoch, and the same ones after a resume; none of
    which holds for albumentations alone in the workers of a `DataLoader`.

    Attributes:
        transform: The transform; kept as JSON, so that it can be compared, saved and sent.
        size: (height, width) after it, or one number for a square; None if it keeps the size.
    """

    transform: Any
    size: int | tuple[int, int] | None = None
    slots = 1

    def __post_init__(self) -> None:
        """Takes the transform as JSON.

        Raises:
            PipelineError: It is no transform, or one that cannot be described, such as a `Lambda`.
        """
        if self.size is not None:
            object.__setattr__(self, "size", checked_size(self, self.size))
        if isinstance(self.transform, str):
            return
        if not hasattr(self.transform, "to_dict"):
            raise PipelineError(f"Albumentations({self.transform!r}): give a transform of albumentations, such as A.Blur()")
        try:
            object.__setattr__(self, "transform", json.dumps(self.transform.to_dict(), sort_keys=True))
        except (NotImplementedError, TypeError) as error:
            raise PipelineError(
                f"Albumentations: {self.transform!r} cannot be described ({error}); "
                "write an op of your own for it: a frozen dataclass and a kernel"
            ) from error

    def spec(self, spec: Spec) -> Spec:
        """Of the given size, else unchanged."""
        check_pixels(self, spec)
        return spec if self.size is None else Spec(*height_width(self.size))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the seed; the other parameters are height and width after it."""
        target = sizes if self.size is None else np.tile(np.array(height_width(self.size), np.int64), (len(sizes), 1))
        return np.concatenate([np.floor(u * 2**32), target], axis=1), target
