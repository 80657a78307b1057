"""Targets on their way through a backend: places were moved in the main process and are copied; masks are rendered here."""

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

from attrs import field, frozen
from numpy.typing import NDArray

from dataprep.backends.mix import partners_of
from dataprep.errors import LoaderError
from dataprep.fetched import Unstamped
from dataprep.protocols import Source
from dataprep.targets.marks import Marks
from dataprep.targets.masks import Masks, render_mask
from dataprep.targets.mix import mix_targets
from dataprep.types import Failure, Recipe, Stamp, Targets


@frozen
class TargetCanvas:
    """The targets of one batch while it is made: what a backend renders image by image, and delivers beside the batch.

    Without targets it does nothing, so a backend need not ask. Images may be rendered by several threads at once.

    Example:
        >>> loader = dp.Loader(manifest, batch_size=4, backend=FakeBackend())
        >>> canvas = dp.TargetCanvas(loader.source, next(loader.recipes()))
        >>> canvas.render(0)
        >>> canvas.finish() is None  # none were asked for
        True

    Attributes:
        source: Reads the masks.
        recipe: The batch.
    """

    source: Source
    recipe: Recipe
    _masks: dict[str, NDArray[Any]] = field(init=False)

    @_masks.default
    def _blank(self) -> dict[str, NDArray[Any]]:
        given = self.recipe.targets or {}
        return {name: masks.blank() for name, masks in given.items() if isinstance(masks, Masks)}

    def render(self, index: int) -> None:
        """Renders what one image has to be rendered for.

        Raises:
            LoaderError: A mask cannot be read, so the image is one that failed.
        """
        for name, out in self._masks.items():
            try:
                render_mask(self.source, (self.recipe.targets or {})[name], index, out[index])
            except LoaderError as error:
                raise LoaderError(f"{self.recipe.uris[index]}: {error}; mend or drop it, or use on_error='skip'") from error

    def finish(self, failures: Sequence[Failure] = ()) -> Targets | None:
        """Returns the targets of the batch, mixed as its images are, as NumPy arrays; None where none were asked for.

        Args:
            failures: Which images failed, so that they are nobody's partners.
        """
        if self.recipe.targets is None:
            return None
        targets = {**self.recipe.targets, **self._masks}
        mixture = self.recipe.mixture
        if mixture is None:
            return targets
        partners = partners_of(len(mixture.params), {failure.index for failure in failures})
        return mix_targets(targets, mixture.params, partners)


def uris_of(recipe: Recipe) -> list[str]:
    """Returns all that is read for a batch, in about the order in which it is: of each image its masks, then itself."""
    masks = [map(_unstamped, given.uris()) for given in (recipe.targets or {}).values() if isinstance(given, Masks)]
    images = map(stamped, recipe.uris, repeat(None) if recipe.stamps is None else recipe.stamps)
    return [uri for of_one in zip(*masks, images, strict=True) for uri in of_one if uri is not None]


def stamped(uri: str, stamp: Stamp | None) -> str:
    """Returns a uri that says whether it is known what was there."""
    return uri if stamp is not None and stamp.digest is not None else Unstamped(uri)


def _unstamped(uri: str | None) -> str | None:
    return None if uri is None else Unstamped(uri)


def convert_targets(targets: Targets | None, function: Callable[[NDArray[Any]], Any]) -> Targets | None:
    """Returns targets whose arrays are those of another library."""
    if targets is None:
        return None
    return {name: _convert(values, function) for name, values in targets.items()}


def _convert(values: Any, function: Callable[[NDArray[Any]], Any]) -> Any:
    if isinstance(values, Marks):
        return values.convert(function)
    return values if isinstance(values, list) else function(values)
