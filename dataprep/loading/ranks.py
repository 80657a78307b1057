"""Which of how many processes this one is: asked of torch.distributed, else of what its launcher wrote into the environment.

    torch.distributed, initialised      it knows, whoever started the processes
    RANK, WORLD_SIZE                    torchrun, `accelerate launch`, and most others
    LOCAL_RANK, WORLD_SIZE              Lightning's own launcher, on the first node; elsewhere the group has to say
    OMPI_, MV2_, PMI_, JSM_             mpirun and its kin
    SLURM_PROCID, SLURM_NTASKS          srun; not a shell or a batch script, which are alone though they see the job's tasks

Half of such a pair, or two pairs that disagree, would let every process take itself for the first: they are an error.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from dataprep.errors import LoaderError

ADVICE: Final = "start it with torchrun, call `init_process_group` before, or give Sampler(rank=..., world_size=...)"

MPI: Final = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),  # MVAPICH
    ("PMI_RANK", "PMI_SIZE"),  # MPICH, Intel MPI
    ("JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE"),  # IBM's jsrun
)
LAUNCHERS: Final = (("RANK", "WORLD_SIZE"), *MPI, ("SLURM_PROCID", "SLURM_NTASKS"))
SHELLS: Final = ("bash", "interactive")
"""Names of SLURM jobs that are a shell, as Lightning tells them too."""
SPECIAL: Final = 4_294_967_290
"""The least of SLURM's own numbers of steps: those of the interactive shell and of the batch script."""

Environment = Mapping[str, str]


class GroupNeededError(LoaderError):
    """Only a process group can say which rank this process has; there may be one when the first batch is asked for."""


class Claim(NamedTuple):
    """What one launcher says: a rank, how many there are, and the variables that say so."""

    rank: int
    world: int
    words: str


def rank_and_world() -> tuple[int, int] | None:
    """Returns the rank of this process and the number of processes, None where nothing says it.

    Raises:
        LoaderError: The environment has half of what says it, or contradicts itself; the message names both.
    """
    return of_group() or of_environment(os.environ)


def of_group() -> tuple[int, int] | None:
    """Returns what torch.distributed says, which is not imported for it, None while it is not initialised."""
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed.get_rank(), distributed.get_world_size()


def of_environment(environment: Environment) -> tuple[int, int] | None:
    """Returns what the variables say, all of them together."""
    others = [*_mpi(environment), *_slurm(environment)]
    first = _torchrun(environment, others)
    if first and (len(others) == 0 or "TORCHELASTIC_RUN_ID" in environment or "LOCAL_WORLD_SIZE" in environment):
        return first.rank, first.world  # what torchrun starts may well be within a task of another launcher
    said = [claim for claim in (first, *others) if claim]
    claims = [claim for claim in said if claim.world > 1] or said  # a task of one process says nothing about what is within it
    for claim in claims[1:]:
        if claim[:2] != claims[0][:2]:
            raise LoaderError(f"{claims[0].words} and {claim.words} contradict each other; unset the wrong ones, or {ADVICE}")
    return claims[0][:2] if claims else None


def _torchrun(environment: Environment, others: list[Claim]) -> Claim | None:
    """Returns what RANK and WORLD_SIZE say, or the variables that Lightning sets instead."""
    rank, world, local = (_number(environment, name) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    local = None if local is not None and local < 0 else local  # -1 is an old way to say that there is one process
    if rank is not None and world is not None:
        if local is not None and rank < local:
            raise LoaderError(f"RANK={rank} and LOCAL_RANK={local} contradict each other: no rank is below that on its node")
        return _claim("RANK", rank, "WORLD_SIZE", world)
    if rank is None and world == 1 and not local:
        return Claim(0, 1, "WORLD_SIZE=1")
    if rank is None and local is not None and world is not None:
        return _lightning(environment, local, world)
    _half({"RANK": rank, "WORLD_SIZE": world, "LOCAL_RANK": local}, others)
    return None


def _lightning(environment: Environment, local: int, world: int) -> Claim:
    """Returns what Lightning's launcher says: it sets the rank on a node and not the one among all."""
    node = _number(environment, "NODE_RANK") or 0
    size = _number(environment, "LOCAL_WORLD_SIZE")
    if node and size is None:
        said = f"NODE_RANK={node}, LOCAL_RANK={local} and WORLD_SIZE={world} do not say how many processes a node has"
        raise GroupNeededError(f"{said}, so not which rank this is; {ADVICE}")
    return _claim("LOCAL_RANK", node * (size or 0) + local, "WORLD_SIZE", world)


def _half(given: Mapping[str, int | None], others: list[Claim]) -> None:
    """Lets a part of torchrun's variables pass where another launcher says the same."""
    there = {name: value for name, value in given.items() if value is not None}
    if not there:
        return
    for claim in others:
        known = {"RANK": claim.rank, "WORLD_SIZE": claim.world, "LOCAL_RANK": there.get("LOCAL_RANK")}
        if claim.world > 1 and all(known[name] == value for name, value in there.items()):
            return
    said = ", ".join(f"{name}={value}" for name, value in there.items())
    lacking = " and ".join(name for name in ("RANK", "WORLD_SIZE") if name not in there)
    seen = "".join(f" ({claim.words} says otherwise)" for claim in others)
    raise LoaderError(f"the environment has {said} but no {lacking}{seen}, so which rank this is cannot be known; {ADVICE}")


def _mpi(environment: Environment) -> Iterator[Claim]:
    """Yields what launchers of MPI say."""
    for rank, world in MPI:
        numbers = _number(environment, rank), _number(environment, world)
        if numbers != (None, None):
            yield _claim(rank, numbers[0], world, numbers[1])


def _slurm(environment: Environment) -> Iterator[Claim]:
    """Yields what srun says to its tasks; a shell, or the script of a job, sees some of it and is one process."""
    rank, tasks = _number(environment, "SLURM_PROCID"), _number(environment, "SLURM_NTASKS")
    of_step = _number(environment, "SLURM_STEP_NUM_TASKS")
    if rank is None or (rank == 0 and _is_alone(environment, tasks if of_step is None else of_step)):
        return
    name, world = ("SLURM_NTASKS", tasks) if of_step is None else ("SLURM_STEP_NUM_TASKS", of_step)
    yield _claim("SLURM_PROCID", rank, name, world)


def _is_alone(environment: Environment, tasks: int | None) -> bool:
    """Says whether a first task of SLURM is no task of srun: srun sets the step, and a terminal belongs to the first one."""
    step = _number(environment, "SLURM_STEP_ID")
    if tasks is None or (step is not None and step >= SPECIAL):
        return True
    if "SLURM_PTY_PORT" in environment:
        return not step
    within = step is not None or "SLURM_STEP_NUM_TASKS" in environment
    return not within and ("SLURM_JOB_ID" in environment or environment.get("SLURM_JOB_NAME") in SHELLS)


def _claim(rank_name: str, rank: int | None, world_name: str, world: int | None) -> Claim:
    """Returns what a pair of variables says, if it is a whole one."""
    words = " and ".join(f"{name}={value}" for name, value in ((rank_name, rank), (world_name, world)) if value is not None)
    if rank is None or world is None:
        lacking = rank_name if rank is None else world_name
        raise LoaderError(f"the environment has {words} but no {lacking}, so which rank this is cannot be known; {ADVICE}")
    if not 0 <= rank < world:
        raise LoaderError(f"{words} contradict each other: ranks are 0 to {world_name} - 1")
    return Claim(rank, world, words)


def _number(environment: Environment, name: str) -> int | None:
    """Returns the number that a variable holds, None where it is not there or empty."""
    text = environment.get(name, "").strip()
    try:
        return int(text) if text else None
    except ValueError:
        raise LoaderError(f"{name}={text!r} in the environment is not a whole number; {ADVICE}") from None
