"""The op that runs a transform of the albumentations library, as a description: the transform itself is made by the kernel."""

import json
from typing import Any

import numpy as np
from attrs import converters, field, frozen, validators

from dataprep.describe import register
from dataprep.errors import PipelineError
from dataprep.stages.ops.arguments import SIZE, Size, VersionedOp, as_size, check_pixels, height_width
from dataprep.types import Params, Sizes, Spec, Uniforms


def _as_json(transform: Any) -> str:
    """Returns a transform as JSON.

    Raises:
        PipelineError: It is not a transform, or one that cannot be described, such as a `Lambda`.
    """
    if isinstance(transform, str):
        return transform
    if not hasattr(transform, "to_dict"):
        raise PipelineError(f"Albumentations({transform!r}): give a transform of albumentations, such as A.Blur()")
    try:
        return json.dumps(transform.to_dict(), sort_keys=True)
    except (NotImplementedError, TypeError) as error:
        raise PipelineError(
            f"Albumentations: {transform!r} cannot be described ({error}); "
            "write an op of your own for it: a frozen dataclass and a kernel"
        ) from error


@register
@frozen
class Albumentations(VersionedOp):
    """A transform of albumentations, or a `Compose` of some, seeded for each image by what was drawn for it.

    So images get different augmentations in different workers, new ones in each epoch, and the same ones after a resume; none of
    which holds for albumentations alone in the workers of a `DataLoader`.

    Attributes:
        transform: The transform; kept as JSON, so that it can be compared, saved and sent.
        size: (height, width) after it, or one number for a square; None if it keeps the size.
    """

    transform: str = field(converter=_as_json)
    size: Size | None = field(default=None, converter=converters.optional(as_size), validator=validators.optional(SIZE))
    slots = 1

    def spec(self, spec: Spec) -> Spec:
        """Of the given size, else unchanged."""
        check_pixels(self, spec)
        return spec if self.size is None else Spec(*height_width(self.size))

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the seed; the other parameters are height and width after it."""
        target = sizes if self.size is None else np.tile(np.array(height_width(self.size), np.int64), (len(sizes), 1))
        return np.concatenate([np.floor(u * 2**32), target], axis=1), target

    def tell(self, params: Params) -> str:
        """Says the seed."""
        return f"seed {params[0]:.0f}"
