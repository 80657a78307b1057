"""What a loader delivers, in which order, and how it resumes; the backends here have no processes and need no torch."""

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import LoaderError, PipelineError, StateError
from dataprep.loading.loader import Loader
from dataprep.loading.recipes import draw
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder
from dataprep.stages import Brightness, Deduplicate, HorizontalFlip, Normalize, RandomResizedCrop, Require, Resize, Rotate
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import FakeBackend, FakeSource, Undecoded, encoded, write_images
from dataprep.types import Batch

KEPT = 23
OPS = (RandomResizedCrop((8, 10)), HorizontalFlip(), Rotate(5), Brightness(), Normalize())
PIPELINE = Pipeline(Require("contrast", least=5, reason="nearly uniform"), *OPS)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """23 kept photos of the classes ant and cat; of the class bee, which comes between them, all three are dropped."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, KEPT, height=24, width=32, labels=("ant", "cat"))
    (folder / "bee").mkdir()
    for level in (0, 90, 200):
        (folder / "bee" / f"{level}.png").write_bytes(encoded(np.full((24, 32, 3), level, np.uint8), "PNG"))
    return clean(folder, PIPELINE, engine=Local(0))


def loaders(manifest: Manifest, world_size: int = 1, batch_size: int = 4, **sampler: Any) -> list[Loader]:
    """Returns the loaders of all ranks."""
    ranks = [Sampler(rank=rank, world_size=world_size, **sampler) for rank in range(world_size)]
    return [Loader(manifest, batch_size=batch_size, sampler=rank, backend=Undecoded()) for rank in ranks]


def steps(ranks: list[Loader], count: int | None = None) -> list[list[Batch]]:
    """Returns the batches that all ranks had in the rest of the epoch, or the next `count` of them, step by step."""
    lockstep = [[batch for batch in step if batch is not None] for step in islice(zip_longest(*ranks), count)]
    return [step for step in lockstep if step]


def delivered(taken: list[list[Batch]]) -> list[int]:
    """Returns the ids of some steps in the order of the epoch: the ranks take turns."""
    turns = (zip_longest(*(batch.ids.tolist() for batch in step)) for step in taken)
    return [id for step in turns for turn in step for id in turn if id is not None]


def order(manifest: Manifest, sampler: Sampler, epoch: int = 0) -> list[int]:
    """Returns the ids of an epoch in order."""
    ids: list[int] = manifest.kept()["id"].to_numpy()[sampler.order(KEPT, epoch)].tolist()
    return ids


def assert_same(ours: Iterable[Batch], theirs: Iterable[Batch]) -> None:
    """Checks that two runs gave the same batches to the last bit."""
    for one, other in zip(ours, theirs, strict=True):
        for mine, yours in zip(one, other, strict=True):
            assert mine.dtype == yours.dtype
            assert np.array_equal(mine, yours)


worlds = st.integers(1, 5)
sizes = st.integers(1, 9)
seeds = st.integers(0, 1000)


@given(seeds, st.integers(0, 3), worlds, sizes, st.booleans())
def test_what_an_image_gets_depends_on_id_epoch_and_seed_alone(
    manifest: Manifest, seed: int, epoch: int, world_size: int, batch_size: int, shuffle: bool
) -> None:
    """Each image has the numbers drawn for (seed, epoch, id), whatever the batch size, the world and the order."""
    ranks = loaders(manifest, world_size, batch_size, seed=seed, shuffle=shuffle, remainder="exact")
    for loader in ranks:
        loader.set_epoch(epoch)
    sizes = np.array([[24, 32]])
    for batch in chain.from_iterable(steps(ranks)):
        for id, numbers in zip(batch.ids, batch.images, strict=True):
            alone = draw(ranks[0].pipeline.ops, sizes, np.array([id]), seed, epoch)
            assert np.array_equal(numbers, np.concatenate(alone, axis=1)[0])


@pytest.mark.parametrize(("world_size", "batch_size"), [(1, 1), (1, 5), (2, 3), (3, 4)])
def test_pixels_do_not_depend_on_the_batch(manifest: Manifest, world_size: int, batch_size: int) -> None:
    """The same id in the same epoch has the same pixels and label in batches of any size on any rank."""
    whole = next(iter(Loader(manifest, batch_size=KEPT, backend=FakeBackend())))
    pixels = dict(zip(whole.ids.tolist(), zip(whole.images, whole.labels, strict=True), strict=True))
    seen = []
    for rank in range(world_size):
        sampler = Sampler(rank=rank, world_size=world_size, remainder="exact")
        for batch in Loader(manifest, batch_size=batch_size, sampler=sampler, backend=FakeBackend()):
            for id, image, label in zip(batch.ids.tolist(), batch.images, batch.labels, strict=True):
                seen.append(id)
                assert np.array_equal(image, pixels[id][0])
                assert label == pixels[id][1]
    assert sorted(seen) == sorted(pixels)


@given(seeds, sizes, worlds, st.integers(0, 24), sizes, worlds)
def test_no_image_is_lost_or_seen_twice(
    manifest: Manifest, seed: int, batch_size: int, world_size: int, stop: int, batch_size_after: int, world_after: int
) -> None:
    """Stopped after any step and gone on under another world and batch size, a run delivers the order of the epoch, each once."""
    ranks = loaders(manifest, world_size, batch_size, seed=seed, remainder="exact")
    stop = min(stop, len(ranks[0]))
    before = steps(ranks, stop)
    if stop * batch_size * world_size <= KEPT:  # after a step in which every rank had a batch, all are in the same state
        assert all(loader.state_dict() == ranks[0].state_dict() for loader in ranks)
    resumed = loaders(manifest, world_after, batch_size_after, seed=seed, remainder="exact")
    for loader in resumed:
        loader.load_state_dict(ranks[0].state_dict())
    assert delivered(before) + delivered(steps(resumed)) == order(manifest, Sampler(seed=seed))


@given(seeds, sizes, worlds, st.integers(0, 6), worlds)
def test_under_drop_only_the_end_of_the_order_is_left_out(
    manifest: Manifest, seed: int, batch_size: int, world_size: int, stop: int, world_after: int
) -> None:
    """Under "drop" what a stopped and resumed run has is the beginning of the order, and less than a step is left out."""
    assume(batch_size * max(world_size, world_after) <= KEPT)
    ranks = loaders(manifest, world_size, batch_size, seed=seed)
    before = steps(ranks, min(stop, len(ranks[0])))
    resumed = loaders(manifest, world_after, batch_size, seed=seed)
    for loader in resumed:
        loader.load_state_dict(ranks[-1].state_dict())
    had = delivered(before) + delivered(steps(resumed))
    assert had == order(manifest, Sampler(seed=seed))[: len(had)]
    assert KEPT - len(had) < batch_size * world_after


@given(seeds, sizes, worlds)
def test_under_pad_all_batches_are_full(manifest: Manifest, seed: int, batch_size: int, world_size: int) -> None:
    """Under "pad" every rank has as many full batches, and what fills them up is the beginning of the order again."""
    taken = steps(loaders(manifest, world_size, batch_size, seed=seed, remainder="pad"))
    assert all(len(step) == world_size for step in taken)
    assert all(len(batch.ids) == batch_size for step in taken for batch in step)
    expected = order(manifest, Sampler(seed=seed))
    had = delivered(taken)
    assert had == [expected[place % KEPT] for place in range(len(had))]
    assert 0 <= len(had) - KEPT < batch_size * world_size


@given(sizes, worlds, st.sampled_from(["drop", "pad", "exact"]))
def test_the_length_is_the_number_of_batches(manifest: Manifest, batch_size: int, world_size: int, remainder: str) -> None:
    """`len(loader)` is how many batches an epoch has, on the rank that has most."""
    assume(remainder != "drop" or batch_size * world_size <= KEPT)
    ranks = loaders(manifest, world_size, batch_size, remainder=remainder)
    counts = [len(list(loader)) for loader in ranks]
    assert {len(loader) for loader in ranks} == {max(counts)}
    assert remainder == "exact" or min(counts) == max(counts)


def test_a_run_resumes_after_any_batch_to_the_last_bit(manifest: Manifest) -> None:
    """A new loader given the state after any batch of two epochs delivers the very batches that were to come."""
    undisturbed = Loader(manifest, batch_size=5, backend=FakeBackend())
    saved = [undisturbed.state_dict()]
    batches = []
    for batch in chain(undisturbed, undisturbed):
        batches.append(batch)
        saved.append(json.loads(json.dumps(undisturbed.state_dict())))
    assert len(batches) == 8
    for done, state in enumerate(saved):
        resumed = Loader(manifest, batch_size=5, backend=FakeBackend())
        resumed.load_state_dict(state)
        assert resumed.state_dict() == state
        rest = [batch for _ in range(state["epoch"], 2) for batch in resumed]
        assert_same(rest, batches[done:])


@pytest.mark.parametrize("leave_after", range(1, 5))
def test_a_loop_that_was_left_is_gone_on_with_on_request(manifest: Manifest, leave_after: int) -> None:
    """A loop left by `break` or an exception is gone on with after its last batch where its own state is loaded again."""
    expected = list(Loader(manifest, batch_size=4, backend=Undecoded()))
    loader = Loader(manifest, batch_size=4, backend=Undecoded())
    had = []
    for batch in loader:
        had.append(batch)
        if len(had) == leave_after:
            break
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (0, 4 * leave_after)
    loader.load_state_dict(loader.state_dict())
    with pytest.raises(KeyError):
        for batch in loader:
            had.append(batch)
            raise KeyError
    loader.load_state_dict(loader.state_dict())
    had += loader
    assert_same(had, expected)
    assert loader.epoch == 1


def test_positions_count_what_the_loop_had(manifest: Manifest) -> None:
    """Before the first batch the position is 0; in the loop the batch at hand is counted, and none that was made ahead."""
    loader = Loader(manifest, batch_size=4, backend=Undecoded())
    iterator = iter(loader)
    assert loader.state_dict()["position"] == 0
    for count in range(1, 6):
        next(iterator)
        assert loader.state_dict()["position"] == 4 * count
    assert next(iterator, None) is None
    assert (loader.epoch, loader.state_dict()["position"]) == (1, 0)


def test_epochs_follow_one_another_and_differ(manifest: Manifest) -> None:
    """Each loop is the next epoch, with another order and other augmentations, the same as after `set_epoch`."""
    loader = Loader(manifest, batch_size=23, backend=Undecoded())
    epochs = []
    for epoch in range(5):
        assert loader.epoch == epoch
        epochs += list(loader)
        direct = Loader(manifest, batch_size=23, backend=Undecoded())
        direct.set_epoch(epoch)
        assert_same(direct, epochs[-1:])
    assert len({tuple(batch.ids.tolist()) for batch in epochs}) == 5
    numbers = [dict(zip(batch.ids.tolist(), map(tuple, batch.images.tolist()), strict=True)) for batch in epochs]
    for id in numbers[0]:
        assert len({epoch[id] for epoch in numbers}) == 5


def test_without_shuffling_the_order_is_the_manifests(manifest: Manifest) -> None:
    """`Sampler(shuffle=False)` delivers the ids ascending in every epoch, with other augmentations in each."""
    loader = Loader(manifest, batch_size=23, sampler=Sampler(shuffle=False), backend=Undecoded())
    first, second = next(iter(loader)), list(loader) + list(loader)
    assert first.ids.tolist() == manifest.kept()["id"].to_pylist() == second[0].ids.tolist()
    assert not np.array_equal(first.images, second[0].images)


@pytest.mark.parametrize("seed", [1, 2, -1, 2**40])
def test_seeds_differ(manifest: Manifest, seed: int) -> None:
    """Another seed gives another order and other augmentations."""
    first, other = (
        next(iter(Loader(manifest, batch_size=23, sampler=Sampler(seed=given), backend=Undecoded()))) for given in (0, seed)
    )
    assert first.ids.tolist() != other.ids.tolist()
    assert not np.array_equal(first.images[first.ids.argsort()], other.images[other.ids.argsort()])


def test_set_epoch_keeps_the_position_of_a_loaded_state_only(manifest: Manifest) -> None:
    """`set_epoch` of the epoch of a state just loaded keeps its position; otherwise it goes to the beginning."""
    loader = Loader(manifest, batch_size=4, backend=Undecoded())
    next(iter(loader))
    loader.load_state_dict(loader.state_dict())
    loader.set_epoch(0)
    assert (loader.epoch, loader.state_dict()["position"]) == (0, 4)
    for epoch in (3, 0):
        loader.set_epoch(epoch)
        assert (loader.epoch, loader.state_dict()["position"]) == (epoch, 0)


def test_the_state_is_plain_data(manifest: Manifest) -> None:
    """A state survives JSON and holds six entries, neither workers nor world nor batch size among them."""
    loader = Loader(manifest, batch_size=4, sampler=Sampler(seed=9), backend=Undecoded())
    next(iter(loader))
    state = loader.state_dict()
    assert json.loads(json.dumps(state)) == state
    draws = {type(op).__name__: 1 for op in loader.pipeline.ops}
    fingerprint = manifest.fingerprint
    assert state == {"version": 5, "seed": 9, "epoch": 0, "position": 4, "fingerprint": fingerprint, "draws": draws}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 7}, "saved with seed 7, here it is 0"),
        ({"fingerprint": "feed"}, "saved with manifest (fingerprint) 'feed', here it is '{here}'"),
        ({"version": 1}, "saved with version 1, here it is 5"),
        ({"draws": {"HorizontalFlip": 7}}, "when `HorizontalFlip` drew as version 7, here it is version 1"),
    ],
)
def test_a_state_of_another_run_is_refused(manifest: Manifest, change: dict[str, Any], said: str) -> None:
    """A state of another manifest, seed or version is an error that names both sides, and leaves the loader as it was."""
    loader = Loader(manifest, batch_size=4, backend=Undecoded())
    next(iter(loader))
    before = loader.state_dict()
    with pytest.raises(StateError) as caught:
        loader.load_state_dict({**before, "position": 8} | change)
    assert said.format(here=manifest.fingerprint) in str(caught.value)
    assert loader.state_dict() == before


def test_a_state_of_another_judgement_is_refused(manifest: Manifest) -> None:
    """The state of a run over other kept images does not fit, since its positions mean other images."""
    contrasts = manifest.kept()["contrast"].to_pylist()
    other = manifest.judge(Pipeline(Require("contrast", least=sorted(contrasts)[2]), *OPS))
    assert other.kept().num_rows == KEPT - 2
    state = Loader(manifest, batch_size=4, backend=Undecoded()).state_dict()
    with pytest.raises(StateError, match="manifest"):
        Loader(other, batch_size=1, backend=Undecoded()).load_state_dict(state)


def test_a_state_of_other_class_numbers_is_refused(manifest: Manifest) -> None:
    """The state of a run in which labels had other numbers does not fit, though rows and labels are the same."""
    other = replace(manifest, classes=("aardvark", *manifest.classes))
    state = Loader(manifest, batch_size=4, backend=Undecoded()).state_dict()
    with pytest.raises(StateError, match="manifest"):
        Loader(other, batch_size=4, backend=Undecoded()).load_state_dict(state)


@pytest.mark.parametrize("lost", ["version", "seed", "epoch", "position", "fingerprint"])
def test_a_state_that_lacks_something_says_what(manifest: Manifest, lost: str) -> None:
    """An incomplete state is an error that names what is missing."""
    loader = Loader(manifest, batch_size=4, backend=Undecoded())
    state = loader.state_dict()
    del state[lost]
    with pytest.raises(StateError, match=f"the state lacks {lost}"):
        loader.load_state_dict(state)


@pytest.mark.parametrize(
    ("batch_size", "sampler", "said"),
    [
        (24, Sampler(), "batches of 24 need 24 images but 23 are there; use a smaller batch_size, or Sampler(remainder='pad')"),
        (8, Sampler(rank=1, world_size=3), "batches of 8 on each of 3 ranks need 24 images but 23 are there"),
        (0, Sampler(), "batch_size=0: give a whole number of samples, at least 1"),
        (-3, Sampler(remainder="exact"), "batch_size=-3: give a whole number of samples, at least 1"),
    ],
)
def test_a_batch_that_cannot_be_filled_is_an_error(manifest: Manifest, batch_size: int, sampler: Sampler, said: str) -> None:
    """A loader that would deliver nothing says so when it is made, with the numbers and a way out."""
    with pytest.raises(LoaderError) as caught:
        Loader(manifest, batch_size=batch_size, sampler=sampler, backend=Undecoded())
    assert said in str(caught.value)


@pytest.mark.parametrize("remainder", ["pad", "exact"])
def test_a_large_batch_is_fine_where_the_remainder_is_kept(manifest: Manifest, remainder: Any) -> None:
    """What the error proposes works: "pad" and "exact" deliver a batch larger than what is kept."""
    loader = Loader(manifest, batch_size=50, sampler=Sampler(remainder=remainder), backend=Undecoded())
    (batch,) = loader
    assert len(batch.ids) == (50 if remainder == "pad" else KEPT)
    assert set(batch.ids.tolist()) == set(manifest.kept()["id"].to_pylist())


def test_a_manifest_that_keeps_nothing_is_an_error(manifest: Manifest) -> None:
    """Where every image was dropped, the error names the ways to see why and to decide anew."""
    none = manifest.judge(Pipeline(Require("height", least=1000), *OPS))
    for remainder in ("drop", "pad", "exact"):
        with pytest.raises(LoaderError, match=r"keeps no image; `manifest\.reasons\(\)` says why"):
            Loader(none, Pipeline(Resize((8, 8))), batch_size=1, sampler=Sampler(remainder=remainder), backend=Undecoded())


def test_a_pipeline_without_ops_is_an_error(manifest: Manifest) -> None:
    """Images as they come cannot be batched: the error names the ops to add, whether the pipeline was given or the manifest's."""
    for pipeline in (Pipeline(), Pipeline(Require("contrast", least=5, reason="nearly uniform"))):
        with pytest.raises(LoaderError, match=r"no ops.*add `RandomResizedCrop\(224\)`"):
            Loader(manifest, pipeline, batch_size=4, backend=Undecoded())
    with pytest.raises(LoaderError, match="no ops"):
        Loader(manifest.judge(Pipeline()), batch_size=4, backend=Undecoded())


def test_rules_that_did_not_judge_are_an_error(manifest: Manifest) -> None:
    """A pipeline with other rules than the manifest was judged by is refused; with the same, or none, it is taken."""
    for rules in (standard_rules(), (Deduplicate(),), (Require("contrast", least=6),)):
        with pytest.raises(LoaderError, match=r"other rules.*`manifest\.judge\(pipeline\)`"):
            Loader(manifest, Pipeline(*rules, *OPS), batch_size=4, backend=Undecoded())
    for pipeline in (Pipeline(*OPS), PIPELINE):
        assert len(Loader(manifest, pipeline, batch_size=4, backend=Undecoded())) == 5


def test_normalize_takes_the_manifests_numbers(manifest: Manifest) -> None:
    """`Normalize()` gets mean and std of the kept images; one with numbers keeps its own."""
    statistics = manifest.statistics
    assert statistics is not None
    filled = Loader(manifest, batch_size=4, backend=Undecoded()).pipeline.ops[-1]
    assert filled == Normalize(statistics.mean, statistics.std)
    given = Loader(manifest, Pipeline(Resize((8, 8)), Normalize.imagenet()), batch_size=4, backend=Undecoded())
    assert given.pipeline.ops[-1] == Normalize.imagenet()


def test_normalised_pixels_have_mean_zero_and_deviation_one(manifest: Manifest) -> None:
    """Over all kept images as they are, `Normalize()` leaves a mean of 0 and a standard deviation of 1 in each channel."""
    pipeline = Pipeline(Resize((24, 32)), Normalize())
    (batch,) = Loader(manifest, pipeline, batch_size=KEPT, backend=FakeBackend())
    assert batch.images.mean(axis=(0, 2, 3), dtype=np.float64) == pytest.approx([0, 0, 0], abs=1e-6)
    assert batch.images.std(axis=(0, 2, 3), dtype=np.float64) == pytest.approx([1, 1, 1], abs=1e-6)


def test_normalize_without_statistics_is_an_error(tmp_path: Path) -> None:
    """Where `clean` measured no statistics, `Normalize()` says how to get them."""
    write_images(tmp_path, 4, height=24, width=32)
    bare = clean(tmp_path, Pipeline(), engine=Local(0))
    with pytest.raises(PipelineError, match=r"run `clean` with this pipeline.*`Normalize\.imagenet\(\)`"):
        Loader(bare, Pipeline(*OPS), batch_size=4, backend=Undecoded())


def test_class_numbers_are_places_in_the_scans_classes(manifest: Manifest) -> None:
    """A class number is the place among all labels that were scanned, also where a class between was dropped whole."""
    assert manifest.classes == ("ant", "bee", "cat")
    loader = Loader(manifest, batch_size=KEPT, backend=Undecoded())
    (batch,) = loader
    names = dict(zip(manifest.table["id"].to_pylist(), manifest.table["label"].to_pylist(), strict=True))
    assert [loader.classes[number] for number in batch.labels] == [names[id] for id in batch.ids.tolist()]
    assert set(batch.labels.tolist()) == {0, 2}


def test_images_without_a_label_have_minus_one(tmp_path: Path) -> None:
    """Images in the root folder itself have no label, and the class number -1."""
    write_images(tmp_path, 2, height=24, width=32, labels=())
    write_images(tmp_path, 2, seed=5, height=24, width=32, labels=("dog",))
    mixed = clean(tmp_path, Pipeline(Resize((8, 8))), engine=Local(0))
    (batch,) = Loader(mixed, batch_size=4, sampler=Sampler(shuffle=False), backend=Undecoded())
    assert batch.labels.tolist() == [-1, -1, 0, 0]


def test_a_split_keeps_ids_and_class_numbers(tmp_path: Path) -> None:
    """A split delivers its own images under the ids and class numbers of the whole, also of classes that it lacks."""
    write_images(tmp_path / "train", 6, height=24, width=32, labels=("ant", "bee", "cat"))
    write_images(tmp_path / "test", 3, seed=50, height=24, width=32, labels=("cat",))
    whole = clean(Folder(str(tmp_path), splits=True), Pipeline(*OPS), engine=Local(0))
    everything = Loader(whole, batch_size=9, backend=FakeBackend())
    (all_of_it,) = everything
    pixels = dict(zip(all_of_it.ids.tolist(), zip(all_of_it.images, all_of_it.labels, strict=True), strict=True))
    had = []
    for name, count in (("train", 6), ("test", 3)):
        part = whole.select(name)
        assert part.classes == whole.classes
        (batch,) = Loader(part, everything.pipeline, batch_size=count, backend=FakeBackend())
        had += batch.ids.tolist()
        for id, image, label in zip(batch.ids.tolist(), batch.images, batch.labels, strict=True):
            assert np.array_equal(image, pixels[id][0])
            assert label == pixels[id][1]
    assert sorted(had) == list(range(9))


def test_ranks_come_from_the_environment(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under torchrun a loader takes the share of its RANK of WORLD_SIZE, as they were when it was made."""
    given = [next(iter(loader)).ids.tolist() for loader in loaders(manifest, world_size=2)]
    monkeypatch.setenv("WORLD_SIZE", "2")
    taken = []
    for rank in (0, 1):
        monkeypatch.setenv("RANK", str(rank))
        taken.append(Loader(manifest, batch_size=4, backend=Undecoded()))
    monkeypatch.delenv("RANK")
    assert [next(iter(loader)).ids.tolist() for loader in taken] == given


def test_a_written_manifest_loads_the_same(manifest: Manifest, tmp_path: Path) -> None:
    """A manifest that was written and read again delivers the same batches, and takes states from before."""
    manifest.write(tmp_path / "manifest.parquet")
    before = Loader(manifest, batch_size=6, backend=FakeBackend())
    after = Loader(Manifest.read(tmp_path / "manifest.parquet"), batch_size=6, backend=FakeBackend())
    next(iter(before))
    for loader in (after, before):
        loader.load_state_dict(before.state_dict())
    assert_same(after, before)


def test_recipes_read_nothing(manifest: Manifest) -> None:
    """What the batches are made from is known without decoding a file, and holds what the batches then have."""
    elsewhere = replace(manifest, source=FakeSource(dict.fromkeys(manifest.table["uri"].to_pylist(), b"not decoded")))
    recipes = list(Loader(elsewhere, batch_size=5, backend=FakeBackend()).recipes())
    batches = list(Loader(manifest, batch_size=5, backend=FakeBackend()))
    uris = dict(zip(manifest.table["id"].to_pylist(), manifest.table["uri"].to_pylist(), strict=True))
    for recipe, batch in zip(recipes, batches, strict=True):
        assert recipe.ids.tolist() == batch.ids.tolist()
        assert recipe.labels.tolist() == batch.labels.tolist()
        assert recipe.uris == [uris[id] for id in recipe.ids.tolist()]


@pytest.mark.parametrize("remainder", ["drop", "pad", "exact"])
def test_a_loop_that_counts_its_batches_goes_on_with_the_next_epoch(manifest: Manifest, remainder: str) -> None:
    """Who takes `len(loader)` batches and does not ask for one more, as Lightning does, has a whole new epoch the next time."""
    counting, asking = (loaders(manifest, remainder=remainder)[0] for _ in range(2))
    for _ in range(3):
        assert_same(list(islice(counting, len(counting))), list(asking))


def test_a_state_saved_at_the_last_batch_has_nothing_left(manifest: Manifest) -> None:
    """A run that was saved in the loop's last turn goes on with nothing of that epoch, then with all of the next."""
    first, second = (loaders(manifest)[0] for _ in range(2))
    list(islice(first, len(first)))
    second.load_state_dict(first.state_dict())
    second.set_epoch(0)
    assert list(second) == []
    assert (second.epoch, len(list(second))) == (1, len(second))


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_a_batch_knows_what_it_was_made_of(tmp_path: Path, on_error: str) -> None:
    """Each batch has the recipe that it was made of, however many are made ahead; a batch of something else has none."""
    write_images(tmp_path, 7)
    manifest = clean(tmp_path, Pipeline(RandomResizedCrop(8)), engine=Local(0))
    if on_error == "skip":
        next(tmp_path.rglob("*.jpg")).unlink()
    loader = Loader(manifest, batch_size=3, backend=FakeBackend(ahead=2), on_error=on_error, sampler=Sampler(remainder="exact"))
    for batch in loader:
        assert set(batch.ids) <= set(batch.origin.recipe.ids)
        assert batch.origin.classes == manifest.classes
        assert batch.origin.ops == loader.pipeline.ops
        assert Batch(*batch).origin is None
    assert len(batch.origin.recipe.ids) == 1
