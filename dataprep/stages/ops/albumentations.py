"""The op that runs a transform of the albumentations library, as a description: the transform itself is made by the kernel."""

import json
from copy import deepcopy
from typing import Any

import numpy as np
from attrs import converters, field, frozen, validators

from dataprep.describe import register
from dataprep.errors import PipelineError
from dataprep.protocols import Op
from dataprep.stages.ops.arguments import SIZE, Size, VersionedOp, as_size, check_pixels, height_width
from dataprep.stages.ops.foreign import Numbers, size_after
from dataprep.stages.ops.values import Normalize
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


def _without_ending(transform: dict[str, Any]) -> Numbers | None:
    """Takes `Normalize` and `ToTensorV2` from the end of a described transform, at any depth, and returns the numbers.

    Raises:
        PipelineError: It normalises in a way that `dp.Normalize` does not.
    """
    steps: list[Any] = transform.get("transforms", []) if _name(transform) in ("Compose", "Sequential") else []
    while steps and _name(steps[-1]) == "ToTensorV2":
        steps.pop()
    if not steps:
        return None
    last = steps[-1]
    if _name(last) != "Normalize":
        return _without_ending(last)
    if last.get("normalization", "standard") != "standard" or last["p"] != 1 or transform.get("p", 1) != 1:
        raise PipelineError(f"Albumentations: only a standard `Normalize` with p=1 can end a transform, not {last!r:.200}")
    steps.pop()
    scale = last["max_pixel_value"] / 255
    mean, std = ([float(share) * scale for share in np.broadcast_to(last[name], 3)] for name in ("mean", "std"))
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])


def _name(transform: Any) -> str:
    """Returns the class of a described transform, without its module."""
    return str(transform.get("__class_fullname__", "")).rpartition(".")[2]


@register
@frozen(init=False)
class Albumentations(VersionedOp):
    """A transform of albumentations, or a `Compose` of some, seeded for each image by what was drawn for it.

    So images get different augmentations in different workers, new ones in each epoch, and the same ones after a resume; none of
    which holds for albumentations alone in the workers of a `DataLoader`.

    Example:
        >>> import albumentations as A
        >>> train = A.Compose([A.RandomResizedCrop((224, 224)), A.Normalize(), A.ToTensorV2()])
        >>> spec = dp.Pipeline(dp.Albumentations(train)).spec
        >>> spec.height, spec.width, spec.dtype
        (224, 224, 'float32')

    Attributes:
        transform: The transform; kept as JSON, so that it can be compared, saved and sent.
        size: (height, width) after it, or one number for a square; None if it keeps the size, or, of a transform that is given
            and no JSON, to find it out by trying.
        normalize: Mean and std of a `Normalize` at its end, which a `Pipeline` makes a stage of its own.
    """

    transform: str
    size: Size | None = field(default=None, converter=converters.optional(as_size), validator=validators.optional(SIZE))
    normalize: Numbers | None = None
    slots = 1

    def __init__(self, transform: Any, size: Size | None = None, normalize: Numbers | None = None) -> None:
        """Takes a transform as it is: `Normalize` and `ToTensorV2` at its end are what a `Pipeline` does after it.

        Raises:
            PipelineError: It is no transform, cannot be described, gives various sizes, or normalises otherwise than `Normalize`.
        """
        text = _as_json(transform)
        if size is None and not isinstance(transform, str):
            tried = deepcopy(transform)  # which would have drawn
            size = size_after(lambda image: tried(image=image)["image"], "Albumentations")
        description = json.loads(text)
        found = _without_ending(description.get("transform", {}))
        self.__attrs_init__(json.dumps(description, sort_keys=True), size, found or normalize)

    def parts(self) -> tuple[Op, ...]:
        """Returns the ops that it stands for: itself without the normalising, and a `Normalize`."""
        if self.normalize is None:
            return (self,)
        return Albumentations(self.transform, self.size), Normalize(*self.normalize)

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
