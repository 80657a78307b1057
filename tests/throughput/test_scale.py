"""What large sets are computed from: made-up hashes and clusters are what they are said to be, and a fit is one."""

import numpy as np
import pytest
import scale
import simulate
from simulate import Nodes, Search

from dataprep.loading.lanes import WINDOW
from dataprep.search import pairs_within
from dataprep.search.blocks import INDEPENDENT, chance_pairs

KINDS: tuple[simulate.Kind, ...] = ("independent", "photographs", "web")


@pytest.mark.parametrize(("kind", "effective"), [("independent", 64), ("photographs", 64 * INDEPENDENT)])
def test_hashes_lie_as_far_apart_as_they_should(kind: simulate.Kind, effective: float) -> None:
    """Distances of different hashes spread as those of so many independent bits."""
    codes = simulate.hashes(kind, 3_000)
    distances = np.bitwise_count(codes[:, None] ^ codes).sum(axis=2)[np.triu_indices(len(codes), 1)].astype(float)
    assert distances.mean() == pytest.approx(32, abs=0.1)
    assert 32**2 / distances.var() == pytest.approx(effective, rel=0.03)


def test_hashes_of_photographs_are_balanced() -> None:
    """As many bits are set as not, as by a median."""
    assert set(np.bitwise_count(simulate.hashes("photographs", 1_000)).sum(axis=1).tolist()) == {32}


def test_three_in_ten_of_the_web_are_copies() -> None:
    """About as many rows have an earlier one within a few bits as are said to be copies."""
    pairs = pairs_within(simulate.hashes("web", 20_000), 6)
    assert len(np.unique(pairs[:, 1])) / 20_000 == pytest.approx(simulate.COPIES, abs=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_hashes_are_repeatable(kind: simulate.Kind) -> None:
    """The same numbers give the same hashes, other seeds others."""
    first = simulate.hashes(kind, 500)
    assert np.array_equal(first, simulate.hashes(kind, 500))
    assert not np.array_equal(first, simulate.hashes(kind, 500, seed=1))


def test_a_search_finds_what_the_search_finds() -> None:
    """The measured search is the real one: its pairs are those of `pairs_within` among different hashes."""
    pytest.importorskip("numba", reason="numba, with which long searches are compiled, is not installed")
    found = simulate.search("web", 5_000, 4)
    different = np.unique(simulate.hashes("web", 5_000).view(np.uint64))
    assert found.size == len(different)
    assert found.pairs == len(pairs_within(different.view(np.uint8).reshape(-1, 8), 4))


def test_chance_is_what_is_foreseen_or_less() -> None:
    """Photographs meet by chance no more often than is computed, and independent bits far less."""
    met = {kind: len(pairs_within(simulate.hashes(kind, 30_000), 10)) for kind in ("independent", "photographs")}
    assert met["independent"] < met["photographs"] < 1.2 * chance_pairs(30_000, 64, 10)


def test_a_calm_cluster_wastes_nothing() -> None:
    """Where no node is slow or lost and the program is quick, a run takes what the cores need, and nothing twice."""
    found = simulate.run(300_000, Nodes(4, 8), core=1e-3, driver=1e-7)
    assert found.seconds == pytest.approx(found.ideal, rel=0.02)
    assert found.ideal == pytest.approx(300_000 * 1e-3 / 32)
    assert found.again == 0


def test_a_slow_program_is_what_a_run_takes() -> None:
    """No number of cores makes a run shorter than the program that takes its results."""
    found = simulate.run(100_000, Nodes(64), core=1e-3, driver=1e-4)
    assert found.seconds == pytest.approx(10, rel=0.02)
    assert found.driver == pytest.approx(1, abs=0.02)


def test_slow_and_lost_nodes_cost() -> None:
    """Slow nodes are not waited for long, and lost ones cost more the oftener they are lost."""
    slow = simulate.run(300_000, Nodes(8, 4, slow=0.25), core=1e-3, driver=1e-7)
    assert slow.ideal == pytest.approx(300_000 * 1e-3 / 28)
    assert slow.seconds < 1.05 * slow.ideal
    calm, seldom, often = (simulate.run(10**6, Nodes(16, 2, loss=loss), core=5e-3, driver=1e-7) for loss in (0, 5, 50))
    assert calm.seconds < seldom.seconds < often.seconds
    assert calm.again < seldom.again < often.again


def test_a_node_touches_few_blocks_of_lanes() -> None:
    """Each rank reads the windows of its own lanes, whatever the size; a shuffled order reads nearly everything."""
    found = simulate.touched(10**6, 16, batches=40)
    assert found.lanes < 0.1 * found.shuffled
    assert simulate.touched(10**7, 16, batches=8).lanes == 8 * WINDOW


def test_a_fit_gives_back_what_it_fits() -> None:
    """Times that follow from costs are fitted by these costs, and off by nothing."""
    costs = scale.Fit(70.0, 10.0, 0.2, 40.0, 1.0)
    made = [
        Search("web", size, 4, tables, met, pairs, 0.0)
        for size, tables, met, pairs in ((10**5, 5, 80, 10**5), (10**6, 5, 700, 10**6), (10**7, 15, 60, 0), (10**6, 45, 7_000, 0))
    ]
    fitted = scale.fit(one._replace(seconds=costs.seconds(one)) for one in made)
    assert fitted == pytest.approx(costs)


def test_what_is_foreseen_follows_the_plan() -> None:
    """A search of independent bits is foreseen with the tables and the comparisons that it had."""
    for one in scale.read().searches:
        if one.kind == "independent":
            foreseen = scale.foreseen(one.size, one.radius)
            assert foreseen.tables == one.tables
            assert foreseen.comparisons == pytest.approx(one.comparisons, rel=0.1)  # of a sample of the tables


def test_a_machine_judges_what_it_has_memory_for() -> None:
    """The most that a machine judges is what takes all of its memory."""
    measured = scale.read()
    for pictures in (False, True):
        count = scale.most(256e9, measured, pictures)
        assert scale.driver_memory(count, measured, pictures) == pytest.approx(256e9, rel=1e-3)


def test_kept_measurements_read_back() -> None:
    """What is written is read as it was."""
    assert scale.KEPT.read_text(encoding="utf-8") == scale.as_json(scale.read())
