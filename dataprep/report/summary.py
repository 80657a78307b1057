"""The numbers of a cleaning run: what `summary.json` holds and the terminal shows."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from dataprep.describe import describe
from dataprep.manifest import Manifest, Run

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
        measured: Images that `clean` read to make the manifest, 0 where it was not made in this process.
        known: Images that it knew from its cache, likewise.
        seconds: Time that it took, from the scan to the verdicts, likewise.
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
    known: int
    seconds: float
    mean: tuple[float, float, float] | None
    std: tuple[float, float, float] | None
    fingerprint: str

    @property
    def rate(self) -> float:
        """Images measured or known in a second."""
        return (self.measured + self.known) / max(self.seconds, 1e-9)

    def as_json(self) -> dict[str, Any]:
        """Returns plain data with a version."""
        return {"version": VERSION, **asdict(self), "images_per_second": round(self.rate, 1)}


def summarize(manifest: Manifest) -> Summary:
    """Returns the numbers of a manifest and of the run of `clean` that made it."""
    run = manifest.run or Run(0, 0, 0.0)
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
        measured=run.measured,
        known=run.known,
        seconds=round(run.seconds, 3),
        mean=statistics.mean if statistics else None,
        std=statistics.std if statistics else None,
        fingerprint=manifest.fingerprint,
    )
