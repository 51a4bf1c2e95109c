"""Pretrained transformers: their states against the equations in NumPy, and what is refused."""

import json
import re

import h5py
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file
from scipy.special import erf
from tiny_models import (
    HEADS,
    KINDS,
    LAYERS,
    WIDTH,
    _layer_names,
    build_model,
    build_static_model,
)
from tiny_presets import build_preset
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors

from skattn import AttentionTextClassifier, SequenceVectorizer, TextClassifier
from skattn.networks._pretrained import (
    backbone_config,
    check_frozen,
    fingerprint,
    is_static,
    max_tokens,
    read_pretrained,
    read_static,
)
from skattn.networks._transformer import FrozenLayers, TunedLayer
from skattn.utils._pretrained_folder import n_positions, read_config, read_tokenizer

every_kind = pytest.mark.parametrize("kind", KINDS)
IDS = np.array([[7, 9, 12, 20, 1], [11, 8, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=np.int32)


def read(folder, tuned_layers=0):
    given = read_config(folder)
    tokenizer = read_tokenizer(folder, given)
    backbone = backbone_config(given, n_positions(given), tokenizer, folder)
    return read_pretrained(folder, backbone, tuned_layers)


def frozen_layers(folder, tuned_layers=0):
    pretrained = read(folder, tuned_layers)
    frozen = FrozenLayers(pretrained.backbone, tuned_layers)
    frozen.hold(pretrained.frozen)
    return frozen


# -- the equations ---------------------------------------------------------------------------------


class Equations:
    """A transformer in float64, one text at a time, from the tensors of its folder."""

    def __init__(self, folder, kind):
        self.config = json.loads((folder / "config.json").read_text())
        weights = load_file(folder / "model.safetensors")
        words = next(n for n in weights if n.endswith("word_embeddings.weight"))
        prefix = words.removesuffix("embeddings.word_embeddings.weight")
        self.w = {n.removeprefix(prefix): v.astype(np.float64) for n, v in weights.items()}
        self.kind = kind
        self.place, self.renamed = _layer_names(kind)
        self.epsilon = self.config.get("layer_norm_eps", 1e-12)

    def states(self, ids, n_layers=LAYERS):
        """From the model's own ids, special tokens among them."""
        first = 2 if self.kind in ("roberta", "xlm-roberta") else 0
        x = self.w["embeddings.word_embeddings.weight"][ids]
        x = x + self.w["embeddings.position_embeddings.weight"][first : first + len(ids)]
        if self.kind != "distilbert":
            x = x + self.w["embeddings.token_type_embeddings.weight"][0]
        x = self.norm(x, "embeddings.LayerNorm")
        if self.kind == "albert":
            x = self.dense(x, "encoder.embedding_hidden_mapping_in")
        for layer in range(n_layers):
            x = self.layer(x, 0 if self.kind == "albert" else layer)
        return x

    def layer(self, x, number):
        def named(name):
            return self.place.format(number) + self.renamed.get(name, name)

        q, k, v = (
            self.dense(x, named(f"attention.self.{part}")).reshape(len(x), HEADS, -1)
            for part in ("query", "key", "value")
        )
        scores = np.einsum("thd,shd->hts", q, k) / np.sqrt(WIDTH / HEADS)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = np.einsum("hts,shd->thd", weights, v).reshape(len(x), WIDTH)
        x = self.norm(
            x + self.dense(mixed, named("attention.output.dense")),
            named("attention.output.LayerNorm"),
        )
        inner = self.gelu(self.dense(x, named("intermediate.dense")))
        return self.norm(x + self.dense(inner, named("output.dense")), named("output.LayerNorm"))

    def gelu(self, x):
        if self.kind == "albert":
            return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
        return 0.5 * x * (1 + erf(x / np.sqrt(2)))

    def dense(self, x, name):
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def norm(self, x, name):
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + self.epsilon)
        return x * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]


def model_ids(row, backbone):
    """The model's own ids of a row, with the special tokens around it."""
    kept = row[row != 0]
    own = np.where(kept == 1, backbone["unknown"], kept - 2)
    return [*backbone["prefix"], *own, *backbone["suffix"]]


@every_kind
def test_the_states_are_those_of_the_equations(kind, tmp_path):
    folder = build_model(tmp_path, kind)
    equations, frozen = Equations(folder, kind), frozen_layers(folder)
    assert len(frozen.backbone["prefix"]) == len(frozen.backbone["suffix"]) == 1
    ids = tf.constant(IDS)
    states = frozen.encode(ids, frozen.words(ids)).numpy()
    for row, found in zip(IDS, states, strict=True):
        wanted = equations.states(model_ids(row, frozen.backbone))
        np.testing.assert_allclose(found[: len(wanted)], wanted, atol=1e-4)


@every_kind
def test_a_tuned_layer_is_that_of_the_equations(kind, tmp_path):
    folder = build_model(tmp_path, kind)
    pretrained = read(folder, tuned_layers=1)
    layer = TunedLayer(pretrained.backbone)
    layer.build()
    layer.set_weights(pretrained.tuned[-1])
    rng = np.random.default_rng(0)
    states = rng.normal(size=(2, 5, WIDTH)).astype(np.float32)
    mask = np.array([[True] * 5, [True] * 3 + [False] * 2])
    found = layer(tf.constant(states), tf.constant(mask)).numpy()
    equations = Equations(folder, kind)
    number = 0 if kind == "albert" else LAYERS - 1
    np.testing.assert_allclose(found[0], equations.layer(states[0], number), atol=1e-4)
    np.testing.assert_allclose(found[1, :3], equations.layer(states[1, :3], number), atol=1e-4)
    dropped = layer(tf.constant(states), tf.constant(mask), training=True).numpy()
    assert np.allclose(dropped, found) == (kind == "albert")  # whose config.json has no dropout


@every_kind
def test_padding_changes_no_state(kind, tmp_path):
    frozen = frozen_layers(build_model(tmp_path, kind))
    wide = np.pad(IDS, [(0, 0), (0, 6)])
    narrow = frozen.states(tf.constant(IDS)).numpy()
    padded = frozen.states(tf.constant(wide)).numpy()
    for row, n_tokens in enumerate((5, 2, 0)):
        np.testing.assert_allclose(
            padded[row, : n_tokens + 2], narrow[row, : n_tokens + 2], atol=4e-3
        )


def test_a_text_as_long_as_the_model_reads(tmp_path):
    folder = build_model(tmp_path)
    frozen = frozen_layers(folder)
    row = np.full((1, max_tokens(frozen.backbone)), 7, dtype=np.int32)
    states = frozen.encode(tf.constant(row), frozen.words(tf.constant(row))).numpy()[0]
    wanted = Equations(folder, "bert").states(model_ids(row[0], frozen.backbone))
    np.testing.assert_allclose(states, wanted, atol=1e-4)


def test_layers_are_cut_where_it_is_said(tmp_path):
    folder = build_model(tmp_path)
    for tuned_layers in range(LAYERS + 1):
        pretrained = read(folder, tuned_layers)
        assert len(pretrained.tuned) == tuned_layers
        frozen = frozen_layers(folder, tuned_layers)
        ids = tf.constant(IDS[:1])
        states = frozen.encode(ids, frozen.words(ids)).numpy()[0]
        wanted = Equations(folder, "bert").states(
            model_ids(IDS[0], frozen.backbone), LAYERS - tuned_layers
        )
        np.testing.assert_allclose(states, wanted, atol=1e-4)


def test_weights_beyond_half_precision_stay_as_they_are(tmp_path):
    folder = build_model(tmp_path)
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights["encoder.layer.0.output.dense.weight"][0, 0] = 1e6
    save_file(weights, path)
    kinds = {a.dtype for a in read(folder).frozen if a.astype(np.float32).max() == 1e6}
    assert kinds == {np.dtype(np.float32)}


def test_old_names_of_the_normalization(tmp_path):
    folder = build_model(tmp_path)
    path, wanted = folder / "model.safetensors", read(folder, 1)
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    pattern = "|".join(map(re.escape, old))
    weights = load_file(path)
    save_file({re.sub(pattern, lambda m: old[m[0]], n): w for n, w in weights.items()}, path)
    for one, other in zip(read(folder, 1).frozen, wanted.frozen, strict=True):
        np.testing.assert_array_equal(one, other)


# -- what is refused -------------------------------------------------------------------------------


def change_config(folder, name="config.json", **values):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "mpnet"}, "model_type='mpnet'. Known are albert, bert"),
        ({"hidden_act": "swish"}, "activation 'swish'"),
        ({"position_embedding_type": "relative_key"}, "only 'absolute'"),
        ({"intermediate_size": 7}, r"asks for \(32, 7\)"),
        ({"model_type": "distilbert"}, "has no 'dim'"),
        ({"num_hidden_layers": 3}, r"has no 'encoder\.layer\.2\."),
        ({"num_attention_heads": 5}, "can be built, with .* 5 heads and a width of 32"),
        ({"max_position_embeddings": 2}, "can be built, with 2 positions"),
        ({"max_position_embeddings": 40.0}, "has no max_position_embeddings that is a whole"),
        ({"layer_norm_eps": None}, "has a wrong value: float"),
        ({"num_hidden_layers": "two"}, "has a wrong value"),
        ({"inner_group_num": 2}, "has inner_group_num=2; only 1 is known"),
    ],
)
def test_a_configuration_that_does_not_fit_is_named(values, message, tmp_path):
    folder = build_model(tmp_path)
    change_config(folder, **values)
    with pytest.raises(ValueError, match=message) as caught:
        read(folder)
    assert str(folder) in str(caught.value)


def test_a_configuration_may_leave_out_what_is_usual(tmp_path):
    folder = build_model(tmp_path, "roberta")
    wanted = read(folder, 1).frozen
    unset = ("pad_token_id", "architectures", "position_embedding_type")
    change_config(folder, **dict.fromkeys(unset))
    for one, other in zip(read(folder, 1).frozen, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_tokenizer_file_that_is_no_text_is_named(tmp_path):
    path = build_model(tmp_path) / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-16")
    with pytest.raises(ValueError, match=r"tokenizer\.json is not valid JSON"):
        read(tmp_path)


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
def test_a_preset_of_keras_hub_has_the_states_that_keras_computes(kind, tmp_path):
    folder, model = build_preset(tmp_path / "preset", kind)
    frozen = frozen_layers(folder)
    ids = np.array([[7, 9, 12, 20]], dtype=np.int32)
    states = frozen.encode(tf.constant(ids), frozen.words(tf.constant(ids))).numpy()[0]
    wanted = model(np.array([model_ids(ids[0], frozen.backbone)]))
    np.testing.assert_allclose(states, wanted[0], atol=1e-4)


TEXTS = ["The film was FINE, a boy!", "Çafé İstanbul is ﬁne  boy"]


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("strip", [True, False])
def test_the_tokens_of_a_preset(lower, strip, tmp_path):
    folder, _ = build_preset(tmp_path / "preset", lowercase=lower, strip_accents=strip)
    other = build_model(tmp_path / "model")
    told = Tokenizer.from_file(str(other / "tokenizer.json"))
    told.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=strip)
    told.save(str(other / "tokenizer.json"))
    same_tokens(folder, other)


@pytest.mark.parametrize("spaced", [True, False])
def test_the_tokens_of_a_preset_of_bytes(spaced, tmp_path):
    folder, _ = build_preset(tmp_path / "preset", "roberta")
    change_config(folder, "tokenizer.json", config={"add_prefix_space": spaced})
    other = build_model(tmp_path / "model", "roberta")
    told = Tokenizer.from_file(str(other / "tokenizer.json"))
    told.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    ends = [(word, told.token_to_id(word)) for word in ("</s>", "<s>")]
    told.post_processor = processors.RobertaProcessing(*ends, add_prefix_space=spaced)
    told.save(str(other / "tokenizer.json"))
    same_tokens(folder, other)


def same_tokens(folder, other):
    ours, theirs = (SequenceVectorizer(pretrained=one).fit(TEXTS) for one in (folder, other))
    np.testing.assert_array_equal(ours.transform(TEXTS), theirs.transform(TEXTS))
    for spans, wanted in zip(ours.token_spans(TEXTS), theirs.token_spans(TEXTS), strict=True):
        np.testing.assert_array_equal(spans, wanted)


def test_a_separator_of_lines_may_be_a_token(tmp_path):
    folder, _ = build_preset(tmp_path / "preset")
    path = folder / "assets" / "tokenizer" / "vocabulary.txt"
    words = path.read_text("utf-8").splitlines()
    number = words.index("##n")
    words[number] = "\u2028"
    path.write_text("\n".join(words), "utf-8")
    assert read_tokenizer(folder, read_config(folder)).words[number:] == ["", *words[number + 1 :]]


def test_the_whole_way_from_a_preset(tmp_path):
    folder, _ = build_preset(tmp_path / "preset")
    texts = ["the boy was dull", "a fine film"] * 20
    classifier = TextClassifier(pretrained=folder, linear=False, epochs=20, random_state=0)
    classifier.fit(texts, ["bad", "good"] * 20)
    assert classifier.predict(texts[:2]).tolist() == ["bad", "good"]


@pytest.mark.parametrize("package", ["keras_hub", "keras_nlp"])
@pytest.mark.parametrize("name", ["GemmaBackbone", [], None])
def test_a_preset_of_another_model_is_named(package, name, tmp_path):
    """Its files have the names of Hugging Face's, but hold something else."""
    preset = {"module": f"{package}.src.models.x", "class_name": name, "config": {}}
    (tmp_path / "config.json").write_text(json.dumps(preset))
    (tmp_path / "tokenizer.json").write_text(json.dumps(preset))
    ids = np.array([[2, 3], [3, 2]])
    for make in (
        lambda: SequenceVectorizer(pretrained=tmp_path).fit(["a b"]),
        lambda: AttentionTextClassifier(pretrained=tmp_path, encoder="none").fit(ids, [0, 1]),
        lambda: TextClassifier(pretrained=tmp_path).fit(["a b", "c"] * 9, [0, 1] * 9),
    ):
        with pytest.raises(ValueError, match="is a preset of KerasHub with a "):
            make()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_heads", None),
        ("num_heads", []),
        ("num_heads", 0),
        ("num_layers", "2"),
        ("num_layers", 10**10),
        ("max_sequence_length", "512"),
        ("vocabulary_size", 80.0),
        ("hidden_dim", True),
        ("dropout", 1),
        ("dropout", "0.1"),
    ],
)
def test_sizes_of_a_preset_that_none_has(name, value, tmp_path):
    folder, _ = build_preset(tmp_path / "preset")
    config = json.loads((folder / "config.json").read_text())
    change_config(folder, config=config["config"] | {name: value})
    with pytest.raises(ValueError, match=rf"config\.json has {name}={re.escape(repr(value))}"):
        read(folder)


def in_vocabulary(change):
    def damage(folder):
        path = folder / "assets" / "tokenizer" / "vocabulary.txt"
        path.write_text(change(path.read_text()))

    return damage


def in_tokenizer(**values):
    return lambda folder: change_config(folder, "tokenizer.json", **values)


def in_weights(change):
    def damage(folder):
        with h5py.File(folder / "other.h5", "w") as other:
            other["vars/0"] = np.zeros((2, WIDTH), np.float32)
        with h5py.File(folder / "model.weights.h5", "a") as file:
            change(file["layers"])

    return damage


def replaced(place, make):
    """Put what `make` gives of a layer's array in its place."""

    def change(layers):
        found = layers[place][()]
        del layers[place]
        layers[place] = make(found)

    return in_weights(change)


def linked_outside(layers):
    del layers["embedding"]
    layers["embedding"] = h5py.ExternalLink("other.h5", "/")


def never_written(layers):
    del layers["embedding/vars/0"]
    layers["embedding/vars"].create_dataset("0", (2**20, 2**20), "f4", chunks=(64, 64))


def quantized(layers):
    layers["transformer_encoder/_feedforward_output_dense/vars/2"] = np.ones(WIDTH)


QUERY = "transformer_encoder/_self_attention_layer/query_dense/vars/0"
DAMAGES = {
    "another vocabulary": (in_vocabulary(lambda t: t.replace("[SEP]", "[sep]")), "has no .SEP."),
    "no unknown": (in_vocabulary(lambda t: t.replace("[UNK]", "[unk]")), "has no .UNK."),
    "no words": (
        lambda folder: (folder / "assets" / "tokenizer" / "vocabulary.txt").unlink(),
        r"The tokenizer of the preset .* cannot be read: .*vocabulary\.txt",
    ),
    "split": (in_tokenizer(config={"split": False}), "it has split=False"),
    "no options": (in_tokenizer(config=None), "The tokenizer of the preset .* cannot be read"),
    "no tokenizer": (
        lambda folder: (folder / "tokenizer.json").unlink(),
        r"has no tokenizer\.json. Save the tokenizer too: tokenizer\.save_to_preset",
    ),
    "no weights": (
        lambda folder: (folder / "model.weights.h5").unlink(),
        r"has no model\.weights\.h5. Save it in one file: backbone\.save_to_preset",
    ),
    "no HDF5": (
        lambda folder: (folder / "model.weights.h5").write_bytes(b"no HDF5"),
        r"model\.weights\.h5 cannot be read",
    ),
    "no layers": (in_weights(lambda layers: layers.clear()), "has no 'layers/reversible_"),
    "a layer less": (
        in_weights(lambda layers: layers.pop("transformer_encoder_1")),
        "it has no 'layers/transformer_encoder_1/_self_attention_layer/query_dense/vars'",
    ),
    "no segments": (in_weights(lambda layers: layers.pop("embedding")), "no 'layers/embedding"),
    "another file": (in_weights(linked_outside), "has no 'layers/embedding"),
    "numbers never written": (in_weights(never_written), "are not in it as Keras writes them"),
    "a group": (replaced(QUERY, lambda a: h5py.SoftLink("/layers")), "has no 'layers/transf"),
    "other heads": (replaced(QUERY, lambda a: a.reshape(WIDTH, 2, -1)), "shape .* asks for"),
    "positions": (
        replaced("position_embedding/vars/0", lambda a: np.concatenate([a, a])),
        "it has 80 positions",
    ),
    "whole numbers": (replaced(QUERY, lambda a: a.astype(np.int8)), "of the type int8, as quanti"),
    "scales": (in_weights(quantized), "has 3 arrays of the type float32, as quantized"),
    "not a number": (replaced(QUERY, lambda a: a * np.nan), "infinite numbers or NaN"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_presets(damage, message, tmp_path):
    folder, _ = build_preset(tmp_path / "preset")
    damage(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        read(folder)
    assert str(folder) in str(caught.value)


def test_damaged_merges_of_a_preset(tmp_path):
    folder, _ = build_preset(tmp_path / "preset", "roberta")
    (folder / "assets" / "tokenizer" / "merges.txt").write_text("x y z\n")
    with pytest.raises(ValueError, match="The tokenizer of the preset"):
        read(folder)


def test_pickles_are_never_read(tmp_path):
    folder = build_model(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(FileNotFoundError, match=r"only pytorch_model\.bin, which is not read"):
        read(folder)


def test_damaged_weights(tmp_path):
    folder = build_model(tmp_path)
    path = folder / "model.safetensors"
    weights = load_file(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="cannot be read"):
        read(folder)
    weights["encoder.layer.0.output.dense.weight"][0, 0] = np.nan
    save_file(weights, path)
    with pytest.raises(ValueError, match=r"infinite numbers or NaN in 'encoder\.layer\.0"):
        read(folder)


def test_frozen_weights_out_of_a_file_are_checked(tmp_path):
    pretrained = read(build_model(tmp_path), tuned_layers=1)
    config = {"backbone": pretrained.backbone, "tuned_layers": 1}
    check_frozen(config, pretrained.frozen)
    with pytest.raises(ValueError, match="its configuration needs"):
        check_frozen(config, pretrained.frozen[:-1])
    with pytest.raises(ValueError, match="its configuration needs"):
        check_frozen(config, None)
    with pytest.raises(ValueError, match="its configuration has none"):
        check_frozen({}, pretrained.frozen)
    changed = [array + np.float16(1) for array in pretrained.frozen]
    with pytest.raises(ValueError, match="not those that it was trained with"):
        check_frozen(config, changed)
    assert fingerprint(changed) != fingerprint(pretrained.frozen)


# -- static models ---------------------------------------------------------------------------------


def test_a_static_model_is_a_table(tmp_path):
    folder = build_static_model(tmp_path)
    assert is_static(read_config(folder))
    tokenizer = read_tokenizer(folder, {})
    vectors = load_file(folder / "model.safetensors")["embeddings"]
    table = read_static(folder, tokenizer)
    np.testing.assert_array_equal(table[2:], vectors)
    np.testing.assert_array_equal(table[1], vectors[tokenizer.unknown])
    assert not table[0].any()
    n_words = len(vectors)
    shared = {"mapping": np.arange(n_words)[::-1].copy(), "weights": np.full(n_words, 2.0)}
    save_file({"embeddings": vectors} | shared, folder / "model.safetensors")
    np.testing.assert_array_equal(read_static(folder, tokenizer)[2:], 2 * vectors[::-1])
    for wrong, message in (
        ({"mapping": np.full(n_words, n_words)}, "'mapping' does not hold rows"),
        ({"mapping": np.zeros(n_words)}, "'mapping' does not hold rows"),
        ({"weights": np.ones(n_words - 1)}, rf"weights of shape \({n_words - 1},\) for {n_words}"),
    ):
        save_file({"embeddings": vectors} | wrong, folder / "model.safetensors")
        with pytest.raises(ValueError, match=message):
            read_static(folder, tokenizer)
    save_file({"embeddings": vectors[:-1]}, folder / "model.safetensors")
    with pytest.raises(ValueError, match="tokenizer of another model"):
        read_static(folder, tokenizer)
    save_file({"table": vectors}, folder / "model.safetensors")
    with pytest.raises(ValueError, match="no table 'embeddings'"):
        read_static(folder, tokenizer)
