"""Cleans images in an object store, packs them into shards there, and trains from these, going on where it was killed.

python examples/object_store.py s3://bucket/photos s3://bucket/train --state state.json

Run it again after it was killed, in any step: what is measured or packed already is not done again, and training goes on behind
the last batch whose state was saved. Credentials come from the environment; docs/object-stores.md says which.
"""

import argparse
import json
import os
from pathlib import Path

import dataprep as dp

OPS = dp.Pipeline(dp.RandomResizedCrop(64), dp.HorizontalFlip(), dp.Output("float32"))


def main(photos: str, shards: str, state: Path, stop: int | None) -> None:
    """Does what the module says, and ends without a farewell after some batches, as a killed process does, if asked to."""
    manifest = dp.clean(photos, cache=state.with_suffix(".cache"), progress=False)
    dp.pack(manifest, shards, side=96, shard="100kB", progress=False)
    packed = dp.Manifest.read(shards)
    loader = dp.Loader(packed, OPS, batch_size=4, sampler=dp.Sampler(seed=0), backend=dp.Threads(2))
    if state.exists():
        loader.load_state_dict(json.loads(state.read_text()))
    for number, batch in enumerate(loader):
        print("batch", *batch.ids.tolist(), flush=True)  # here a model would learn
        state.write_text(json.dumps(loader.state_dict()))
        if number + 1 == stop:
            os._exit(9)
    print(f"an epoch of {packed.kept().num_rows} images is done; {loader.stats().reads.retries} requests were made again")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", help="URL of the images")
    parser.add_argument("shards", help="URL of the place for shards")
    parser.add_argument("--state", type=Path, default=Path("state.json"), help="file of where training is")
    parser.add_argument("--stop", type=int, help="be killed after so many batches")
    arguments = parser.parse_args()
    main(arguments.photos, arguments.shards, arguments.state, arguments.stop)
