"""The check of backends: all of the house pass, and what breaks one rule is told which."""

import threading
from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import dataprep as dp
from dataprep.testing import FakeBackend, check_backend


class Reversed(FakeBackend):
    def run(self, source, program, recipes):
        yield from list(super().run(source, program, recipes))[::-1]


class Short(FakeBackend):
    def run(self, source, program, recipes):
        for one, _ in pairwise(super().run(source, program, recipes)):
            yield one


class Mislabelled(FakeBackend):
    def make(self, source, program, recipe):
        made = super().make(source, program, recipe)
        return made._replace(batch=made.batch._replace(labels=made.batch.labels[::-1]))


class Unmixed(FakeBackend):
    def make(self, source, program, recipe):
        return super().make(source, program, recipe._replace(mixture=None))


class Doubles(FakeBackend):
    def make(self, source, program, recipe):
        made = super().make(source, program, recipe)
        return made._replace(batch=made.batch._replace(images=made.batch.images.astype(np.float64)))


class Dimmed(FakeBackend):
    def make(self, source, program, recipe):
        made = super().make(source, program, recipe)
        return made._replace(batch=made.batch._replace(images=made.batch.images - made.batch.images.dtype.type(1)))


class Overwriting(FakeBackend):
    """Delivers every batch in the same memory."""

    def run(self, source, program, recipes):
        memory = None
        for made in super().run(source, program, recipes):
            images = made.batch.images
            if memory is None or memory.dtype != images.dtype:
                memory = np.empty((9, *images.shape[1:]), images.dtype)
            memory[: len(images)] = images
            yield made._replace(batch=made.batch._replace(images=memory[: len(images)]))


class Bare(FakeBackend):
    def make(self, source, program, recipe):
        return super().make(source, program, recipe).batch


class Misplaced(FakeBackend):
    def make(self, source, program, recipe):
        made = super().make(source, program, recipe)
        return made._replace(failures=tuple(dp.Failure(0, one.uri, one.why) for one in made.failures))


class Gray(FakeBackend):
    def make(self, source, program, recipe):
        made = super().make(source, program, recipe)
        made.batch.images[[one.index for one in made.failures]] = 0.5
        return made


class Mute(FakeBackend):
    def make(self, source, program, recipe):
        made = super().make(source, program, recipe)
        return made._replace(failures=tuple(dp.Failure(one.index, one.uri, "failed") for one in made.failures))


class Raising(FakeBackend):
    """Raises at the first file that cannot be read: the right error, one without the uri, or another kind."""

    error: Any = staticmethod(lambda failure: dp.LoaderError(failure.why))

    def make(self, source, program, recipe):
        made = super().make(source, program, recipe)
        for failure in made.failures:
            raise self.error(failure)
        return made.batch


class Aimless(FakeBackend):
    def make(self, source, program, recipe):
        return super().make(source, program, recipe)._replace(targets=None)


class Mistaken(FakeBackend):
    def make(self, source, program, recipe):
        made = super().make(source, program, recipe)
        return made._replace(targets=made.targets and {**made.targets, "mask": made.targets["mask"][::-1]})


class Vague(Raising):
    error = staticmethod(lambda failure: dp.LoaderError("a file failed"))


class Foreign(Raising):
    error = staticmethod(lambda failure: OSError(failure.why))


class Hasty(FakeBackend):
    def run(self, source, program, recipes):
        yield from super().run(source, program, list(recipes))


class Mapped(FakeBackend):
    def run(self, source, program, recipes):
        return map(partial(self.make, source, program), recipes)


class Chatty(FakeBackend):
    def run(self, source, program, recipes):
        given = deque(recipes)
        yield from super().run(source, program, given or [None])

    def make(self, source, program, recipe):
        return 0 if recipe is None else super().make(source, program, recipe)


class Threaded(FakeBackend):
    def run(self, source, program, recipes):
        threading.Thread(target=STOP.wait).start()
        yield from super().run(source, program, recipes)


STOP = threading.Event()


@pytest.mark.parametrize(
    ("backend", "rule"),
    [
        (Reversed(), r"gives the ids \[43 40\] where \[10 13 16 19 22\] are wanted"),
        (Short(), "makes 3 batches of 4 recipes"),
        (Mislabelled(), r"gives the labels \[1, 0, 2, 1, 0\]"),
        (Unmixed(), "are right; end with `dataprep.mix_batch"),
        (Doubles(), r"gives images of float64 \(5, 3, 16, 20\) where the program says float32"),
        (Dimmed(), r"has 0.00% of the values within 0 of 255 .* the largest difference is 63.8"),
        (Overwriting(), "of the values within 0 of 255"),
        (Bare(), "gives a plain batch where a file cannot be decoded"),
        (Misplaced(), r"names the failures \{0: '04.jpg'\} where \{4: '04.jpg'\} failed"),
        (Gray(), "leaves something in the place of a file that failed; fill it with zeros"),
        (Mute(), "gives a failure whose `why` does not name the file"),
        (Vague(), "raises 'a file failed' where a file cannot be decoded"),
        (Foreign(), "raises OSError where a file cannot be decoded"),
        (Aimless(), r"delivers no targets where the recipe has some; give what `dataprep.TargetCanvas"),
        (Mistaken(), "delivers other 'mask' than the recipe has"),
        (Hasty(), "takes all recipes before it gives a batch"),
        (Mapped(), "returns what cannot be closed early; let `run` be a generator"),
        (Chatty(), "gives batches where there are no recipes"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_backend_that_breaks_a_rule_is_told_which(backend: Any, rule: str) -> None:
    """Each backend breaks one rule of the contract, and the error says which and what to do."""
    with pytest.raises(AssertionError, match=rule):
        check_backend(backend)


def test_a_backend_that_leaves_threads_is_told() -> None:
    """Threads that outlive their backend are found."""
    try:
        with pytest.raises(AssertionError, match="leaves threads behind"):
            check_backend(Threaded())
    finally:
        STOP.set()


@pytest.mark.parametrize("backend", [FakeBackend(), FakeBackend(ahead=2), Raising(), dp.Threads(3, output="numpy")], ids=repr)
def test_backends_keep_the_contract(backend: Any) -> None:
    """Every backend that needs no framework passes to the last bit, and one that raises at a file that cannot be read."""
    check_backend(backend)


@dataclass(frozen=True)
class Case:
    name: str
    options: dict[str, Any]
    levels: float = 0.0
    share: float = 1.0


@pytest.mark.parametrize(
    "case",
    [
        Case("Threads", {}),
        Case("Torch", {}),
        Case("Torch", {"workers": 2}),
        Case("Dali", {"device": "cpu"}, levels=3, share=0.99),
    ],
    ids=repr,
)
def test_backends_of_frameworks_keep_the_contract(case: Case) -> None:
    """Every backend that gives tensors passes: torch's to the last bit, DALI within 3 of 255 for 99 % of the values."""
    pytest.importorskip("torch")
    if case.name == "Dali":
        pytest.importorskip("nvidia.dali")
    check_backend(getattr(dp, case.name)(**case.options), levels=case.levels, share=case.share)
