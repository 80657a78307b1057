"""The state of a run: four numbers, what they are numbers of, and the versions of the ops that draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataprep.errors import StateError
from dataprep.loading.orders import Order

VERSION: Final = 2
ENTRIES: Final = ("version", "seed", "epoch", "position", "fingerprint", "draws")


@dataclass
class Position:
    """Where a run stands.

    Attributes:
        epoch: The epoch.
        position: Samples of it that all ranks together have had.
    """

    epoch: int = 0
    position: int = 0

    def seek(self, epoch: int) -> None:
        """Goes to the start of an epoch; staying in the same one keeps the position, so it is safe after a restore."""
        if epoch != self.epoch:
            self.epoch, self.position = epoch, 0

    def state(self, seed: int, fingerprint: str, draws: Mapping[str, int]) -> dict[str, Any]:
        """Returns the state of the run: plain data for JSON or `torch.save`.

        Args:
            seed: What everything is drawn from.
            fingerprint: What `fingerprint_of` returned.
            draws: The version of each op and mix that draws, by its name.
        """
        values = (VERSION, seed, self.epoch, self.position, fingerprint, dict(draws))
        return dict(zip(ENTRIES, values, strict=True))

    def restore(self, state: Mapping[str, Any], seed: int, fingerprint: str, draws: Mapping[str, int]) -> None:
        """Takes up a state.

        Raises:
            StateError: It is of another version, seed or manifest, or an op draws otherwise now; the message names both.
        """
        missing = set(ENTRIES) - state.keys()
        if missing and state.get("version", VERSION) == VERSION:
            raise StateError(f"the state lacks {', '.join(sorted(missing))}; give what `state_dict()` returned")
        here = {"version": VERSION, "seed": seed, "fingerprint": fingerprint}
        saved, now = (_name_entries(here | dict(given)) for given in (state, {}))
        for what, value in now.items():
            if saved[what] != value:
                raise StateError(
                    f"the state was saved with {what} {saved[what]!r}, this run has {value!r}; use the same to resume"
                )
        for name, version in draws.items():
            if state["draws"].get(name, version) != version:
                raise StateError(
                    f"the state was saved when `{name}` drew as version {state['draws'][name]}, here it is version {version}: "
                    "the rest of the epoch would be augmented otherwise; use the dataprep that saved it, or start a new epoch"
                )
        self.epoch, self.position = int(state["epoch"]), int(state["position"])


def fingerprint_of(rows: str, plan: Order) -> str:
    """Returns what a resumed run must find again: the rows, and how often and in which order they come."""
    return f"{rows}+{plan.signature}" if plan.signature else rows


def _name_entries(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a state was saved with, under the names that an error calls it by."""
    rows, _, signature = str(state["fingerprint"]).partition("+")
    return {
        "version": state["version"],
        "seed": state["seed"],
        "manifest (fingerprint)": rows,
        "order (weights, balance, shares, length, shuffle)": signature or "shuffled",
    }
