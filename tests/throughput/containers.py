"""The same JPEG files in the containers of others: WebDataset's, LitData's and MosaicML's, with the fastest transforms beside.

Each makes whole batches of (64, 3, 224, 224) by two workers, and is written as its documentation writes it. What a container has
to write of its own is written before the clock starts. Those that are not installed are left out.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from loaders import Job, by_albumentations, by_torchvision, go_through
from torch.utils.data import DataLoader
from vision import have_torchvision

import dataprep as dp


def containers(packed: dp.Manifest, job: Job, work: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yields the peers that are installed: a name, and what goes through an epoch.

    Args:
        packed: JPEG files in shards, which the others get the same bytes of.
        job: What is to be made of them.
        work: A folder for what they write.
    """
    for make in (webdataset, litdata, streaming):
        if find_spec(make.__name__) is not None:
            yield make.__name__, make(packed, job, work / make.__name__)


def transform_of(job: Job) -> Callable[[bytes], Any]:
    """Returns the fastest transform that is installed."""
    return by_albumentations(job) if find_spec("albumentations") else by_torchvision(job)


def samples(packed: dp.Manifest) -> Iterator[dict[str, Any]]:
    """Yields the bytes of each image with its class."""
    for uri in packed.table["uri"].to_pylist():
        yield {"image": packed.source.read(uri), "label": 0}


def webdataset(packed: dp.Manifest, job: Job, work: Path) -> Callable[[], object]:
    """Webdataset over the same tars, shuffled in a buffer."""
    import webdataset as wds

    assert isinstance(packed.source, dp.Shards)
    tars = [str(path) for path in sorted(Path(packed.source.root).glob("*.tar"))]
    steps = len(packed) // job.batch
    read = wds.WebDataset(tars, shardshuffle=len(tars), empty_check=False).shuffle(1000)
    made = read.to_tuple("jpg", "json").map_tuple(transform_of(job), _class_of).batched(job.batch, partial=False)
    loader = wds.WebLoader(made.repeat(), batch_size=None, num_workers=job.workers).with_epoch(steps)
    return partial(go_through, loader, job)


def _class_of(data: bytes) -> int:
    return json.loads(data)["cls"] or 0


def litdata(packed: dp.Manifest, job: Job, work: Path) -> Callable[[], object]:
    """LitData over chunks of its own."""
    from litdata import StreamingDataLoader, StreamingDataset, optimize

    transform = transform_of(job)

    class Photos(StreamingDataset):
        def __getitem__(self, index: Any) -> tuple[Any, int]:
            sample = super().__getitem__(index)
            return transform(sample["image"]), sample["label"]

    how = {"num_workers": 1, "start_method": "fork"}  # which it sets for good, and these classes are local
    optimize(fn=_same, inputs=list(samples(packed)), output_dir=str(work), chunk_bytes="64MB", **how)
    dataset = Photos(str(work), shuffle=job.training, drop_last=True)
    loader = StreamingDataLoader(dataset, batch_size=job.batch, num_workers=job.workers, drop_last=True)
    return partial(go_through, loader, job)


def _same(sample: Any) -> Any:
    return sample


def streaming(packed: dp.Manifest, job: Job, work: Path) -> Callable[[], object]:
    """MosaicML's streaming over MDS."""
    have_torchvision()  # which it imports
    from streaming import MDSWriter, StreamingDataset

    with MDSWriter(out=str(work), columns={"image": "bytes", "label": "int"}) as writer:
        for sample in samples(packed):
            writer.write(sample)
    transform = transform_of(job)

    class Photos(StreamingDataset):
        def __getitem__(self, index: Any) -> tuple[Any, int]:
            sample = super().__getitem__(index)
            return transform(sample["image"]), sample["label"]

    dataset = Photos(local=str(work), shuffle=job.training, batch_size=job.batch)
    return partial(go_through, DataLoader(dataset, job.batch, num_workers=job.workers, drop_last=True), job)
