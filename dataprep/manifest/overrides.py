"""What a person decided against the rules and the labels: the file `overrides.json` that the report saves.

A decision is about one content under one uri. When the file has changed since, or is gone, the decision no longer holds: it is
given back by `lost`, to be reported. What is dropped by hand is gone before the rules judge, so that the next best of its
copies takes its place; what is kept by hand is kept whatever they say, unless it cannot be read. A label by hand is there before
the rules judge, and stays in the table.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.columns import OVERRULED, hex_of
from dataprep.errors import ManifestError, suggestion
from dataprep.files import naming, shown
from dataprep.types import Drops

VERSION: Final = 2
"""Version 1 knew no labels, and each of its decisions says whether to keep: what it means has not changed, so it is read."""

BETWEEN: Final = "|"
"""What parts the labels of an image that has several, as in the column `label`."""
KEPT_BY_HAND: Final = "kept by hand"
"""The detail of a row that a rule would drop."""
SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""Half a character: JSON may spell it, a table cannot hold it."""


class Decision(NamedTuple):
    """What a person said of one image.

    Example:
        >>> decision = dp.Decision("cat/0004.jpg", digest="60303a", keep=True)
        >>> overrides = dp.Overrides((decision,))

    Attributes:
        uri: The image.
        digest: The content that the person saw, SHA-256 in hex.
        keep: Whether to keep it; None leaves it to the rules.
        label: The label that it ought to have; None leaves it as it is.
    """

    uri: str
    digest: str
    keep: bool | None = None
    label: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Returns plain data, as in a file of overrides."""
        return {key: value for key, value in self._asdict().items() if value is not None}

    def over(self, old: "Decision") -> "Decision":
        """Returns this decision, with what an older one about the same content says of what it leaves open."""
        keep = old.keep if self.keep is None else self.keep
        return self._replace(keep=keep, label=old.label if self.label is None else self.label)


@dataclass(frozen=True)
class Overrides:
    """Decisions by hand, at most one for each uri.

    Example:
        >>> uri, digest = manifest.table["uri"][3].as_py(), manifest.table["digest"][3].as_py().hex()
        >>> overrides = dp.Overrides((dp.Decision(uri, digest, keep=False),))
        >>> manifest.judge(manifest.pipeline, overrides).reasons()
        {'exact duplicate': 1, 'overruled': 1}
    """

    decisions: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        """Checks that each decision is about a content that there can be.

        Raises:
            ManifestError: A digest is the bytes of a table.
        """
        for decision in self.decisions:
            if not isinstance(decision.digest, str):
                raise ManifestError(f"the decision about {decision.uri!r} has the digest as bytes; give it as text, by `.hex()`")

    def drops(self, table: pa.Table) -> Drops:
        """Returns the rows that are dropped by hand.

        Example:
            >>> uri, digest = manifest.table["uri"][3].as_py(), manifest.table["digest"][3].as_py().hex()
            >>> dp.Overrides((dp.Decision(uri, digest, keep=False),)).drops(manifest.table).ids
            [3]
        """
        dropped = table.filter(pa.array(self._mask(table, keep=False)))["id"].to_pylist()
        return Drops(dropped, [OVERRULED] * len(dropped), ["dropped by hand"] * len(dropped))

    def kept(self, table: pa.Table) -> NDArray[np.bool_]:
        """Returns for each row whether it is kept by hand; what cannot be read is not.

        Example:
            >>> uri, digest = manifest.table["uri"][3].as_py(), manifest.table["digest"][3].as_py().hex()
            >>> int(dp.Overrides((dp.Decision(uri, digest, keep=True),)).kept(manifest.table).sum())
            1
        """
        return self._mask(table, keep=True)

    def relabelled(self, table: pa.Table) -> pa.Table:
        """Returns the table with the labels that were given by hand; where an image has several, `|` parts them.

        Example:
            >>> uri, digest = manifest.table["uri"][3].as_py(), manifest.table["digest"][3].as_py().hex()
            >>> overrides = dp.Overrides((dp.Decision(uri, digest, label="fox"),))
            >>> overrides.relabelled(manifest.table)["label"][3].as_py()
            'fox'
        """
        named = [decision.label for decision in self.decisions]
        if not any(label is not None for label in named):
            return table
        labels = pa.array(np.array([*named, None], object)[self._indices(table)], table["label"].type)
        place = table.column_names.index("label")
        table = table.set_column(place, "label", pc.coalesce(labels, table["label"]))
        if "labels" not in table.column_names:
            return table
        several = zip(labels.to_pylist(), table["labels"].to_pylist(), strict=True)
        lists = [old if label is None or old is None else sorted(set(label.split(BETWEEN))) for label, old in several]
        return table.set_column(table.column_names.index("labels"), "labels", pa.array(lists, table["labels"].type))

    def classes(self, known: tuple[str, ...], table: pa.Table) -> tuple[str, ...]:
        """Returns the labels in the order of their numbers, with those given by hand that are new at the end.

        Example:
            >>> uri, digest = manifest.table["uri"][3].as_py(), manifest.table["digest"][3].as_py().hex()
            >>> dp.Overrides((dp.Decision(uri, digest, label="fox"),)).classes(manifest.classes, manifest.table)
            ('cat', 'dog', 'fox')
        """
        parts = BETWEEN if "labels" in table.column_names else None
        held = [self.decisions[index].label for index in np.unique(self._indices(table)) if index >= 0]
        given = {part for label in held if label is not None for part in (label.split(parts) if parts else [label])}
        return (*known, *sorted(given.difference(known)))

    def lost(self, table: pa.Table) -> tuple[Decision, ...]:
        """Returns the decisions that no longer hold: the file is gone, has changed, or cannot be read.

        Example:
            >>> overrides = dp.Overrides((dp.Decision("cat/gone.jpg", digest="60303a", keep=True),))
            >>> [decision.uri for decision in overrides.lost(manifest.table)]
            ['cat/gone.jpg']
        """
        held = set(self._indices(table).tolist())
        return tuple(decision for index, decision in enumerate(self.decisions) if index not in held)

    @classmethod
    def read(cls, *paths: str | Path) -> "Overrides":
        """Reads files that the report saved; what a later one says of an image holds.

        Example:
            >>> import json
            >>> decision = {"uri": "cat/0004.jpg", "digest": "60303a", "keep": True}
            >>> with open("overrides.json", "w") as file:
            ...     json.dump({"version": 2, "decisions": [decision]}, file)
            >>> dp.Overrides.read("overrides.json").decisions[0].keep
            True

        Raises:
            ManifestError: It cannot be read, is not JSON, of another version, or says what cannot be understood.
        """
        merged = NO_OVERRIDES
        for path in paths:
            merged = merged.merged(cls(_read(path)))
        return merged

    def merged(self, later: "Overrides") -> "Overrides":
        """Returns the decisions of both: what a later one says of a content holds, what it leaves open stays.

        Example:
            >>> first = dp.Overrides((dp.Decision("cat/0004.jpg", digest="60303a", keep=True),))
            >>> later = dp.Overrides((dp.Decision("cat/0004.jpg", digest="60303a", label="dog"),))
            >>> first.merged(later).decisions
            (Decision(uri='cat/0004.jpg', digest='60303a', keep=True, label='dog'),)
        """
        found = {decision.uri: decision for decision in self.decisions}
        for decision in later.decisions:
            old = found.get(decision.uri)
            found[decision.uri] = decision if old is None or old.digest != decision.digest else decision.over(old)
        return Overrides(tuple(found.values()))

    def _mask(self, table: pa.Table, *, keep: bool) -> NDArray[np.bool_]:
        """Returns for each row whether a decision says so of it."""
        # the last one stands for rows without a decision, whose index is -1
        wanted = np.array([decision.keep is keep for decision in self.decisions] + [False])
        mask: NDArray[np.bool_] = wanted[self._indices(table)]
        return mask

    def _indices(self, table: pa.Table) -> NDArray[np.int64]:
        """Returns the index of each row's decision, -1 without one."""
        if not self.decisions:
            return np.full(table.num_rows, -1)
        uris, digests, *_ = (list(values) for values in zip(*self.decisions, strict=True))
        found = pc.fill_null(pc.index_in(table["uri"], value_set=pa.array(uris, table["uri"].type)), -1)
        indices: NDArray[np.int64] = found.to_numpy().astype(np.int64)
        rows = np.flatnonzero(indices >= 0)
        now = table.select(["digest", "error"]).take(pa.array(rows))
        seen = zip(indices[rows].tolist(), hex_of(now["digest"]), now["error"].to_pylist(), strict=True)
        holds = [digests[index] == digest and error is None for index, digest, error in seen]
        indices[rows] = np.where(np.array(holds, bool), indices[rows], -1)
        return indices


NO_OVERRIDES: Final = Overrides()


def check_overrides(given: object, where: str) -> None:
    """Checks that a function got overrides, and no file of them.

    Raises:
        ManifestError: It did not.
    """
    if not isinstance(given, Overrides):
        name = str(given) if isinstance(given, str | Path) else "overrides.json"
        raise ManifestError(f"{where} takes overrides, got {given!r:.200}; read them first: `Overrides.read({name!r})`")


def _read(path: str | Path) -> tuple[Decision, ...]:
    """Returns the decisions of one file."""
    try:
        with naming(path, "read", ManifestError):
            data = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"{shown(path)} is not a file of overrides: not JSON ({error})") from error
    try:
        return _decisions(data)
    except ManifestError as error:
        raise ManifestError(f"{shown(path)}: {error}") from error


def _decisions(data: object) -> tuple[Decision, ...]:
    """Returns the decisions of a file's data, or says what is wrong with it."""
    if not isinstance(data, Mapping):
        raise ManifestError('a file of overrides is `{"version": 2, "decisions": [...]}`; save one from the report')
    if data.get("version", VERSION) not in (1, VERSION):
        raise ManifestError(
            f"overrides of version {data['version']!r}; this dataprep reads versions 1 and {VERSION}; save it again from a report"
        )
    _check_keys(data, ("version", "decisions"), "a file of overrides")
    if not isinstance(data["decisions"], list):
        raise ManifestError(f"`decisions` is a list, got {data['decisions']!r}")
    decisions: dict[str, Decision] = {}
    for number, item in enumerate(data["decisions"], start=1):
        decision = _decision(item, f"decision {number}")
        if decision.uri in decisions:
            raise ManifestError(f"decision {number} is the second one about {decision.uri!r}; leave one of them")
        decisions[decision.uri] = decision
    return tuple(decisions.values())


def _decision(item: Any, where: str) -> Decision:
    if not isinstance(item, Mapping):
        raise ManifestError(f"{where} is `{{uri, digest, keep, label}}`, got {item!r}")
    _check_keys(item, Decision._fields, where, needed=("uri", "digest"))
    for key in ("uri", "digest", "label"):
        if key in item and (not isinstance(item[key], str) or SURROGATE.search(item[key])):
            raise ManifestError(f"{where}: `{key}` is a string of Unicode, got {item[key]!r}")
    if "keep" in item and not isinstance(item["keep"], bool):
        raise ManifestError(f"{where}: `keep` is true or false, got {item['keep']!r}")
    if item.get("label") == "":
        raise ManifestError(f"{where}: `label` is empty; leave it out to leave the label as it is")
    if not {"keep", "label"} & item.keys():
        raise ManifestError(f"{where} lacks 'keep' and 'label': it decides nothing")
    return Decision(**item)


def _check_keys(data: Mapping[str, Any], known: tuple[str, ...], where: str, needed: tuple[str, ...] = ()) -> None:
    for key in data:
        if key not in known:
            raise ManifestError(f"{where} has no {key!r}; {suggestion(key, known)}")
    for key in needed or known:
        if key not in data:
            raise ManifestError(f"{where} lacks {key!r}")
