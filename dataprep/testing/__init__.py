"""What tests of your own parts need: the check of each role's contract, toy images, and fakes without files or processes.

    from dataprep.testing import check_op

    def test_invert():
        check_op(Invert())

A check is a plain function that raises `AssertionError` with the rule that is broken and what to do, under any test runner. It
tries the part on toy data; that its pixels or numbers are the right ones is left to tests of yours.
"""

import lazy_loader

# lazy, so that the processes of an engine under test load no more than what they run
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
