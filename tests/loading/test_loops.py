"""The rule of loops under random programs: iterate, leave, raise, hold, save, load, set an epoch, go on under another world.

The oracle knows the order of each epoch and nothing of the loader's books: a loop delivers the order of one epoch from where it
began, without a gap or a repeat, whatever else goes on; and where it has to begin is written down as a person would.
"""

from itertools import zip_longest
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from dataprep.loading.loader import Loader
from dataprep.loading.recipes import draw
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import HorizontalFlip, RandomResizedCrop
from dataprep.testing import FakeSource, Undecoded
from dataprep.types import Batch

SIZE, SEED = 11, 3
OPS = (RandomResizedCrop((8, 10)), HorizontalFlip())
COLUMNS = {
    "id": pa.array(range(100, 100 + SIZE), pa.int64()),
    "uri": [f"{row:02d}.jpg" for row in range(SIZE)],
    "label": ["ab"[row % 2] for row in range(SIZE)],
    "digest": [f"{row:08x}" for row in range(SIZE)],
    "height": pa.array([40] * SIZE, pa.int32()),
    "width": pa.array([50] * SIZE, pa.int32()),
    "keep": [True] * SIZE,
}
MANIFEST = Manifest(pa.table(COLUMNS), Pipeline(*OPS), FakeSource(dict.fromkeys(COLUMNS["uri"], b"not decoded")), (), ("a", "b"))

remainders = st.sampled_from(["drop", "pad", "exact"])
worlds = st.integers(1, 3)
sizes = st.integers(1, 3)


class OpenLoop:
    """A loop over all ranks in step, and how far it has to have come by the order of its epoch."""

    def __init__(self, ranks: list[Loader], epoch: int, position: int) -> None:
        self.iterators = [iter(rank) for rank in ranks]
        self.world, self.batch_size = len(ranks), ranks[0].batch_size
        self.epoch, self.position, self.over = epoch, position, False

    def step(self) -> list[Batch | None]:
        """Takes the next batch of each rank, None of one that has none."""
        return [next(iterator, None) for iterator in self.iterators]


class Programs(RuleBasedStateMachine):
    """A run, what it has to do next, and the loops that are still held."""

    states = Bundle("states")

    @initialize(
        remainder=st.sampled_from(["drop", "pad", "exact"]),
        train=st.booleans(),
        world=worlds,
        size=sizes,
        ahead=st.integers(0, 3),
    )
    def start(self, remainder: str, train: bool, world: int, size: int, ahead: int) -> None:
        """Makes the loaders of a run."""
        self.remainder, self.train = (remainder if train else "exact"), train
        self.loops: list[OpenLoop] = []
        self.make(world, size, ahead)
        self.stands, self.begins, self.taken_up = (0, 0), (0, 0), True

    def make(self, world: int, size: int, ahead: int) -> None:
        """Makes the loaders of all ranks."""
        samplers = [Sampler(seed=SEED, remainder=self.remainder, rank=rank, world_size=world) for rank in range(world)]
        self.ranks = [
            Loader(MANIFEST, batch_size=size, train=self.train, sampler=sampler, backend=Undecoded(ahead)) for sampler in samplers
        ]
        self.newest: OpenLoop | None = None

    def order(self, epoch: int) -> list[int]:
        """The rows of an epoch."""
        return Sampler(seed=SEED, shuffle=self.train).order(SIZE, epoch).tolist()

    def expected(self, loop: OpenLoop) -> list[int]:
        """The rows that all ranks together have next."""
        order, stop = self.order(loop.epoch), loop.position + loop.world * loop.batch_size
        if self.remainder == "pad" and loop.position < SIZE:
            return (order * 9)[loop.position : stop]
        rest = order[loop.position : stop]
        return [] if self.remainder == "drop" and stop > SIZE else rest

    def take(self, loop: OpenLoop) -> None:
        """Takes a step of a loop and compares it with the order."""
        rows, batches = self.expected(loop), loop.step()
        had = [[] if batch is None else (batch.ids - 100).tolist() for batch in batches]
        assert [row for turn in zip_longest(*had) for row in turn if row is not None] == rows
        for batch in filter(None, batches):
            for id, numbers in zip(batch.ids, batch.images, strict=True):
                alone = draw(OPS, np.array([[40, 50]]), np.array([id]), SEED, loop.epoch)
                assert np.array_equal(numbers, np.concatenate(alone, axis=1)[0])
        loop.position = min(loop.position + len(rows), SIZE)
        loop.over = not rows
        if loop is self.newest:
            self.stands = self.begins if loop.over else (loop.epoch, loop.position)
            self.newest = None if loop.over else loop

    @rule()
    def begin(self) -> None:
        """A new loop begins where it has to, and the next one an epoch later, or for evaluation in the same."""
        loop = OpenLoop(self.ranks, *self.begins)
        self.stands, self.begins = self.begins, (self.begins[0] + int(self.train), 0)
        self.newest, self.taken_up = loop, True
        self.loops = [*self.loops[-2:], loop]
        self.take(loop)

    @rule(which=st.integers(0, 2), steps=st.integers(1, 12))
    @precondition(lambda self: self.loops)
    def iterate(self, which: int, steps: int) -> None:
        """Some loop goes on, the newest or one that is still held."""
        loop = self.loops[which % len(self.loops)]
        for _ in range(steps):
            if not loop.over:
                self.take(loop)

    @rule(which=st.integers(0, 2), how=st.sampled_from(["break", "raise"]))
    @precondition(lambda self: self.loops)
    def leave(self, which: int, how: str) -> None:
        """A loop is left, by `break` or by an exception; a state still tells where it was."""
        loop = self.loops.pop(which % len(self.loops))
        for iterator in loop.iterators:
            iterator.close()  # type: ignore[attr-defined]  # a generator; an exception in the loop body does the same
        if how == "raise":
            del loop.iterators
        self.newest = None if loop is self.newest else self.newest

    @rule()
    def only_iter(self) -> None:
        """An iterator of which no batch is asked begins nothing."""
        for rank in self.ranks:
            iter(rank)
            len(rank)
            next(rank.recipes(), None)

    @rule(target=states)
    def save(self) -> tuple[dict[str, Any], tuple[int, int]]:
        """A state of the first rank is kept, with where it is of."""
        return self.ranks[0].state_dict(), self.stands

    @rule(state=states, name=st.booleans())
    def load(self, state: tuple[dict[str, Any], tuple[int, int]], name: bool) -> None:
        """A state is loaded, within a loop or not, and its epoch named or not."""
        for rank in self.ranks:
            rank.load_state_dict(state[0])
            if name:
                rank.set_epoch(state[0]["epoch"])
        self.stands = self.begins = state[1]
        self.newest, self.taken_up = None, False

    @rule(world=worlds, size=sizes, ahead=st.integers(0, 3))
    def go_on_elsewhere(self, world: int, size: int, ahead: int) -> None:
        """Another program, under another world, batch size and backend, goes on from where the run stands."""
        state = self.ranks[0].state_dict()
        self.make(world, size, ahead)
        self.load((state, self.stands), True)

    @rule(epoch=st.integers(0, 3))
    def set_epoch(self, epoch: int) -> None:
        """An epoch is set, within a loop or not."""
        for rank in self.ranks:
            rank.sampler.set_epoch(epoch)
        if not self.taken_up and epoch == self.begins[0]:
            return
        self.begins, self.taken_up = (epoch, 0), True
        if self.newest is None or self.newest.epoch != epoch:
            self.stands, self.newest = self.begins, None

    @invariant()
    def states_tell_where_the_run_stands(self) -> None:
        """The state is of the newest loop, or of where the next one begins."""
        state = self.ranks[0].state_dict()
        assert (state["epoch"], state["position"]) == self.stands
        assert self.ranks[0].epoch == (self.begins if self.newest is None else self.stands)[0]


Programs.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestPrograms = Programs.TestCase
