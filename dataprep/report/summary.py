"""The numbers of a cleaning run: what `summary.json` holds and the terminal shows."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from dataprep.describe import describe
from dataprep.manifest import Manifest, Run, check_manifest
from dataprep.report.finding import Finding
from dataprep.report.findings import disagreement, examine, splits_of
from dataprep.report.labels import Label, count_labels
from dataprep.stages import Deduplicate

VERSION: Final = 3


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
        conflict_rule: What is kept of copies whose labels disagree: "keep" the best, "majority" or "drop"; None likewise.
        conflicts: Dropped copies whose label is not that of their twin; None without labels, or where no copies were looked for.
        near_duplicates: Dropped copies of another content that have a label, as has their twin; None likewise.
        near_conflicts: Those of them whose label is not that of their twin.
        protected_copies: Protected images that are copies of another protected one, and stay; None without protected ones.
        protected_conflicts: Those of them whose label is not that of the other one.
        splits: How many images are kept of each split.
        carried: What became of the splits of the manifest that this one replaces: how many images are "known" and keep theirs,
            how many are "new" and were divided in the same proportions, and how many "moved" since they are copies of images
            of another split; None where there were none.
        ignored: Files beside the images, left alone, by how their names end: {".txt": 2, "": 1}.
        remarks: What was decided about the source as it was scanned, a sentence each.
        labels: What became of the images of each label.
        unlabelled: What became of the images without one; None where all have one.
        measured: Images that `clean` read to make the manifest, 0 where it was not made in this process.
        known: Images that it knew from its cache, likewise.
        seconds: Time that it took, from the scan to the verdicts, likewise.
        retries: Requests to a store that it made again, after faults that passed, likewise.
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
    conflict_rule: str | None
    conflicts: int | None
    near_duplicates: int | None
    near_conflicts: int | None
    protected_copies: int | None
    protected_conflicts: int | None
    splits: dict[str, int]
    carried: dict[str, int] | None
    ignored: Mapping[str, int]
    remarks: tuple[str, ...]
    labels: dict[str, Label]
    unlabelled: Label | None
    measured: int
    known: int
    seconds: float
    retries: int
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
    """Returns the numbers of a manifest and of the run of `clean` that made it.

    Example:
        >>> summary = dp.summarize(manifest)
        >>> summary.scanned, summary.kept, summary.dropped
        (13, 12, {'exact duplicate': 1})
    """
    check_manifest(manifest, "summarize")
    run = manifest.run or Run(0, 0, 0.0)
    statistics, warnings, labels = manifest.statistics, examine(manifest), count_labels(manifest.table)
    flags = _flags(warnings)
    return Summary(
        source=describe(manifest.source),
        scanned=len(manifest),
        kept=manifest.kept("id").num_rows,
        dropped=manifest.reasons(),
        warnings=warnings,
        **_count_copies(manifest),
        splits=_count_splits(manifest),
        carried=None if run.carried is None else dict(run.carried),
        ignored=dict(manifest.ignored),
        remarks=manifest.remarks,
        labels={label: replace(count, flags=flags.get(label, ())) for label, count in labels.items() if label is not None},
        unlabelled=labels.get(None),
        measured=run.measured,
        known=run.known,
        seconds=round(run.seconds, 3),
        retries=run.retries,
        statistics_of=name_trained(manifest),
        mean=statistics.mean if statistics else None,
        std=statistics.std if statistics else None,
        fingerprint=manifest.fingerprint,
    )


def _count_splits(manifest: Manifest) -> dict[str, int]:
    """Returns how many images are kept of each split, by its name."""
    counts = manifest.kept("split")["split"].drop_null().value_counts().to_pylist()
    return {count["values"]: count["counts"] for count in sorted(counts, key=lambda count: str(count["values"]))}


def _flags(warnings: Iterable[Finding]) -> dict[str, tuple[str, ...]]:
    """Returns what warnings say of single labels: the reason of the rule that falls on each, else their kind."""
    found: dict[str, tuple[str, ...]] = {}
    for finding in warnings:
        for label in finding.labels:
            found[label] = (*found.get(label, ()), finding.reason or finding.kind)
    return found


def _count_copies(manifest: Manifest) -> dict[str, Any]:
    """Returns the numbers about copies, None for what was not looked for."""
    is_protected = len(manifest.protected()) > 0
    searches = [rule for rule in manifest.pipeline.rules if isinstance(rule, Deduplicate)]
    is_compared = bool(manifest.classes) and bool(searches)
    near_conflicts, near_duplicates = disagreement(manifest)
    among_protected = manifest.protected_copies()
    return {
        "leaks": manifest.leaks().num_rows if is_protected else None,
        "conflict_rule": searches[0].conflicts if is_compared else None,
        "conflicts": manifest.conflicts().num_rows if is_compared else None,
        "near_duplicates": near_duplicates if is_compared else None,
        "near_conflicts": near_conflicts if is_compared else None,
        "protected_copies": among_protected.copies().num_rows if is_protected else None,
        "protected_conflicts": among_protected.conflicts().num_rows if is_protected and manifest.classes else None,
    }


def name_trained(manifest: Manifest) -> str | None:
    """Returns in words which images the statistics are of, None where there are none."""
    if manifest.statistics is None:
        return None
    trained = manifest.trained()
    where = "" if len(trained) == len(manifest) else f" in {splits_of(trained)}" if len(trained) else " to train on"
    return f"{manifest.statistics.images:,} kept images{where}"
