"""What became other from one manifest to another: images, their contents, labels, splits and verdicts, and the stages.

Images are the same by their uris; one that is gone and one that is new with the same content are one that was moved.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from dataprep.columns import hex_of
from dataprep.describe import describe
from dataprep.manifest.manifest import Manifest

COLUMNS: Final = ("uri", "label", "split", "digest", "keep", "reason", "detail")


class Change(NamedTuple):
    """What became other about one image.

    Attributes:
        kind: "gone", "new", "moved", "other content", "other label", "other split", "dropped", "kept" or "other reason".
        uri: The image, by its name in the second manifest unless it is gone.
        before: What was; None where there was nothing.
        after: What is; None where there is nothing.
    """

    kind: str
    uri: str
    before: str | None
    after: str | None


KINDS: Final = {
    "gone": "gone",
    "new": "new",
    "moved": "moved or renamed",
    "other content": "of another content",
    "other label": "of another label",
    "other split": "in another split",
    "dropped": "dropped now",
    "kept": "kept now",
    "other reason": "dropped for another reason",
}
"""Each kind of change in the order in which they are told, and what is said of such images."""


class Changes(NamedTuple):
    """What became other.

    Attributes:
        images: Of images, ordered by kind and name.
        stages: Stages that one of the pipelines has alone, "-" before those of the first and "+" before those of the second.
    """

    images: tuple[Change, ...]
    stages: tuple[str, ...]


def compare(first: Manifest, second: Manifest) -> Changes:
    """Returns what became other from one manifest to another."""
    before, after = _by_uri(first), _by_uri(second)
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    moves = dict(_moved({uri: before[uri] for uri in gone}, {uri: after[uri] for uri in new}))
    found = [Change("gone", uri, _verdict(before[uri]), None) for uri in gone - set(moves.values())]
    found += [Change("new", uri, None, _verdict(after[uri])) for uri in new - moves.keys()]
    found += [Change("moved", uri, old, uri) for uri, old in moves.items()]
    for uri in after:
        old = before.get(moves.get(uri, uri))
        if old is not None:
            found += _changes(uri, old, after[uri])
    order = list(KINDS)
    found.sort(key=lambda change: (order.index(change.kind), change.uri))
    return Changes(tuple(found), tuple(_stages(first, second)))


def _by_uri(manifest: Manifest) -> dict[str, dict[str, Any]]:
    rows = (row for batch in manifest.table.select(COLUMNS).to_batches() for row in batch.to_pylist())
    return {row["uri"]: row | {"digest": digest} for row, digest in zip(rows, hex_of(manifest.table["digest"]), strict=True)}


def _moved(gone: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yields the new and the old name of images whose content is that of one image that is gone."""
    homes: dict[str, list[str]] = {}
    for uri, row in sorted(gone.items(), reverse=True):
        homes.setdefault(row["digest"], []).append(uri)
    for uri, row in sorted(new.items()):
        if row["digest"] is not None and homes.get(row["digest"]):
            yield uri, homes[row["digest"]].pop()


def _changes(uri: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """Yields what became other about an image that both have."""
    for kind, column in (("other content", "digest"), ("other label", "label"), ("other split", "split")):
        if old[column] != new[column]:
            yield Change(kind, uri, old[column], new[column])
    if old["keep"] != new["keep"]:
        yield Change("kept" if new["keep"] else "dropped", uri, _verdict(old), _verdict(new))
    elif old["reason"] != new["reason"]:
        yield Change("other reason", uri, _verdict(old), _verdict(new))


def _verdict(row: dict[str, Any]) -> str:
    if row["keep"]:
        return row["detail"] or "kept"
    return f"{row['reason']}: {row['detail']}" if row["detail"] else str(row["reason"])


def _stages(first: Manifest, second: Manifest) -> Iterator[str]:
    """Yields the stages of one pipeline that the other has not."""
    one, other = ([_spelt(stage) for stage in manifest.pipeline.stages] for manifest in (first, second))
    yield from (f"- {text}" for text in one if text not in other)
    yield from (f"+ {text}" for text in other if text not in one)


def _spelt(stage: object) -> str:
    """Returns a stage as the call that makes it, without what is at its default."""
    ((name, fields),) = describe(stage).items()
    return f"{name}({', '.join(f'{key}={_plain(value)}' for key, value in fields.items())})"


def _plain(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        ((name, fields),) = value.items()
        if isinstance(fields, dict):
            return f"{name}({', '.join(f'{key}={_plain(item)}' for key, item in fields.items())})"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return repr(value)
