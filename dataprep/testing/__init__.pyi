"""What tests of your own parts need, and where it lives."""

from .backends import check_backend as check_backend
from .engines import check_engine as check_engine
from .fakes import FakeBackend as FakeBackend
from .fakes import FakeEngine as FakeEngine
from .fakes import FakeSource as FakeSource
from .fakes import Undecoded as Undecoded
from .images import encoded as encoded
from .images import photo as photo
from .images import write_images as write_images
from .ops import check_mix as check_mix
from .ops import check_op as check_op
from .rules import check_measure as check_measure
from .rules import check_rule as check_rule
from .sources import check_source as check_source
