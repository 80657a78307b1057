"""Trains a small detector of drawn shapes on several processes, and resumes in mid-epoch to the same loss curve.

    torchrun --nproc-per-node 2 examples/train_detector.py --out OUT
    torchrun --nproc-per-node 2 examples/train_detector.py --out OUT --stop-after 20    # is interrupted after 20 steps
    torchrun --nproc-per-node 2 examples/train_detector.py --out OUT                    # goes on from the checkpoint

The boxes of the shapes are a column of the table that names the images. They follow them through crops, flips and turns, so the
loop below only reads `batch.targets`. The detector is a small one of the kind of FCOS: each cell of a grid says of which shape it
is a part, and how far away the sides of its box are (Tian et al., "FCOS: fully convolutional one-stage object detection", 2019).
"""

import argparse
import json
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from train_ddp import log, save

import dataprep as dp

SHAPES = ("circle", "square", "triangle")
SIDE, STRIDE = 64, 4  # pixels of an image, and of a cell of the grid
NORMALIZE = dp.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
TRAINING = dp.Pipeline(
    dp.RandomResizedCrop(SIDE, (0.5, 1)), dp.HorizontalFlip(), dp.Rotate(10), dp.ColorJitter(0.2, 0.2, 0.2), NORMALIZE
)
EVALUATION = dp.Pipeline(dp.Resize((SIDE, SIDE)), NORMALIZE)
BOXES = dp.Boxes("boxes", labels="box_labels", visible=0.25)


def draw(generator: np.random.Generator) -> tuple[PIL.Image.Image, list[list[float]], list[str]]:
    """Returns an image of one to three shapes, their boxes (left, top, right, bottom) and their names."""
    noise = generator.integers(0, 90, (96, 96, 3)).astype(np.uint8)
    image, boxes, names = PIL.Image.fromarray(noise), [], []
    for place in generator.permutation(4)[: generator.integers(1, 4)].tolist():  # one in each quarter at most
        side = int(generator.integers(20, 40))
        left, top = (int(48 * at + generator.integers(0, 48 - side)) for at in (place % 2, place // 2))
        box, name = [left, top, left + side, top + side], str(generator.choice(SHAPES))
        color, pen = tuple(generator.integers(120, 256, 3).tolist()), PIL.ImageDraw.Draw(image)
        inside = [left, top, left + side - 1, top + side - 1]  # Pillow draws the last pixel, too
        if name == "circle":
            pen.ellipse(inside, fill=color)
        elif name == "square":
            pen.rectangle(inside, fill=color)
        else:
            pen.polygon([(left + side // 2, top), (inside[2], inside[3]), (left, inside[3])], fill=color)
        boxes.append([float(number) for number in box])
        names.append(name)
    return image, boxes, names


def write_shapes(folder: Path, count: int) -> Path:
    """Writes images of shapes, and the table that says what is on each; every fifth is for testing."""
    folder.mkdir(parents=True, exist_ok=True)
    generator, path = np.random.default_rng(0), folder / "shapes.jsonl"
    with path.open("w") as file:
        for number in range(count):
            image, boxes, names = draw(generator)
            image.save(folder / f"{number:04d}.png")
            split = "train" if number % 5 else "test"
            row = {"image": f"{number:04d}.png", "split": split, "boxes": boxes, "box_labels": names}
            file.write(json.dumps(row) + "\n")
    return path


def network() -> nn.Module:
    """Returns a network from (B, 3, 64, 64) to (B, 3 + 4, 16, 16): a score of each shape and logarithms of four distances."""

    def block(before: int, after: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.GroupNorm(8, after), nn.ReLU())

    last = nn.Conv2d(64, len(SHAPES) + 4, 1)
    nn.init.constant_(last.bias[: len(SHAPES)], -3.0)  # most cells are of no shape
    return nn.Sequential(block(3, 24, 2), block(24, 48, 2), block(48, 64), block(64, 64), block(64, 64), last)


def cells() -> torch.Tensor:
    """Returns (256, 2): x and y of the middle of each cell, in pixels."""
    middles = (torch.arange(SIDE // STRIDE) + 0.5) * STRIDE
    return torch.cartesian_prod(middles, middles).flip(1)


def loss_of(output: torch.Tensor, boxes: list[torch.Tensor], labels: list[torch.Tensor]) -> torch.Tensor:
    """Returns the loss of a batch: which shape each cell is of, and how far from it the sides of its box are."""
    scores, distances = output.flatten(2).transpose(1, 2).split([len(SHAPES), 4], dim=2)
    wanted, total = torch.zeros_like(scores), output.new_zeros(())
    for image, (own, numbers) in enumerate(zip(boxes, labels, strict=True)):
        if len(own) == 0:
            continue
        sides = torch.cat([cells()[:, None] - own[None, :, :2], own[None, :, 2:] - cells()[:, None]], dim=2)
        inside, which = sides.min(dim=2).values.max(dim=1)  # of each cell the box in which it is deepest
        found = inside > 0
        wanted[image, found, numbers[which[found]]] = 1
        right = sides[found, which[found]].log()
        total = total + nn.functional.smooth_l1_loss(distances[image, found], right, reduction="sum")
    score = nn.functional.binary_cross_entropy_with_logits(scores, wanted, reduction="sum")
    return (score + total) / wanted.sum().clamp(min=1)


def detect(output: torch.Tensor, least: float = 0.4) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Returns the boxes and the class numbers that are found in each image, the surest of those that overlap."""
    found = []
    for one in output.flatten(2).transpose(1, 2):
        scores, labels = one[:, : len(SHAPES)].sigmoid().max(dim=1)
        reach = one[:, len(SHAPES) :].exp()
        boxes, kept = torch.cat([cells() - reach[:, :2], cells() + reach[:, 2:]], dim=1), []
        for cell in scores.argsort(descending=True).tolist():
            if scores[cell] >= least and all(overlap(boxes[cell], boxes[other]) < 0.4 for other in kept):
                kept.append(cell)
        found.append((boxes[kept], labels[kept]))
    return found


def overlap(one: torch.Tensor, other: torch.Tensor) -> float:
    """Returns the area that two boxes share, as a share of what they cover together."""
    low, high = torch.maximum(one[:2], other[:2]), torch.minimum(one[2:], other[2:])
    shared = (high - low).clamp(min=0).prod()
    return float(shared / ((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - shared))


@torch.no_grad()
def score(model: nn.Module, loader: dp.Loader) -> float:
    """Returns F1 of boxes that overlap by half and are of the right shape."""
    right = given = told = 0
    for batch in loader:
        for (boxes, labels), own, numbers in zip(
            detect(model(batch.images)), batch.targets["boxes"], batch.targets["box_labels"], strict=True
        ):
            left = list(range(len(own)))
            for box, label in zip(boxes, labels, strict=True):
                hit = next((at for at in left if numbers[at] == label and overlap(box, own[at]) >= 0.5), None)
                if hit is not None:
                    left.remove(hit)
            right, given, told = right + len(own) - len(left), given + len(own), told + len(boxes)
    return 2 * right / (given + told)


def prepared(out: Path, count: int) -> dp.Manifest:
    """Returns the manifest; the first rank makes it, the others wait."""
    path = out / "manifest.parquet"
    if dist.get_rank() == 0 and not path.exists():
        dp.clean(write_shapes(out / "shapes", count), TRAINING).write(path)
    dist.barrier()
    return dp.Manifest.read(path)


def train(arguments: argparse.Namespace) -> None:
    """Trains from the checkpoint, if there is one, to the last epoch or to `--stop-after`; then tells how good it is."""
    manifest = prepared(arguments.out, arguments.images)
    loader = dp.Loader(manifest.select("train"), TRAINING, batch_size=16, backend=dp.Threads(1), targets=BOXES)
    assert loader.vocabularies["box_labels"] == SHAPES
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    step, checkpoint = 0, arguments.out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        loader.load_state_dict(state["loader"])
        step = state["step"]
    parallel = DistributedDataParallel(model)
    for epoch in range(loader.epoch, arguments.epochs):
        loader.set_epoch(epoch)
        for batch in loader:
            loss = loss_of(parallel(batch.images), batch.targets["boxes"], batch.targets["box_labels"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            log(arguments.out, step, epoch, loss)
            if step % arguments.every == 0 or step == arguments.stop_after:
                save(checkpoint, model, optimizer, loader, step)
            if step == arguments.stop_after:
                return
    if dist.get_rank() == 0:
        test = manifest.select("test")
        alone = dp.Sampler(rank=0, world_size=1)
        held_out = dp.Loader(test, EVALUATION, batch_size=32, train=False, sampler=alone, backend=dp.Threads(1), targets=BOXES)
        print(f"held-out F1: {score(model, held_out):.4f}")


def main() -> None:
    """Sets the processes up, trains, takes them down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the images, the manifest, the checkpoint and the losses"
    )
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--every", type=int, default=10, help="steps between checkpoints")
    parser.add_argument("--stop-after", type=int, help="stop after this step, as an interruption would")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    dist.init_process_group("gloo")
    torch.set_num_threads(1)  # the ranks share the cores, and sums keep one order
    try:
        train(arguments)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
