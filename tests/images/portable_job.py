"""What must come out the same however dataprep was compiled: prints digests of a manifest, of batches and of compiled records.

python portable_job.py FOLDER WORKERS
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import dataprep as dp
from dataprep.backends.threads import Threads
from dataprep.engines import Local
from dataprep.images import native
from dataprep.search.alignment import align
from dataprep.search.likeness import luminance
from dataprep.stages.measures.compiled import wanted

OPS: dict[str, tuple[Any, ...]] = {
    "training, float32": (dp.RandomResizedCrop(64), dp.HorizontalFlip(), dp.Normalize()),
    "training, uint8": (dp.RandomResizedCrop(48), dp.HorizontalFlip()),
    "evaluation": (dp.Resize(72), dp.CenterCrop(64), dp.Normalize.imagenet()),
    "larger": (dp.Resize((130, 170)), dp.Output("float16", "channels_last")),
}


def digest(data: bytes) -> str:
    """Returns a short digest."""
    return hashlib.sha256(data).hexdigest()[:16]


def records(folder: Path, measures: Any) -> Iterator[bytes]:
    """Yields what compiled code finds in each file, nothing where it was not compiled."""
    code = native.module("measure")
    number = None if code is None else wanted(measures)
    for path in sorted(folder.rglob("*.*")) if number is not None else []:
        yield repr(code.jpeg(path.read_bytes(), number, 1 << 28, False)).encode()


def alignments(manifest: dp.Manifest) -> list[float]:
    """Returns how alike each small picture is to the next one, turned or not."""
    codes = [code for code in manifest.table["miniature"].to_pylist() if code]
    pictures = luminance(np.frombuffer(b"".join(codes), np.uint8).reshape(len(codes), -1))
    shifted = np.roll(pictures, 1, axis=2)
    return [align(one, other) for others in (pictures[1:], shifted) for one, other in zip(pictures, others, strict=False)]


def main(folder: Path, workers: int) -> None:
    """Cleans a folder, loads it, and prints digests."""
    pipeline = dp.Pipeline(*dp.standard_rules(), *OPS["training, float32"])
    manifest = dp.clean(folder, pipeline, engine=Local(workers))
    batches = {}
    for name, ops in OPS.items():
        loader = dp.Loader(manifest, dp.Pipeline(*ops), batch_size=4, backend=Threads(1, output="numpy"))
        batches[name] = digest(b"".join(batch.images.tobytes() + batch.ids.tobytes() for batch in loader))
    said = {
        "columns": {name: digest(repr(manifest.table[name].to_pylist()).encode()) for name in manifest.table.column_names},
        "batches": batches,
        "alignments": digest(repr(alignments(manifest)).encode()),
        "records": digest(b"".join(records(folder, pipeline.measures))),
        "compiled": [name for name in ("resample", "jpeg", "measure", "align") if native.module(name)],
        "errors": manifest.table["error"].null_count - len(manifest),
    }
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
