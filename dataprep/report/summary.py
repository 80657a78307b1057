"""The numbers of a cleaning run: what `summary.json` holds and the terminal shows."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from dataprep.describe import describe
from dataprep.manifest import Manifest, Run
from dataprep.report.findings import Finding, disagreement, examine, splits_of
from dataprep.stages import Deduplicate

VERSION: Final = 1


@dataclass(frozen=True)
class Summary:
    """A cleaning run in numbers; None where what a number counts was not looked for.

    Attributes:
        source: Where the images are, as plain data.
        scanned: Images that were found.
        kept: Images that are kept.
        dropped: How many were dropped for each reason, the most frequent first.
        warnings: What looks wrong, the worst first.
        leaks: Images that were dropped as copies of protected ones; None without protected ones.
        conflicts: Dropped copies whose label is not that of their twin; None without labels, or where no copies were looked for.
        near_duplicates: Dropped copies of another content that have a label, as has their twin; None likewise.
        near_conflicts: Those of them whose label is not that of their twin.
        protected_copies: Protected images that are copies of another protected one, and stay; None without protected ones.
        protected_conflicts: Those of them whose label is not that of the other one.
        ignored: Files beside the images, left alone.
        labels: How many images are kept of each label.
        measured: Images that `clean` read to make the manifest, 0 where it was not made in this process.
        known: Images that it knew from its cache, likewise.
        seconds: Time that it took, from the scan to the verdicts, likewise.
        statistics_of: Which images mean and std are of, in words: those to train on, which protected ones are not.
        mean: RGB mean over them as shares of 255, where it was measured.
        std: RGB standard deviation, likewise.
        fingerprint: The manifest's.
    """

    source: dict[str, Any]
    scanned: int
    kept: int
    dropped: dict[str, int]
    warnings: tuple[Finding, ...]
    leaks: int | None
    conflicts: int | None
    near_duplicates: int | None
    near_conflicts: int | None
    protected_copies: int | None
    protected_conflicts: int | None
    ignored: int
    labels: dict[str, int]
    measured: int
    known: int
    seconds: float
    statistics_of: str | None
    mean: tuple[float, float, float] | None
    std: tuple[float, float, float] | None
    fingerprint: str

    @property
    def rate(self) -> float:
        """Images measured or known in a second."""
        return (self.measured + self.known) / max(self.seconds, 1e-9)

    @property
    def suspicious(self) -> int:
        """How many warnings there are."""
        return len(self.warnings)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to train on, or a protected split has no image left."""
        return any(finding.kind == "nothing kept" for finding in self.warnings)

    def as_json(self) -> dict[str, Any]:
        """Returns plain data with a version."""
        return {"version": VERSION, **asdict(self), "images_per_second": round(self.rate, 1)}


def summarize(manifest: Manifest) -> Summary:
    """Returns the numbers of a manifest and of the run of `clean` that made it."""
    run = manifest.run or Run(0, 0, 0.0)
    counts = manifest.kept()["label"].drop_null().value_counts().to_pylist()
    training = manifest.training()
    statistics = training.statistics
    return Summary(
        source=describe(manifest.source),
        scanned=len(manifest),
        kept=manifest.kept().num_rows,
        dropped=manifest.reasons(),
        warnings=examine(manifest),
        **_count_copies(manifest),
        ignored=manifest.ignored,
        labels={count["values"]: count["counts"] for count in sorted(counts, key=lambda count: str(count["values"]))},
        measured=run.measured,
        known=run.known,
        seconds=round(run.seconds, 3),
        statistics_of=_name(training, statistics.images, len(training) < len(manifest)) if statistics else None,
        mean=statistics.mean if statistics else None,
        std=statistics.std if statistics else None,
        fingerprint=manifest.fingerprint,
    )


def _count_copies(manifest: Manifest) -> dict[str, int | None]:
    """Returns the numbers about copies, None for what was not looked for."""
    is_protected = len(manifest.protected()) > 0
    is_compared = bool(manifest.classes) and any(isinstance(rule, Deduplicate) for rule in manifest.pipeline.rules)
    near_conflicts, near_duplicates = disagreement(manifest)
    among_protected = manifest.protected_copies()
    return {
        "leaks": manifest.leaks().num_rows if is_protected else None,
        "conflicts": manifest.conflicts().num_rows if is_compared else None,
        "near_duplicates": near_duplicates if is_compared else None,
        "near_conflicts": near_conflicts if is_compared else None,
        "protected_copies": among_protected.copies().num_rows if is_protected else None,
        "protected_conflicts": among_protected.conflicts().num_rows if is_protected and manifest.classes else None,
    }


def _name(training: Manifest, images: int, is_part: bool) -> str:
    """Returns in words which images the statistics are of."""
    return f"{images:,} kept images" + (f" in {splits_of(training)}" if is_part else "")
