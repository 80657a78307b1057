"""What every part has to be whatever its role, and the sentence in which a check says which rule is broken."""

import copy
import json
import pickle
from pathlib import Path
from typing import Final

from dataprep.describe import STAGES, build, describe

LONGEST: Final = 200  # characters of a part's own words that an error begins with


def demand(holds: bool, part: object, rule: str) -> None:
    """Raises `AssertionError` with the part and the rule that it breaks, unless the rule holds."""
    if not holds:
        raise broken(part, rule)


def broken(part: object, rule: str) -> AssertionError:
    """Returns the error that names a part, by its class alone where it is long, and the rule that it breaks."""
    name = repr(part)
    return AssertionError(f"{name if len(name) <= LONGEST else type(part).__name__} {rule}")


def check_stage(stage: object, *needed: str) -> None:
    """Checks what holds for stages of every role: frozen, hashable, the same after a journey, and complete.

    Args:
        stage: A measure, a rule, an op or a mix.
        *needed: What its protocol asks for by name.
    """
    demand(not isinstance(stage, type), stage, "is a class; give the check an instance of it")
    missing = [name for name in needed if not hasattr(stage, name)]
    demand(not missing, stage, f"has no {', '.join(map(repr, missing))}, which a stage of its role needs")
    version = getattr(stage, "version", 1)
    whole = isinstance(version, int) and not isinstance(version, bool) and version > 0
    demand(whole, stage, f"has the version {version!r}; give a whole number from 1")
    _check_frozen(stage)
    check_pickle(stage)
    _check_description(stage)


def check_pickle(part: object) -> None:
    """Checks that a part is equal after pickling, since worker processes get a copy of it."""
    try:
        again = pickle.loads(pickle.dumps(part))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise broken(
            part,
            f"cannot be pickled, so no worker can have it ({error}); define its class at the top of a module "
            "and let its fields be plain values",
        ) from error
    demand(again == part, part, "is another one after pickling; let it be a frozen dataclass, which compares by its fields")


def processes() -> frozenset[int]:
    """Returns the processes that this one has started and not ended; none where /proc does not list them."""
    found: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        try:
            found.update(map(int, path.read_text().split()))
        except OSError:  # the thread ended meanwhile
            continue
    return frozenset(found)


def _check_frozen(stage: object) -> None:
    try:
        same = hash(stage) == hash(copy.copy(stage))
    except TypeError as error:
        raise broken(
            stage,
            f"cannot be hashed ({error}); use @dataclass(frozen=True) and let its fields be tuples instead of lists",
        ) from error
    demand(same, stage, "has another hash than its copy; let it be a frozen dataclass, which is hashed by its fields")
    for field in getattr(stage, "__match_args__", ()):
        try:
            setattr(copy.copy(stage), field, getattr(stage, field))
        except AttributeError:
            continue
        raise broken(stage, "can be changed after it was made; decorate its class with @dataclass(frozen=True)")


def _check_description(stage: object) -> None:
    """Checks that a registered stage is the same after it was written to a file and read again."""
    if STAGES.get(type(stage).__name__) is not type(stage):
        return
    try:
        text = json.dumps(describe(stage))
    except TypeError as error:
        raise broken(
            stage, f"cannot be written to a pipeline file ({error}); let its fields be numbers, strings and tuples"
        ) from error
    try:
        again = build(json.loads(text), "the description")
    except Exception as error:
        raise broken(
            stage, f"cannot be read from a pipeline file ({error}); register the stages in its fields as well"
        ) from error
    demand(again == stage, stage, f"comes back from a pipeline file as {again!r}; let `__post_init__` accept its own values")
