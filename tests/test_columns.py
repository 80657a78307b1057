"""The table of columns: each once, and what sources, measures, the verdict and manifests have is what it says."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.columns import BITS, COLUMNS, DIGEST, HASHES, Column, digests_of, fields_of, hex_of, in_types, names_of
from dataprep.describe import STAGES
from dataprep.manifest.concatenate import concatenate
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure
from dataprep.report.histograms import UNITS
from dataprep.stages import catalogue
from dataprep.stages.measures.hashing import Hash, Variants
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import FakeEngine

EVERY = {column.name: column for columns in COLUMNS.values() for column in columns}
OWN = [measure for measure in catalogue.MEASURES if measure is not Variants]


def test_each_once() -> None:
    """A name stands for one column, whoever fills it, and every column says what it means."""
    assert all(EVERY[column.name] == column for columns in COLUMNS.values() for column in columns)
    assert all(UNITS[name] == column.meaning != "" for name, column in EVERY.items())


def test_every_measure_is_there() -> None:
    """Every measure of dataprep's own has its columns there, and nothing else does but the steps of a run."""
    measures = {measure.__name__ for measure in catalogue.MEASURES}
    assert set(COLUMNS) == {"clean", "scan", "store", "labels", "targets", "read", *measures, "verdict", "concatenate", "pack"}


@pytest.mark.parametrize("kind", OWN)
def test_fields(kind: type[Measure]) -> None:
    """A measure fills the columns that the table has for it, in its order; a hash one for each number of bits."""
    made = [kind(bits) for bits in BITS] if issubclass(kind, Hash) else [kind()]
    assert tuple(field for measure in made for field in measure.fields) == fields_of(kind.__name__)
    assert (kind.__name__ in HASHES) == issubclass(kind, Hash)


@pytest.mark.parametrize("kind", HASHES)
@pytest.mark.parametrize("bits", BITS)
def test_variants(kind: str, bits: int) -> None:
    """The column of a hash's variants is named as in the table, and as wide as they are many."""
    measure = Variants(STAGES[kind](bits), "dihedral", views=True)
    (field,) = measure.fields
    assert field.name in {column.name for column in COLUMNS["Variants"]}
    assert field.type == pa.binary(31 * bits // 8)


def test_a_manifest(folder: Path) -> None:
    """A manifest has the columns of the table and no others, of these types, those of the record first, the verdict last."""
    measures = [kind() for kind in OWN]
    manifest = clean(folder, Pipeline(*measures, *standard_rules(invariant="flip")), engine=FakeEngine())
    table = concatenate({"photos": manifest}).table
    wide = {"phash64_variants": pa.binary(8), "phash256_variants": pa.binary(32)}
    for field in table.schema:
        assert field.type == wide.get(field.name, EVERY[field.name].type)
    beside = {name for filler in ("store", "labels", "targets", "pack") for name in names_of(filler)}
    absent = set(EVERY) - beside - set(table.column_names)
    assert all("hash256" in name or "_variants" in name for name in absent)
    assert table.column_names[:2] == ["id", "uri"]
    assert table.column_names[-7:] == [column.name for filler in ("verdict", "concatenate") for column in COLUMNS[filler]]


def test_nullable() -> None:
    """Only the name of an image is never missing."""
    assert [name for name, column in EVERY.items() if not column.nullable] == ["uri"]
    assert not Column("uri", pa.string(), "", nullable=False).field.nullable


@given(st.lists(st.none() | st.binary(min_size=32, max_size=32)))
def test_hex_there_and_back(digests: list[bytes | None]) -> None:
    """Digests are the same after they were hex digits."""
    column = pa.array(digests, DIGEST)
    assert digests_of(hex_of(column)).equals(column)
    assert hex_of(pa.array(hex_of(column), pa.string())) == hex_of(column)


def test_in_types() -> None:
    """Texts and bytes under a name of the table are of its type, whatever else there is stays, numbers too."""
    given = pa.table(
        {"uri": pa.array(["a"]), "mine": pa.array(["b"]), "bytes": pa.array([1], pa.int32()), "label": pa.array(["c"])}
    )
    typed = in_types(given)
    assert typed.schema.types == [pa.large_string(), pa.string(), pa.int32(), pa.large_string()]
    assert typed.to_pylist() == given.to_pylist()
