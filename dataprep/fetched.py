"""What reading gives besides bytes: where they came from, how often they had to be asked for, and what that came to.

Bare Python reads by this, too, so it imports nothing.
"""

from typing import Final, NamedTuple


class Fetched(bytes):
    """Bytes from a store, with what came beside them.

    Attributes:
        version: Which of the contents that the object has had, such as its ETag; None where the store does not say.
        modified: When the file was changed last, in nanoseconds since 1970, where that came with the bytes.
        retries: How often they had to be asked for again.
        kept: Whether a cache of this machine had them, so that the source may have others by now.
        unkept: Why a cache could not take them, if one could not.
    """

    version: str | None = None
    modified: int | None = None
    retries: int = 0
    kept: bool = False
    unkept: str = ""


class Unstamped(str):
    """A uri of which nothing says what was there, so that no copy of it may stand for it."""

    __slots__ = ()


class Reads(NamedTuple):
    """What reading came to, for a batch or for many.

    Example:
        >>> dp.Reads(retries=1) + dp.Reads(retries=2, kept=4)
        Reads(retries=3, waited=0.0, kept=4, unkept=0, why='')

    Attributes:
        retries: How often a store was asked again for what it had not given.
        waited: Seconds that those who decode waited for bytes, all of them together.
        kept: Files that a cache of this machine had.
        unkept: Files that it could not take.
        why: Why it could not.
    """

    retries: int = 0
    waited: float = 0.0
    kept: int = 0
    unkept: int = 0
    why: str = ""

    def __add__(self, later: "Reads") -> "Reads":  # type: ignore[override]  # a sum, not a longer tuple
        """Returns what both came to."""
        one, other = self, later
        sums = one.retries + other.retries, one.waited + other.waited, one.kept + other.kept, one.unkept + other.unkept
        return Reads(*sums, other.why or one.why)


NO_READS: Final = Reads()


def reads_of(answer: object) -> Reads:
    """Returns what the bytes of a file, or the error in their place, say of how they were had."""
    why = getattr(answer, "unkept", "")
    return Reads(getattr(answer, "retries", 0), kept=int(getattr(answer, "kept", False)), unkept=int(bool(why)), why=why)
