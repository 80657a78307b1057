"""What is asked of a pack: in which form images are stored, how large a shard is, and in which order they come."""

from typing import Any, Final, Literal, TypeAlias

from attrs import asdict, field, frozen

from dataprep.arguments import as_bytes, as_whole, is_whole
from dataprep.errors import DataprepError

Form: TypeAlias = Literal["original", "jpeg", "raw"]
OnError: TypeAlias = Literal["raise", "skip"]

QUALITY: Final = 90
"""Of JPEG, where a side is asked for and no quality."""

RANGES: Final = {
    "side": (1, 65_500, "the length of the shorter side in pixels, or None to leave images as they are"),
    "quality": (1, 100, "the quality of JPEG, 1 to 100"),
    "shard": (10_240, 1 << 40, 'the bytes of a shard, at least 10 kB, such as "256MB"'),
    "seed": (-(2**63), 2**63 - 1, "a whole number, or None for the order of the manifest"),
}
"""The least, the largest and the meaning of each number."""


@frozen
class Options:
    """How images are packed; `pack` says what each of these means.

    Raises:
        DataprepError: One of them is no such thing, or two of them do not go together.
    """

    side: int | None = field(default=None, converter=as_whole)
    quality: int | None = field(default=None, converter=as_whole)
    raw: bool = False
    shard: int = field(default=256 * 10**6, converter=as_bytes)
    seed: int | None = field(default=0, converter=as_whole)
    on_error: OnError = "raise"

    def __attrs_post_init__(self) -> None:
        """Checks all of them."""
        for name, (least, most, meaning) in RANGES.items():
            value = getattr(self, name)
            if value is None and name != "shard":
                continue
            if not is_whole(value) or not least <= value <= most:
                raise DataprepError(f"pack({name}={value!r:.60}): give {meaning}")
        for name, words in (("raw", (True, False)), ("on_error", ("raise", "skip"))):
            if getattr(self, name) not in words:
                raise DataprepError(f"pack({name}={getattr(self, name)!r:.60}): give {words[0]!r} or {words[1]!r}")
        if self.raw and self.quality is not None:
            raise DataprepError(f"pack(raw=True, quality={self.quality}): raw pixels have no quality; give one of the two")

    @property
    def form(self) -> Form:
        """What becomes of an image."""
        if self.raw:
            return "raw"
        return "original" if self.side is None and self.quality is None else "jpeg"

    def describe(self) -> dict[str, Any]:
        """Returns what a shard depends on, as plain data."""
        return {name: value for name, value in asdict(self).items() if name != "on_error"}
