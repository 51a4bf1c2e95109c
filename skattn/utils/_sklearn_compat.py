"""Every version shim, each with the date of its removal."""

try:  # scikit-learn >= 1.9; goes when 1.9 is the oldest version allowed
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Stands in where scikit-learn has no callbacks."""

        def _init_callback_context(self, **settings):
            return None


__all__ = ["CallbackSupportMixin"]
