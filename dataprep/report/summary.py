"""The numbers of a cleaning run: what `summary.json` holds and the terminal shows."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from dataprep.describe import describe
from dataprep.manifest import Manifest

VERSION: Final = 1


@dataclass(frozen=True)
class Summary:
    """A cleaning run in numbers.

    Attributes:
        source: Where the images are, as plain data.
        scanned: Images that were found.
        kept: Images that are kept.
        dropped: How many were dropped for each reason, the most frequent first.
        leaks: Images that were dropped as copies of protected ones.
        conflicts: Dropped copies whose label is not that of their twin.
        ignored: Files beside the images, left alone.
        labels: How many images are kept of each label.
        measured: Images that were read in this run; the others were known from before.
        seconds: Time from scan to manifest.
        mean: RGB mean over the kept images as shares of 255, where it was measured.
        std: RGB standard deviation, likewise.
        fingerprint: The manifest's.
    """

    source: dict[str, Any]
    scanned: int
    kept: int
    dropped: dict[str, int]
    leaks: int
    conflicts: int
    ignored: int
    labels: dict[str, int]
    measured: int
    seconds: float
    mean: tuple[float, float, float] | None
    std: tuple[float, float, float] | None
    fingerprint: str

    @property
    def rate(self) -> float:
        """Images scanned in a second."""
        return self.scanned / max(self.seconds, 1e-9)

    def as_json(self) -> dict[str, Any]:
        """Returns plain data with a version."""
        return {"version": VERSION, **asdict(self), "images_per_second": round(self.rate, 1)}


def summarize(manifest: Manifest, *, measured: int, seconds: float) -> Summary:
    """Returns the summary of the run that made a manifest."""
    counts = manifest.kept()["label"].drop_null().value_counts().to_pylist()
    statistics = manifest.statistics
    return Summary(
        source=describe(manifest.source),
        scanned=len(manifest),
        kept=manifest.kept().num_rows,
        dropped=manifest.reasons(),
        leaks=manifest.leaks().num_rows,
        conflicts=manifest.conflicts().num_rows,
        ignored=manifest.ignored,
        labels={count["values"]: count["counts"] for count in sorted(counts, key=lambda count: str(count["values"]))},
        measured=measured,
        seconds=round(seconds, 3),
        mean=statistics.mean if statistics else None,
        std=statistics.std if statistics else None,
        fingerprint=manifest.fingerprint,
    )
