"""Rows of ids whose vectorizer has word vectors: the classifier that gets them can say so."""

import weakref

_arrays = weakref.WeakValueDictionary()  # by id, since arrays cannot be keys


def with_vectors(ids):
    """Note that these ids have vectors; the array itself is given back."""
    _arrays[id(ids)] = ids
    return ids


def has_vectors(ids):
    """Whether this very array came from a vectorizer with vectors."""
    return ids is not None and _arrays.get(id(ids)) is ids
