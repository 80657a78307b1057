"""The races themselves: what was lost fails, what only seems lost is run again, and what is found is kept, beside what was."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from figures import LOSS, LOSS_ELSEWHERE, RUNS, Figure, Figures, Run, read_runs, this_run, write_runs

PAIR, NAME = ("ours", "theirs"), "job: ours / theirs"


def race(figures: Figures, ratios: Iterator[float], floor: float = 0.5) -> int:
    """Runs a race whose turns have these ratios, and returns how many turns it took."""
    turns = 0

    def turn() -> dict[str, float]:
        nonlocal turns
        turns += 1
        return {"ours": 1.0, "theirs": next(ratios)}

    figures.race("job", turn, {PAIR: floor}, turns=3, images=600)
    return turns


def kept(ratio: float) -> Figures:
    """Figures of which one was kept on this machine."""
    return Figures(this_run()._replace(figures={NAME: Figure(ratio, ratio, ratio)}))


@pytest.mark.parametrize("ratio", [0.86, 1.0, 3.0])
def test_what_is_as_fast_passes_at_once(ratio: float) -> None:
    """A ratio within 15 % of the kept one, or above it, passes after one run."""
    assert race(kept(2.0), cycle([2 * ratio])) == 3


@pytest.mark.parametrize(("ratio", "floor"), [(0.84 * 2, 0.5), (1.9, 1.95)])
def test_what_was_lost_fails(ratio: float, floor: float) -> None:
    """A ratio that is lower than the kept one by more than 15 %, or below its floor, fails and names the pair."""
    with pytest.raises(AssertionError, match="ours / theirs"):
        race(kept(2.0), cycle([ratio]), floor)


def test_a_bad_run_is_run_again() -> None:
    """One bad run of three fails nothing."""
    assert race(kept(2.0), iter([1.0] * 3 + [2.0] * 6)) == 9


def test_hurry_forgives() -> None:
    """In a hurry a run has one turn, and as much may be lost, of the floor too, as on another machine."""
    figures = kept(2.0)
    figures.quick = True
    assert race(figures, cycle([2 * 0.66]), floor=2.0) == 1


def test_what_was_never_kept_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A race without a kept figure is judged by its floor alone, and says how to keep one."""
    with pytest.raises(AssertionError, match="ours / theirs"):
        race(Figures(this_run()), cycle([1.9]), floor=1.95)
    assert race(Figures(this_run()), cycle([2.0]), floor=1.95) == 3
    assert "--update-figures" in capsys.readouterr().out


def test_figures_are_kept(tmp_path: Path) -> None:
    """An update runs every race to the end, keeps its median and spread, and leaves the figures of other races as they were."""
    path = tmp_path / "figures.json"
    another = {"another": Figure(3.0, 2.0, 4.0)}
    Figures(this_run(), path=path, found=this_run()._replace(figures=another, rates={"another: ours": 7})).write()
    update = Figures.read(path, update=True)
    assert race(update, iter([1.0] * 3 + [2.0] * 3 + [3.0] * 3)) == 3 * RUNS
    (run,) = read_runs(path)
    assert run.figures == {**another, NAME: Figure(2.0, 1.0, 3.0)}
    assert run.rates == {"another: ours": 7, "job: ours": 600, "job: theirs": 300}
    assert Figures.read(path).kept == run


def test_keeping_figures_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A race that takes long is run once for an update, and as often as ever to be judged."""
    monkeypatch.setattr("figures.ENOUGH", -1.0)
    assert race(Figures.read(tmp_path / "figures.json", update=True), cycle([2.0])) == 3
    assert race(kept(2.0), iter([1.0] * 3 + [2.0] * 6)) == 9


def test_history_is_kept(tmp_path: Path) -> None:
    """Runs of other days, versions and machines stay, and the newest of this machine is what a run is judged by."""
    path, day = tmp_path / "figures.json", this_run()
    before = [day._replace(date="2020-01-02"), day._replace(dataprep="0.0.1"), day._replace(machine="1 cores, another")]
    write_runs(before, path)
    assert (Figures.read(path).kept, Figures.read(path).loss) == (before[1], LOSS)
    race(Figures.read(path, update=True), cycle([2.0]))
    assert [run[:3] for run in read_runs(path)] == [run[:3] for run in (*before, day)]
    assert Figures.read(path).kept.figures == {NAME: Figure(2.0, 2.0, 2.0)}


def test_other_machines_may_differ(tmp_path: Path) -> None:
    """Where nothing was kept on this machine, the newest run of any is what counts, and more may be lost."""
    path = tmp_path / "figures.json"
    run = Run("2020-01-02", "0.0.1", "1 cores, another", {NAME: Figure(2.0, 2.0, 2.0)}, {})
    write_runs([run], path)
    assert (Figures.read(path).kept, Figures.read(path).loss) == (run, LOSS_ELSEWHERE)
    assert race(Figures.read(path), cycle([2 * 0.66])) == 3
