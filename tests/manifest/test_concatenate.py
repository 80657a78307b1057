"""Several manifests as one: every image stays identifiable, and mixtures have the shares that were asked for."""

from collections import Counter
from pathlib import Path

import pytest

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import ManifestError, StateError
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.manifest.concatenate import concatenate
from dataprep.pipeline import Pipeline
from dataprep.stages import Deduplicate, Normalize, Resize
from dataprep.testing import FakeBackend, write_images

PIPELINE = Pipeline(Deduplicate(by=None), Resize((8, 8)), Normalize())
SHARES = {"photos": 0.7, "web": 0.3}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Manifest]:
    """Eight photos of ants and cats, and twelve of bees and cats, one of which is a photo of the first part; one copy in each."""
    found = {}
    for name, count, seed, labels in (("photos", 8, 0, ("ant", "cat")), ("web", 12, 7, ("bee", "cat"))):
        folder: Path = tmp_path_factory.mktemp(name)
        paths = write_images(folder, count, seed=seed, height=24, width=32, labels=labels)
        (folder / labels[0] / "copy.jpg").write_bytes(paths[0].read_bytes())
        found[name] = clean(folder, PIPELINE, engine=Local(0))
    return found


def test_every_record_is_there(parts: dict[str, Manifest]) -> None:
    """Each record keeps its verdict, label and content under a new id; part, part_id and uri say where it comes from."""
    rows = concatenate(parts).table.to_pylist()
    assert [row["id"] for row in rows] == list(range(9 + 13))
    known = {(name, row["id"]): row for name, manifest in parts.items() for row in manifest.table.to_pylist()}
    assert len(known) == len(rows)
    for row in rows:
        of_part = known[row["part"], row["part_id"]]
        assert row["uri"] == f"{row['part']}/{of_part['uri']}"
        for column in of_part.keys() - {"id", "uri", "twin"}:
            assert row[column] == of_part[column]
        if row["twin"] is not None:
            assert (rows[row["twin"]]["part"], rows[row["twin"]]["part_id"]) == (row["part"], of_part["twin"])


def test_it_is_a_manifest(parts: dict[str, Manifest], tmp_path: Path) -> None:
    """It can be written, read, concatenated and judged; judging finds duplicates across the parts; statistics are of all."""
    both = concatenate(parts)
    assert both.classes == ("ant", "bee", "cat")
    both.write(tmp_path / "both.parquet")
    assert Manifest.read(tmp_path / "both.parquet").fingerprint == both.fingerprint
    assert both.statistics is not None and both.statistics.images == 20
    assert both.judge(PIPELINE).kept().num_rows == 19
    assert concatenate({"again": both}).kept().num_rows == 20


def test_splits_keep_their_ids(parts: dict[str, Manifest]) -> None:
    """Manifests whose ids have gaps are concatenated without two records getting one id."""
    gaps = {
        name: Manifest(part.table.slice(3), part.pipeline, part.source, part.measures, part.classes)
        for name, part in parts.items()
    }
    ids = concatenate(gaps).table["id"].to_pylist()
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_a_mixture_has_its_shares(parts: dict[str, Manifest], world_size: int) -> None:
    """Over any number of ranks an epoch has 70 of 100 samples from the one part, each image of a part about equally often."""
    both = concatenate(parts)
    of = dict(zip(both.table["id"].to_pylist(), both.table["part"].to_pylist(), strict=True))
    ids: Counter[int] = Counter()
    for rank in range(world_size):
        sampler = Sampler(balance="part", shares=SHARES, length=100, remainder="exact", rank=rank, world_size=world_size)
        for batch in Loader(both, batch_size=9, sampler=sampler, backend=FakeBackend()):
            ids.update(batch.ids.tolist())
    assert Counter(of[id] for id in ids.elements()) == {"photos": 70, "web": 30}
    assert {ids[id] for id in ids if of[id] == "photos"} <= {8, 9}
    assert {ids[id] for id in ids if of[id] == "web"} <= {2, 3}


def test_a_state_of_another_mixture_is_refused(parts: dict[str, Manifest]) -> None:
    """A state says whether it is the manifest that differs or the shares, the length or the order."""
    both = concatenate(parts)

    def loader(manifest: Manifest, **options: object) -> Loader:
        return Loader(manifest, batch_size=4, sampler=Sampler(**options), backend=FakeBackend())

    mixture = {"balance": "part", "shares": SHARES}
    state = loader(both, **mixture).state_dict()
    loader(both, balance="part", shares={"web": 3, "photos": 7}).load_state_dict(state)
    for other in ({}, {"balance": "part"}, {**mixture, "length": 50}, {**mixture, "shuffle": False}):
        with pytest.raises(StateError, match=r"saved with order \(weights, balance, shares, length, shuffle\)"):
            loader(both, **other).load_state_dict(state)
    with pytest.raises(StateError, match=r"saved with manifest \(fingerprint\)"):
        loader(concatenate({**parts, "more": parts["web"]}), balance="part").load_state_dict(state)
    with pytest.raises(StateError, match="saved with seed 0, here it is 1"):
        loader(both, **mixture, seed=1).load_state_dict(state)


@pytest.mark.parametrize(("name", "message"), [("a/b", "short name"), ("", "short name"), (None, "not none")])
def test_mistakes(parts: dict[str, Manifest], name: str | None, message: str) -> None:
    """No manifest at all, or a name that cannot start a uri, is refused."""
    with pytest.raises(ManifestError, match=message):
        concatenate({} if name is None else {name: parts["web"]})
