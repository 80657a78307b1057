"""The state of a run, and where each loop begins: numbers that a checkpoint holds, and the one rule of loops.

    each loop is one whole epoch, the next after the one before; only the first loop after a state was loaded begins within one

    fresh ──────────────── loop: epoch 0 ──────── loop: epoch 1 ──────── loop: epoch 2            left early or not
    set_epoch(7) ───────── loop: epoch 7 ──────── loop: epoch 8
    load(epoch 3, at 8) ── loop: the rest of 3 ── loop: epoch 4
      set_epoch(3) ─────── loop: the rest of 3                        the same epoch keeps the position
      set_epoch(4) ─────── loop: epoch 4
    evaluation ─────────── loop: epoch 0 ──────── loop: epoch 0

A loop begins when its first batch is asked for. A state tells of the newest one.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from attrs import define

from dataprep.arguments import as_whole, is_whole
from dataprep.errors import LoaderError, StateError
from dataprep.loading.orders import Order

VERSION: Final = 5
ENTRIES: Final = ("version", "seed", "epoch", "position", "fingerprint", "draws")
EPOCHS: Final = 2**63  # more than anybody counts, and what arrays of them hold


class Position(NamedTuple):
    """A place in a run.

    Attributes:
        epoch: The epoch.
        position: Samples of it that all ranks together have had.
    """

    epoch: int = 0
    position: int = 0


START: Final = Position()


class Run(NamedTuple):
    """What a state belongs to.

    Attributes:
        seed: What everything is drawn from.
        fingerprint: What `fingerprint_of` returned.
        draws: The version of each op and mix that draws, by its name.
        size: Positions in an epoch.
    """

    seed: int
    fingerprint: str
    draws: Mapping[str, int]
    size: int


@define
class Progress:
    """Where a run stands and where its next loop begins, by the rule above.

    Attributes:
        advance: How many epochs on the loop after a loop is: 1, and 0 for evaluation.
        at: Where the newest loop is, or was left.
        after: Where the next loop begins.
        loaded: Whether that is from a state that no loop has taken up yet.
        named: Whether `set_epoch` asked for the epoch of that state.
        newest: The number of the newest loop, None where it has ended or no longer counts.
        loops: How many loops began.
    """

    advance: int = 1
    at: Position = START
    after: Position = START
    loaded: bool = False
    named: bool = False
    newest: int | None = None
    loops: int = 0

    def next(self, is_over: Callable[[int], bool]) -> Position:
        """Returns where the next loop begins; after a state of an epoch that is over it is the next, unless that was named.

        Args:
            is_over: Whether an epoch is over at a position.
        """
        if self.loaded and not self.named and self.after.position and is_over(self.after.position):
            return Position(self.after.epoch + self.advance)
        return self.after

    def begin(self, is_over: Callable[[int], bool]) -> int:
        """Begins a loop and returns its number."""
        self.at = self.next(is_over)
        self.after, self.loaded, self.named = Position(self.at.epoch + self.advance), False, False
        self.loops += 1
        self.newest = self.loops
        return self.loops

    def move(self, loop: int, position: int) -> None:
        """Moves on within a loop, if it is the newest one."""
        if loop == self.newest:
            self.at = self.at._replace(position=position)

    def end(self, loop: int, *, finished: bool) -> None:
        """Ends a loop; when the newest one has come to its end, the run stands at the next one."""
        if loop == self.newest:
            self.newest = None
            self.at = self.after if finished else self.at

    def set_epoch(self, epoch: int) -> None:
        """Lets the next loop begin an epoch; the rest of it, where a state of this epoch was just loaded.

        Raises:
            LoaderError: It is not a whole number from 0.
        """
        epoch = as_whole(epoch)
        if not is_whole(epoch) or not 0 <= epoch < EPOCHS:
            raise LoaderError(f"set_epoch({epoch!r}): an epoch is a whole number, from 0")
        if self.loaded and epoch == self.after.epoch:
            self.named = True
            return
        self.after, self.loaded = Position(epoch), False
        if self.newest is None or epoch != self.at.epoch:  # else a state still tells of the loop that is under way
            self.at, self.newest = self.after, None

    def save(self, run: Run) -> dict[str, Any]:
        """Returns the state: plain data for JSON or `torch.save`."""
        values = (VERSION, run.seed, *self.at, run.fingerprint, dict(run.draws))
        return dict(zip(ENTRIES, values, strict=True))

    def load(self, state: Mapping[str, Any], run: Run) -> None:
        """Takes up a state; a loop that is under way counts no longer.

        Raises:
            StateError: It is of another version, seed or manifest, an op draws otherwise now, or it is damaged.
        """
        self.after = _check(state, run)
        self.at, self.loaded, self.named, self.newest = self.after, True, False, None


def fingerprint_of(rows: str, plan: Order) -> str:
    """Returns what a resumed run must find again: the rows, and how often and in which order they come."""
    return f"{rows}+{plan.signature}" if plan.signature else rows


def _check(state: Mapping[str, Any], run: Run) -> Position:
    """Returns the position of a state, if it is a state and of this run."""
    if not isinstance(state, Mapping):
        raise StateError(f"{state!r:.60} is not a state; give what `state_dict()` returned")
    missing = [entry for entry in ENTRIES if entry not in state]
    if missing and _is_same(state.get("version", VERSION), VERSION):
        raise StateError(f"the state lacks {', '.join(sorted(missing))}; give what `state_dict()` returned")
    here = {"version": VERSION, "seed": run.seed, "fingerprint": run.fingerprint}
    saved, now = (_name_entries(here | dict(given)) for given in (state, {}))
    for what, value in now.items():
        if not _is_same(saved[what], value):
            raise StateError(f"the state was saved with {what} {saved[what]!r:.80}, here it is {value!r}; use the same to resume")
    _check_draws(state["draws"], run.draws)
    return Position(_count(state, "epoch", EPOCHS), _count(state, "position", run.size + 1))


def _check_draws(saved: object, draws: Mapping[str, int]) -> None:
    if not isinstance(saved, Mapping):
        raise StateError(f"the state is damaged: its draws are {saved!r:.60}; take an older checkpoint")
    for name, version in draws.items():
        if not _is_same(saved.get(name, version), version):
            raise StateError(
                f"the state was saved when `{name}` drew as version {saved[name]!r:.60}, here it is version {version}: "
                "the rest of the epoch would be augmented otherwise; use the dataprep that saved it, or start a new epoch"
            )


def _is_same(saved: object, now: object) -> bool:
    """Says whether an entry is the same, whatever a damaged state has in its place."""
    saved = as_whole(saved)
    return type(saved) is type(now) and saved == now


def _count(state: Mapping[str, Any], entry: str, stop: int) -> int:
    value = as_whole(state[entry])
    if not is_whole(value) or not 0 <= value < stop:
        raise StateError(f"the state is damaged: its {entry} is {value!r:.60}, not 0 to {stop - 1:,}; take an older checkpoint")
    return int(value)


def _name_entries(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a state was saved with, under the names that an error calls it by."""
    rows, _, signature = str(state["fingerprint"]).partition("+")
    return {
        "version": state["version"],
        "seed": state["seed"],
        "manifest (fingerprint)": rows,
        "order (weights, balance, shares, length, shuffle)": signature or "shuffled",
    }
