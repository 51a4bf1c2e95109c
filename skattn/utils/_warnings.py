"""Warnings that name the user's own line."""

import sys
import warnings
from pathlib import Path

_OWN = str(Path(__file__).parents[1])


def warn(message):
    """Warn at the innermost line that is neither ours nor scikit-learn's.

    From Python 3.12 on, ``skip_file_prefixes`` of `warnings.warn` does the same.
    """
    import sklearn  # here, since a service reads texts without it

    skipped = (_OWN, str(Path(sklearn.__file__).parent))
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(skipped):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)
