"""The op that runs transforms of torchvision and timm, or any function of an image, as a description: a kernel runs it.

Unlike those of albumentations they cannot be written down: a file has what they say of themselves, the program has the transform.
"""

from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from attrs import converters, field, frozen, validators
from numpy.typing import NDArray

from dataprep.describe import UNDESCRIBED, register
from dataprep.errors import PipelineError
from dataprep.stages.ops.arguments import SIZE, Size, VersionedOp, as_size, check_pixels, height_width
from dataprep.stages.ops.foreign import Numbers, run_seeded, size_after
from dataprep.types import Image, Params, Sizes, Spec, Uniforms


@register
@frozen(init=False)
class TorchVision(VersionedOp):
    """A transform of torchvision or timm, or any function of an image of Pillow's, seeded for each image by what was drawn.

    It draws from the generators of the whole process, which threads share, so it runs in processes: `Torch(workers=...)`, which a
    loader takes by default then. Around it the generators are left as they were.

    Example:
        >>> import torch
        >>> from torchvision.transforms import v2
        >>> train = v2.Compose([v2.ToImage(), v2.RandomResizedCrop(224), v2.ToDtype(torch.float32, scale=True)])
        >>> dp.Pipeline(dp.TorchVision(train)).spec.dtype
        'float32'

    Attributes:
        transform: The transform, as it is, with `Normalize` and all. A file has only its text: make the pipeline anew then, and
            give it to the loader.
        size: (height, width) after it, or one number for a square; None if it keeps the size, or to find it out by trying.
        text: What the transform says of itself.
        dtype: What it gives: "uint8", of an image of Pillow's or a tensor of bytes, or "float32".
        normalize: Mean and std of a `Normalize` in it, which pictures of batches undo.
    """

    transform: Any = field(eq=False, repr=False, metadata={UNDESCRIBED: True})
    size: Size | None = field(default=None, converter=converters.optional(as_size), validator=validators.optional(SIZE))
    text: str = ""
    dtype: Literal["uint8", "float32"] = "uint8"
    normalize: Numbers | None = None
    slots = 1
    in_processes: ClassVar[bool] = True

    def __init__(
        self,
        transform: Any = None,
        size: Size | None = None,
        text: str = "",
        dtype: Literal["uint8", "float32"] = "uint8",
        normalize: Numbers | None = None,
    ) -> None:
        """Takes a transform, and tries it to know the size and the type that it gives, where it can be tried.

        Raises:
            PipelineError: It cannot be called, gives various sizes, or something else than an image.
        """
        if transform is not None:
            if not callable(transform) or isinstance(transform, type):
                raise PipelineError(f"TorchVision({transform!r:.200}): give a transform, such as v2.RandomResizedCrop(224)")
            kinds: set[str] = set()
            found = size_after(partial(_tried, transform, kinds), "TorchVision")
            size = found if size is None else size
            dtype = "float32" if "float32" in kinds else "uint8"
            text, normalize = repr(transform), _normalize_of(transform)
        self.__attrs_init__(transform, size, text, dtype, normalize)

    def spec(self, spec: Spec) -> Spec:
        """Of the given size, else unchanged, and of the type that the transform gives."""
        check_pixels(self, spec)
        height, width = (spec.height, spec.width) if self.size is None else height_width(self.size)
        return Spec(height, width, self.dtype)

    def draw(self, u: Uniforms, sizes: Sizes) -> tuple[Params, Sizes]:
        """Draws the seed; the other parameters are height and width after it."""
        target = sizes if self.size is None else np.tile(np.array(height_width(self.size), np.int64), (len(sizes), 1))
        return np.concatenate([np.floor(u * 2**32), target], axis=1), target

    def tell(self, params: Params) -> str:
        """Says the seed."""
        return f"seed {params[0]:.0f}"


def _tried(transform: Any, kinds: set[str], image: Image) -> NDArray[Any]:
    """Returns what a transform makes of an image, and adds its type to those that were met."""
    made = run_seeded(transform, image, seed=0)
    kinds.add(str(made.dtype))
    return made


def _normalize_of(transform: Any) -> Numbers | None:
    """Returns mean and std of the last `Normalize` in a transform that lists what it consists of."""
    for one in reversed(getattr(transform, "transforms", [])):
        if type(one).__name__ == "Normalize":
            mean, std = ([float(share) for share in np.asarray(numbers).ravel()] for numbers in (one.mean, one.std))
            if len(mean) == len(std) == 3:
                return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])
    return None
