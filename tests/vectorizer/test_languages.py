"""Real sentences in many scripts: words keep their marks; scripts without spaces are noticed."""

import unicodedata

import pytest

from skattn import SequenceVectorizer
from skattn.recipe._linear import UnicodeTfidf

EVERYTHING = r"(?u)\b\w+\b|[^\w\s]"
WORDS = {
    "Hindi": ("काम किया, कमी कम है।", ["काम", "किया", "कमी", "कम", "है"]),
    "Tamil": ("இந்தப் படம் மிகவும் நல்ல படம்.", ["இந்தப்", "படம்", "மிகவும்", "நல்ல", "படம்"]),
    "Bengali": ("ছবিটি খুব ভালো ছিল।", ["ছবিটি", "খুব", "ভালো", "ছিল"]),
    "Arabic": ("الفِيلمُ جَمِيلٌ جِدًّا.", ["الفِيلمُ", "جَمِيلٌ", "جِدًّا"]),
    "Hebrew": ("הַסֶּרֶט הָיָה טוֹב", ["הַסֶּרֶט", "הָיָה", "טוֹב"]),
    "Persian": (
        "این فیلم را نمی\u200cخواهم ببینم",
        ["این", "فیلم", "را", "نمی\u200cخواهم", "ببینم"],
    ),
    "Russian": ("Хороший фильм, всем советую!", ["хороший", "фильм", "всем", "советую"]),
    "Greek": ("Η ταινία ήταν υπέροχη.", ["ταινία", "ήταν", "υπέροχη"]),
    "Turkish": ("İstanbul'da güzel bir film", ["i\u0307stanbul", "da", "güzel", "bir", "film"]),
    "Vietnamese": ("Bộ phim này rất hay", ["bộ", "phim", "này", "rất", "hay"]),
    "Korean": ("이 영화는 정말 좋았다.", ["영화는", "정말", "좋았다"]),
    "Yoruba": ("Fíìmù náà dára púpọ̀", ["fíìmù", "náà", "dára", "púpọ̀"]),
    "French": (
        "Un très bon film, naïf mais drôle",
        ["un", "très", "bon", "film", "naïf", "mais", "drôle"],
    ),
}


def tokens(text, **parameters):
    vectorizer = SequenceVectorizer(**parameters)
    [row] = vectorizer.inverse_transform(vectorizer.fit_transform([text]))
    [spans] = vectorizer.token_spans([text])
    return list(row), [text[start:end] for start, end in spans]


@pytest.mark.parametrize(("text", "words"), WORDS.values(), ids=WORDS)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_words_keep_their_marks_and_have_one_form(text, words, form):
    text = unicodedata.normalize(form, text)
    words = [unicodedata.normalize("NFC", word) for word in words]
    found, written = tokens(text)
    assert found == words
    assert [unicodedata.normalize("NFC", word.lower()) for word in written] == [
        unicodedata.normalize("NFC", word) for word in words
    ]
    every, _ = tokens(text, token_pattern=EVERYTHING)
    assert set(words) <= set(every)
    assert not any(len(t) == 1 and unicodedata.category(t).startswith("M") for t in every)


def test_words_that_differ_in_marks_have_different_ids():
    vectorizer = SequenceVectorizer(max_length=3).fit(["काम किया", "कमी कम"])
    assert len(vectorizer.vocabulary_) == 4
    assert len(set(vectorizer.transform(["काम कमी कम"])[0])) == 3


@pytest.mark.parametrize("pattern", ["[\u0900-\u097f]+", r"\S+", r"[^\W\d_]{2,}"])
def test_patterns_of_the_user(pattern):
    assert tokens("काम कमी", token_pattern=pattern)[0] == ["काम", "कमी"]


@pytest.mark.parametrize("pattern", ["[\u0900-\u097f]+|\\w+", r"[\u0900-\u097F]+|\w+"])
def test_a_pattern_that_names_letters_itself_is_used_as_it_is(pattern):
    assert tokens("किताब good", token_pattern=pattern)[0] == ["किताब", "good"]
    assert tokens("किताब 5 €", token_pattern=r"\w+|[€£]")[0] == ["किताब", "5", "€"]


@pytest.mark.parametrize("word", ["\u09a8\u09df", "cafe\u0301"], ids=["Bengali", "French"])
def test_words_of_the_user_are_composed_as_the_texts_are(word):
    composed = unicodedata.normalize("NFC", word)
    assert word != composed
    given = SequenceVectorizer(vocabulary=["film", word], max_length=1).fit([word])
    assert given.transform([word, composed]).tolist() == [[3], [3]]
    assert list(SequenceVectorizer(stop_words=[word]).fit([f"{word} film"]).vocabulary_) == ["film"]
    vectors = {word: [1.0, 0.0], "film": [0.0, 1.0], composed + "s": [1.0, 1.0]}
    read = SequenceVectorizer(embeddings=vectors).fit([f"{word} film"])
    assert len(read.vocabulary_) == 3
    assert read.coverage_["tokens"] == 1
    linear = UnicodeTfidf(stop_words=[word]).fit([f"{word} film"])
    assert linear.get_feature_names_out().tolist() == ["film"]


def test_both_forms_of_a_word_may_be_given():
    words = ["cafe\u0301", "caf\u00e9"]
    vectorizer = SequenceVectorizer(vocabulary=words, max_length=1).fit(words)
    assert vectorizer.transform(words).tolist() == [[3], [3]]
    own = SequenceVectorizer(vocabulary=words, preprocessor=str, max_length=1).fit(words)
    assert own.transform(words[1:]).tolist() == [[3]]


def decompose(text):
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    "function",
    [
        {"tokenizer": lambda text: decompose(text).split(), "token_pattern": None},
        {"analyzer": lambda text: decompose(text).split()},
        {"preprocessor": decompose},
        {"strip_accents": decompose},
    ],
    ids=lambda function: next(iter(function)),
)
def test_words_of_the_user_stay_as_they_are_beside_a_function_of_the_user(function):
    word = decompose("caf\u00e9")
    given = SequenceVectorizer(vocabulary=["film", word], max_length=1, **function)
    assert given.fit_transform(["caf\u00e9"]).tolist() == [[3]]
    if "analyzer" not in function:
        without = SequenceVectorizer(stop_words=[word], **function).fit(["caf\u00e9 film"])
        assert list(without.vocabulary_) == ["film"]


PHRASES = {
    "Chinese": [
        "这部电影非常好看，值得推荐。",
        "房间很干净，服务也很周到。",
        "酒店位置很好，早餐一般。",
    ],
    "Japanese": ["この映画はとても面白かったです。", "部屋はきれいで、朝食もおいしかった。"],
    "Thai": ["ภาพยนตร์เรื่องนี้สนุกมาก", "ห้องพักสะอาดและพนักงานบริการดี"],
    "Khmer": ["ភាពយន្តនេះល្អណាស់", "បន្ទប់ស្អាតហើយបុគ្គលិករួសរាយ"],
}


@pytest.mark.parametrize("texts", PHRASES.values(), ids=PHRASES)
def test_scripts_without_spaces_are_noticed(texts):
    with pytest.warns(UserWarning, match=r"without spaces.*analyzer='char'"):
        SequenceVectorizer().fit(texts)
    vectorizer = SequenceVectorizer(analyzer="char", ngram_range=(1, 2)).fit(texts)
    assert max(map(len, vectorizer.vocabulary_)) == 2
    with pytest.raises(ValueError, match=r"no terms remain.*analyzer='char'"):
        SequenceVectorizer(min_df=2).fit(texts)


def test_segmented_texts_are_fine():
    SequenceVectorizer(token_pattern=r"\w+").fit(["这 部 电影 非常 好看", "房间 很 干净 服务 周到"])
    SequenceVectorizer().fit(["The Chinese for film is 电影院电影院", "a b good film 好"])
