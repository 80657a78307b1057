"""A recipe to a batch of NumPy arrays: read, decode, apply the ops. What every CPU backend does, wherever it runs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataprep.backends.kernels import apply
from dataprep.decode import MAX_PIXELS, decode, quiet_decoders
from dataprep.errors import DecodeError, LoaderError, SourceError
from dataprep.types import Batch, Image, Op, Recipe, Sizes, Source


def render(source: Source, ops: tuple[Op, ...], recipe: Recipe) -> Batch:
    """Makes one batch as NumPy arrays.

    Args:
        source: Reads the recipe's uris.
        ops: The ops that the recipe's parameters were drawn for.
        recipe: The batch, fully determined.

    Raises:
        LoaderError: A file cannot be read, or is not the one that was measured; it is named.
    """
    images = None
    limit = pixel_limit(recipe.sizes)
    with quiet_decoders(limit):
        for place, uri in enumerate(recipe.uris):
            image: NDArray[Any] = decoded(source, uri, (int(recipe.sizes[place, 0]), int(recipe.sizes[place, 1])), limit)
            image = apply(ops, image, [params[place] for params in recipe.params])
            if images is None:
                images = np.empty((len(recipe.uris), *image.shape), image.dtype)
            images[place] = image
    return Batch(images, recipe.labels, recipe.ids)


def pixel_limit(sizes: Sizes) -> int:
    """Returns the limit against bombs for images of (B, 2) measured sizes: `clean` may have been given a larger one."""
    return max(MAX_PIXELS, int(sizes.prod(axis=1).max(initial=0)))


def decoded(source: Source, uri: str, measured: tuple[int, int], limit: int) -> Image:
    """Returns the (H, W, 3) image of a uri, or says which file is not what the manifest says."""
    try:
        image = decode(source.read(uri), max_pixels=limit).image
    except (SourceError, DecodeError) as error:
        raise LoaderError(f"{uri}: {error}; run `clean` again to drop it") from error
    if image.shape[:2] != measured:
        now, then = (f"{width}×{height}" for height, width in (image.shape[:2], measured))
        raise LoaderError(f"{uri} is {now} now but was {then} when it was measured; run `clean` again")
    return image
