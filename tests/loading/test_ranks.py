"""Whose rank: every launcher's variables, what wins over what, and what is refused."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import LoaderError
from dataprep.loading import ranks
from dataprep.loading.ranks import LAUNCHERS, GroupNeededError, rank_and_world
from dataprep.loading.sampler import Sampler

SLURM_JOB = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}
STEP = {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4"}
TORCHRUN = {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "none"}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No group and no launcher."""
    monkeypatch.setattr(ranks, "of_group", lambda: None)
    for name in list(ranks.os.environ):
        if name.startswith(("SLURM_", "OMPI_", "PMI_", "MV2_", "JSM_")) or name in TORCHRUN or name == "NODE_RANK":
            monkeypatch.delenv(name)


def found(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> tuple[int, int] | None:
    """What is found in an environment."""
    with monkeypatch.context() as context:
        for name, value in environment.items():
            context.setenv(name, value)
        return rank_and_world()


@pytest.mark.parametrize("names", LAUNCHERS)
@pytest.mark.parametrize(("rank", "world"), [(0, 1), (0, 4), (3, 4)])
def test_every_launcher(monkeypatch: pytest.MonkeyPatch, names: tuple[str, str], rank: int, world: int) -> None:
    """Each launcher's own pair of variables is enough."""
    assert found(monkeypatch, dict(zip(names, (str(rank), str(world)), strict=True))) == (rank, world)


@pytest.mark.parametrize("names", LAUNCHERS)
def test_half_an_environment_is_an_error(monkeypatch: pytest.MonkeyPatch, names: tuple[str, str]) -> None:
    """One of a pair without the other, or a rank outside of the world, is an error that names them."""
    for given_, lacking in (names, names[::-1]):
        if given_ == "SLURM_NTASKS":  # which a shell has, too
            continue
        with pytest.raises(LoaderError, match=rf"has {given_}=2 but no {lacking}"):
            found(monkeypatch, {given_: "2"})
    for rank, world in (("4", "4"), ("-1", "4"), ("0", "0")):
        with pytest.raises(LoaderError, match=rf"{names[0]}={rank} and {names[1]}={world} contradict each other"):
            found(monkeypatch, {names[0]: rank, names[1]: world})
    with pytest.raises(LoaderError, match=rf"{names[0]}='one' in the environment is not a whole number"):
        found(monkeypatch, {names[0]: "one", names[1]: "2"})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"RANK": "", "WORLD_SIZE": ""}, None),
        ({"WORLD_SIZE": "1"}, (0, 1)),
        ({"LOCAL_RANK": "-1"}, None),
        ({"LOCAL_RANK": "1", "WORLD_SIZE": "2"}, (1, 2)),  # Lightning's launcher
        ({"LOCAL_RANK": "1", "WORLD_SIZE": "4", "NODE_RANK": "1", "LOCAL_WORLD_SIZE": "2"}, (3, 4)),
        ({"SLURM_NTASKS": "4", "SLURM_JOB_ID": "7"}, None),  # the shell of salloc
        (SLURM_JOB, None),  # the script of a job
        (SLURM_JOB | STEP, (0, 4)),  # a task of srun
        (SLURM_JOB | STEP | {"SLURM_PROCID": "3"}, (3, 4)),
        (SLURM_JOB | {"SLURM_PROCID": "3"}, (3, 4)),  # no shell has this one
        (SLURM_JOB | STEP | {"SLURM_STEP_NUM_TASKS": "1"}, (0, 1)),  # srun -n 1 in a job of four
        (SLURM_JOB | {"SLURM_STEP_ID": "4294967290"}, None),  # the interactive step
        ({"SLURM_PROCID": "0", "SLURM_JOB_ID": "7"}, None),  # a job that asked for no number of tasks
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_NAME": "bash"}, None),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_NAME": "interactive"}, None),
        (SLURM_JOB | STEP | {"SLURM_JOB_NAME": "bash", "SLURM_PTY_PORT": "9"}, None),  # srun --pty bash
        (SLURM_JOB | STEP | {"SLURM_STEP_ID": "1", "SLURM_PTY_PORT": "9"}, (0, 4)),  # srun from there
        (SLURM_JOB | STEP | {"SLURM_JOB_NAME": "interactive"}, (0, 4)),  # srun from the shell of salloc
        (TORCHRUN, (1, 4)),
        (SLURM_JOB | STEP | {"SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2"} | TORCHRUN, (1, 4)),  # torchrun on two nodes
        (SLURM_JOB | {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4"}, (1, 4)),  # mpirun in a job
        (SLURM_JOB | STEP | {"WORLD_SIZE": "4"}, (0, 4)),  # which scripts export for init_process_group
        (SLURM_JOB | STEP | {"SLURM_PROCID": "3", "RANK": "3", "LOCAL_RANK": "1"}, (3, 4)),
        ({"PMI_RANK": "0", "PMI_SIZE": "1", "RANK": "1", "WORLD_SIZE": "2"}, (1, 2)),
    ],
)
def test_what_people_run(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: tuple[int, int] | None) -> None:
    """The environments of shells, jobs, tasks and launchers within launchers say what they mean."""
    assert found(monkeypatch, environment) == expected


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WORLD_SIZE": "4"}, "has WORLD_SIZE=4 but no RANK"),
        ({"RANK": "0"}, "has RANK=0 but no WORLD_SIZE"),
        ({"LOCAL_RANK": "0"}, "has LOCAL_RANK=0 but no RANK and WORLD_SIZE"),
        ({"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}, "RANK=0 and LOCAL_RANK=1 contradict"),
        ({"LOCAL_RANK": "2", "WORLD_SIZE": "2"}, "LOCAL_RANK=2 and WORLD_SIZE=2 contradict"),
        ({"LOCAL_RANK": "1", "WORLD_SIZE": "1"}, "LOCAL_RANK=1 and WORLD_SIZE=1 contradict"),
        ({"RANK": "0", "LOCAL_RANK": "0"}, "has RANK=0, LOCAL_RANK=0 but no WORLD_SIZE"),
        (SLURM_JOB | STEP | {"WORLD_SIZE": "2"}, "WORLD_SIZE=2 but no RANK (SLURM_PROCID=0 and SLURM_STEP_NUM_TASKS=4 says"),
        (
            {"RANK": "0", "WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4"},
            "RANK=0 and WORLD_SIZE=4 and OMPI_COMM_WORLD_RANK=1 and OMPI_COMM_WORLD_SIZE=4 contradict",
        ),
    ],
)
def test_what_contradicts_itself(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], said: str) -> None:
    """What would let two processes take themselves for the same rank is an error that names both sides and the way out."""
    with pytest.raises(LoaderError) as caught:
        found(monkeypatch, environment)
    assert said in str(caught.value)
    assert (
        "Sampler(rank=..., world_size=...)" in str(caught.value)
        or "no rank is below" in str(caught.value)
        or "0 to" in str(caught.value)
    )


def test_a_second_node_of_lightning_waits_for_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the group can tell, a sampler is made without and asks for it at the first batch."""
    for name, value in {"NODE_RANK": "1", "LOCAL_RANK": "0", "WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)
    over = Sampler(remainder="exact").over(8)
    with pytest.raises(GroupNeededError, match="NODE_RANK=1, LOCAL_RANK=0 and WORLD_SIZE=4 do not say how many"):
        next(iter(over))
    monkeypatch.setattr("dataprep.loading.epochs.of_group", lambda: (2, 4))
    assert (over.rank, over.world_size, len(list(over))) == (2, 4, 2)


def test_the_group_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """An initialised torch.distributed is asked before the environment, one that is not initialised is not, none is imported."""
    monkeypatch.undo()
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    for ready, expected in ((True, (3, 5)), (False, (0, 2))):
        group = SimpleNamespace(
            is_available=lambda: True, is_initialized=lambda ready=ready: ready, get_rank=lambda: 3, get_world_size=lambda: 5
        )
        monkeypatch.setitem(sys.modules, "torch.distributed", group)
        assert rank_and_world() == expected
    monkeypatch.delitem(sys.modules, "torch.distributed")
    assert rank_and_world() == (0, 2)
    assert "torch.distributed" not in sys.modules


def test_a_sampler_made_before_the_group_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was known when a sampler was made, each loop goes by what is known then; a rank that was given stays."""
    over, fixed = Sampler(remainder="exact").over(9), Sampler(rank=0, world_size=3, remainder="exact").over(9)
    assert len(list(over)) == 9
    monkeypatch.setattr("dataprep.loading.epochs.of_group", lambda: (1, 2))
    assert (len(over), len(list(over))) == (4, 4)
    assert len(list(fixed)) == 3


numbers = st.sampled_from(["", "0", "1", "2", "3", "4", "-1", "x"])


@given(
    st.dictionaries(
        st.sampled_from(
            [name for pair in LAUNCHERS for name in pair] + ["LOCAL_RANK", "NODE_RANK", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_ID"]
        ),
        numbers,
    )
)
def test_any_environment_gives_a_rank_or_our_error(environment: dict[str, str]) -> None:
    """Whatever the variables hold, there is a rank below the world, nothing, or an error of ours."""
    answer: Any
    try:
        answer = ranks.of_environment(environment)
    except LoaderError:
        return
    assert answer is None or 0 <= answer[0] < answer[1]
