"""A static model of model2vec's layout out of its folder: one table of vectors."""

import numpy as np

from skattn.networks._pretrained import open_safetensors


def is_static(given):
    """Whether a config.json is that of a static model."""
    return given.get("model_type") == "model2vec" or "StaticModel" in given.get("architectures", [])


def read_static(folder, tokenizer):
    """The vectors of a static model, as a table for the ids of `SequenceVectorizer`.

    Parameters
    ----------
    folder : Path
    tokenizer : ModelTokenizer

    Returns
    -------
    ndarray of shape (2 + n_tokens, embedding_dim), float32
        Row 0 is zero, row 1 the vector of the model's unknown token.
    """
    get, names = open_safetensors(folder)
    path = folder / "model.safetensors"
    if "embeddings" not in names or get("embeddings").ndim != 2:
        raise ValueError(f"{path} holds no table 'embeddings', which a model of model2vec has.")
    vectors = get("embeddings").astype(np.float32)
    if "mapping" in names:  # tokens that share vectors
        vectors = vectors[get("mapping")]
    if "weights" in names:
        vectors = vectors * get("weights").astype(np.float32)[:, None]
    if len(tokenizer.words) > len(vectors):
        raise ValueError(
            f"{folder / 'tokenizer.json'} has {len(tokenizer.words)} tokens, but {path} has "
            f"{len(vectors)} vectors: it is the tokenizer of another model."
        )
    if not np.all(np.isfinite(vectors)):
        raise ValueError(f"{path} holds infinite numbers or NaN.")
    table = np.zeros((2 + len(vectors), vectors.shape[1]), dtype=np.float32)
    table[2:] = vectors
    table[1] = vectors[tokenizer.unknown]
    return table
