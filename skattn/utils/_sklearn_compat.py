"""What changes between versions of scikit-learn, and its private helpers with types."""

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import _fit_context
from sklearn.utils._param_validation import validate_params

try:  # scikit-learn >= 1.9; goes when 1.9 is the oldest version allowed
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Replaces the mixin where scikit-learn has no callbacks."""

        def _init_callback_context(self, **settings):
            return None


__all__ = ["CallbackSupportMixin", "fit_context", "validated"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def fit_context(function: _Function) -> _Function:
    """Check the parameters of an estimator before one of its methods that fit."""
    checked: _Function = _fit_context(prefer_skip_nested_validation=True)(function)
    return checked


def validated(constraints: dict[str, Any]) -> Callable[[_Function], _Function]:
    """Check the arguments of a public function."""

    def decorate(function: _Function) -> _Function:
        checked: _Function = validate_params(constraints, prefer_skip_nested_validation=True)(
            function
        )
        return checked

    return decorate
