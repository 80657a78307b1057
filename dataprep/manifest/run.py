"""What `clean` did to make a manifest."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """What `clean` did to make a manifest.

    Attributes:
        measured: How many images it read, or tried to.
        known: How many it knew from its cache.
        seconds: From the scan to the verdicts.
        carried: What became of the splits of the manifest that it replaces, by number of images; None where there were none.
        retries: How often a store was asked again for what it had not given.
    """

    measured: int
    known: int
    seconds: float
    carried: Mapping[str, int] | None = None
    retries: int = 0
