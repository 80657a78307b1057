"""Files that people keep: whatever becomes of their bytes, reading them ends well or in an error of our own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dataprep as dp
from dataprep.actions.undolog import UndoLog
from dataprep.errors import DataprepError
from dataprep.manifest import Overrides

PIPELINE = """\
version: 1
stages:
  - Require: {column: height, least: 64, reason: too small}
  - Deduplicate: {by: {PHash: {bits: 256}}, radius: 48, verify: null}
  - RandomResizedCrop: {size: 224, scale: [0.25, 1.0]}
  - HorizontalFlip
  - Normalize
"""
DECISION = {"uri": "cat/1.jpg", "digest": "0" * 64, "keep": True}
OVERRIDES = json.dumps({"version": 1, "decisions": [DECISION, {**DECISION, "uri": "cat/2.jpg"}]})
LOG = "".join(
    json.dumps(line) + "\n"
    for line in (
        {"dataprep": "undo log", "version": 1, "sources": {"": "/data/photos"}},
        {"folder": "cat"},
        {"file": "cat/0003.jpg", "reason": "blurred", "detail": "sharpness 3"},
    )
)
READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "pipeline.yaml": (PIPELINE, dp.Pipeline.read),
    "overrides.json": (OVERRIDES, Overrides.read),
    "undo.jsonl": (LOG, UndoLog.read),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\udc80"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["version", "uri", "file", "0"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for files."""
    return tmp_path_factory.mktemp("files")


def survives(path: Path, data: bytes) -> None:
    """Reads a file of such bytes, which is understood or refused in words of our own."""
    path.write_bytes(data)
    try:
        READERS[path.name][1](path)
    except DataprepError as error:
        assert str(error)


@pytest.mark.parametrize("name", READERS)
def test_as_written(place: Path, name: str) -> None:
    """The files that are damaged below are understood as they are."""
    (place / name).write_text(READERS[name][0])
    READERS[name][1](place / name)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_damaged_bytes(place: Path, name: str, data: st.DataObject) -> None:
    """Bytes that are changed, lost or added anywhere are refused, or understood."""
    whole = READERS[name][0].encode()
    start = data.draw(st.integers(0, len(whole)))
    stop = start + data.draw(st.sampled_from([0, 1, 2, 9]))
    new = data.draw(st.binary(max_size=4) | st.text("{}[]:,-'\"&*!0123456789.nullxuE \n\\", max_size=4).map(str.encode))
    survives(place / name, whole[:start] + new + whole[stop:])


@pytest.mark.parametrize("name", ["overrides.json", "undo.jsonl"])
@given(data=st.data())
def test_other_values(place: Path, name: str, data: st.DataObject) -> None:
    """Any value in the place of any other one is refused, or understood."""
    lines = [json.loads(line) for line in READERS[name][0].splitlines()]
    spots = list(_spots(lines))
    holder, key = data.draw(st.sampled_from(spots))
    holder[key] = data.draw(JSON)
    survives(place / name, "\n".join(map(json.dumps, lines)).encode())


@pytest.mark.parametrize("name", ["pipeline.yaml"])
@given(stages=JSON)
def test_other_stages(place: Path, name: str, stages: Any) -> None:
    """Any value for the stages, for one of them, or for the fields of one is refused, or understood."""
    for data in (
        {"version": 1, "stages": stages},
        {"version": 1, "stages": [stages]},
        {"version": 1, "stages": [{"Resize": stages}]},
    ):
        survives(place / name, json.dumps(data).encode())


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"[" * 100_000, b"{" * 5000, b"\xff\xfe", b"1e999", b"- " * 3000, b"&a [*a]"])
def test_other_files(place: Path, name: str, data: bytes) -> None:
    """A file that is nothing of the kind is refused."""
    (place / name).write_bytes(data)
    with pytest.raises(DataprepError):
        READERS[name][1](place / name)


def _spots(value: Any) -> Any:
    """Yields each place of a value in some nested data."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _spots(inner)
