"""Whether files have the content that was measured: what size and modified time, which cost nothing, do not say for certain.

An archive that is unpacked or a copy that keeps times may put another picture where one was, of equal length and time.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep import machine
from dataprep.ahead import Reading
from dataprep.cleaning.known import Found
from dataprep.cleaning.measure import batches, cores_of, digest_batch, lost_digests, shares
from dataprep.engines.local import Local
from dataprep.manifest import Manifest
from dataprep.progress import Watch, watched
from dataprep.protocols import Engine, Progress, Source

BATCH: Final = (4, 32)  # images that are read at once, at least and at most
OTHER: Final = "another content than was measured"


def verify(manifest: Manifest, *, engine: Engine | None = None, progress: Watch = True) -> pa.Table:
    """Reads every image of a manifest, and returns those that are not what was measured.

    Example:
        >>> dp.verify(manifest).num_rows
        0

    Args:
        manifest: Whose images; what could not be read when it was made is left out.
        engine: Who reads; None stands for `Local()`, all cores of this machine.
        progress: True shows a bar in a terminal and in a notebook, False nothing; a function is called in its place with
            "verifying", how many images are done and how many there are.

    Returns:
        A table of id, uri and why: another content, or that and why it cannot be read.
    """
    table = manifest.table.filter(pc.is_valid(manifest.table["digest"]))
    engine = Local() if engine is None else engine
    with watched(progress) as advance:
        digests, errors = _digests(table, np.arange(len(table)), manifest.source, engine, advance)
    changed = np.array([now != then for now, then in zip(digests, table["digest"].to_pylist(), strict=True)], bool)
    why = [error or OTHER for error, other in zip(errors, changed, strict=True) if other]
    return table.select(["id", "uri"]).filter(pa.array(changed)).append_column("why", pa.array(why, pa.string()))


def unchanged(
    records: pa.Table, known: Sequence[Found], source: Source, engine: Engine, progress: Progress | None = None
) -> list[Found]:
    """Returns what is known of those files whose content is still that which it is known of.

    Args:
        records: The scan.
        known: What is known of it, with digests.
        source: Reads the images.
        engine: Who reads them.
        progress: Called with "verifying" as images are done.
    """
    rows = np.unique(np.concatenate([np.zeros(0, np.int64), *(found.rows for found in known)]))
    digests, _ = _digests(records, rows, source, engine, progress)
    now = dict(zip(rows.tolist(), digests, strict=True))
    same = []
    for rows, table in known:
        mask = np.array(
            [now[row] == digest for row, digest in zip(rows.tolist(), table["digest"].to_pylist(), strict=True)], bool
        )
        same.append(Found(rows[mask], table.filter(pa.array(mask))))
    return same


def _digests(
    records: pa.Table, rows: NDArray[np.int64], source: Source, engine: Engine, progress: Progress | None
) -> tuple[list[str | None], list[str | None]]:
    """Returns the digest that the file of each of some rows has now, or why there is none."""
    digests: dict[int, str | None] = {}
    errors: dict[int, str | None] = {}
    sizes = shares(len(rows), *BATCH, cores_of(engine))
    with Reading(digest_batch, source, processes=min(cores_of(engine), machine.cores())) as run:
        for batch in engine.map(run, batches(records, rows, sizes), lost_digests):
            for row in batch.to_pylist():
                digests[row["row"]], errors[row["row"]] = row["digest"], row["error"]
            if progress is not None:
                progress("verifying", len(digests), len(rows))
    return [digests[row] for row in rows.tolist()], [errors[row] for row in rows.tolist()]
