"""What type checkers see of dataprep, as users write it: read by mypy and by pyright, never run."""

from typing import assert_type

import numpy as np
import torch
from numpy.typing import NDArray

import dataprep as dp

manifest: dp.Manifest = dp.clean("photos", dp.Pipeline(*dp.standard_rules(), dp.Resize(256), dp.CenterCrop(224), dp.Normalize()))
dp.clean("photos", progress=False)
dp.clean("photos", progress=lambda what, done, total: print(what, done / total))

ops = [dp.RandomResizedCrop(224), dp.HorizontalFlip(), dp.ColorJitter(0.4, 0.4, 0.4, 36), dp.Normalize.imagenet()]
pipeline = dp.Pipeline(*ops)

annotated: list[dp.Op] = [dp.RandomResizedCrop((224, 224)), dp.RandAugment(2, 9)]
if len(ops) > 2:
    annotated.append(dp.Rotate(30))
annotated += [dp.RandomErasing(0.3), dp.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), dp.Output("bfloat16")]
pipeline = dp.Pipeline(*annotated, dp.MixUp(0.2))
pipeline = dp.Pipeline(*dp.standard_rules(min_sharpness=80), *ops)

loader = dp.Loader(manifest, pipeline, batch_size=64, backend=dp.Torch(workers=2), sampler=dp.Sampler(seed=0))
assert_type(loader, dp.Loader[dp.Batch])

for batch in loader:
    assert_type(batch.images, torch.Tensor)
    assert_type(batch.labels, torch.Tensor)
    images, labels, ids = batch
    assert_type(images, torch.Tensor)
    loss = torch.nn.functional.cross_entropy(torch.nn.Flatten()(images.to("cuda")), labels)
    print(loss.item())

marked = dp.Loader(manifest, targets=dp.Boxes("boxes", format="xyxy"))
for found in marked:
    assert_type(found.images, torch.Tensor)
    images, labels, ids, targets = found
    boxes = found.targets["boxes"]


def train(loader: dp.Loader) -> int:
    """Takes what `Loader(...)` gives."""
    return sum(len(batch.ids) for batch in loader)


train(loader)


class Mine:
    """A backend of the user's own, whose arrays are NumPy's."""

    def run(self, source: dp.Source, program: dp.Program, recipes: object) -> "list[dp.Batch[NDArray[np.float32]]]":
        """Makes no batch."""
        return []


pictures: dp.Pictures = dp.show(next(iter(loader)), most=4)
pipeline.preview("cat.jpg", count=3).save("preview.png")
assert_type(manifest.class_counts(), dict[str, int])
weights = torch.from_numpy(manifest.class_weights())
assert_type(manifest.paths()[0].name, str)
dp.Pipeline(dp.Albumentations(object()), dp.HorizontalFlip())
dp.to_huggingface(manifest, "split")

transform = dp.Transform(pipeline.fill(manifest.statistics), seed=0)
assert_type(transform(np.zeros((8, 8, 3), np.uint8)), torch.Tensor)
