"""What the Ray engine is given, checked before there is any cluster."""

import re
import subprocess
import sys

import pytest

from dataprep.engines.ray import Ray
from dataprep.errors import DataprepError


@pytest.mark.parametrize("given", [{"address": ""}, {"address": "local"}, {"address": None}, {"ahead": 0}, {"timeout": 0}])
def test_nonsense_is_refused_where_it_is_given(given: dict[str, object]) -> None:
    """An address that is none, or a number that makes no sense, is quoted in the error."""
    (name, value), *_ = given.items()
    with pytest.raises(DataprepError, match=re.escape(f"Ray({name}={value!r})")):
        Ray(**given)  # type: ignore[arg-type]


def test_ray_is_loaded_where_it_is_used() -> None:
    """Neither the engine's module nor the object loads Ray, which takes a second."""
    code = "import sys, dataprep as dp; dp.Ray(); print('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_an_address_where_nothing_is_says_so() -> None:
    """Without a cluster the error says how one is started, or how Ray is installed."""
    with pytest.raises(DataprepError, match=r"no Ray cluster at '127\.0\.0\.1:1': .*`ray start --head`|pip install"):
        Ray("127.0.0.1:1").cores()
