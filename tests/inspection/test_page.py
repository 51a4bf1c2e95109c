"""The page: escaping, contrast, contents, and that it stands alone."""

import base64
import datetime
import hashlib
import html
import itertools
import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from by_hand import film_model
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline

from skattn import (
    AttentionTextClassifier,
    SequenceVectorizer,
    TextExplanation,
    explain_texts,
    faithfulness_report,
)
from skattn.inspection._render._cards import LONG_TEXT, percent
from skattn.inspection._render._page import (
    render_fragment,
    render_page,
    render_report,
    visible,
)
from skattn.inspection._render._palette import (
    DARK,
    FULL_EVIDENCE,
    LIGHT,
    N_LEVELS,
    SHADES,
    evidence_levels,
    shade,
    shade_levels,
)

VOID = {"meta", "link", "br", "img", "input", "hr"}
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x=\'',
    "' onfocus='alert(1)'",
    "<!-- --> ]]> <![CDATA[ &lt;b&gt; &amp; &#60;",
    "javascript:alert(1) {{7*7}} ${7*7} %s {0}",
    "\u202egnp.exe\u202c \u2066hidden\u2069",
    "nul \x00 bell \x07 escape \x1b[31m delete \x7f next line \x85",
    "lone \ud800 and \udfff surrogates",
    "noncharacters \ufffe \uffff",
    "e\u0301 עברית العربية 日本語 👩‍👩‍👧 \u200b\ufeff",
    "a\r\nb\tc\u2028d",
    "<" * 50 + "&" * 50,
]


def explanation_of(text, prediction="<b>bad</b>", **changes):
    """Every run of word characters is a token; weights fall."""
    spans = np.array([match.span() for match in re.finditer(r"\S+", text)]).reshape(-1, 2)
    weights = np.arange(len(spans), 0, -1, dtype=float)
    fields = {
        "text": text,
        "tokens": tuple(text[start:end] for start, end in spans),
        "spans": spans,
        "weights": weights / weights.sum() if len(weights) else weights,
        "classes": np.array([prediction, "good"], dtype=object),
        "probabilities": np.array([0.75, 0.25]),
        "prediction": prediction,
    }
    return TextExplanation(**(fields | changes))


class Page(HTMLParser):
    """What a page holds; fails on tags that do not match."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts, self.words = [], [], {}, {}
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID and tag != "rect":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "rect":
            assert self.open.pop() == tag

    def handle_data(self, data):
        place = " ".join(self.open)
        self.texts[place] = self.texts.get(place, "") + data

    def all(self, name, css_class=None):
        return [
            attributes
            for tag, attributes in self.tags
            if tag == name
            and (css_class is None or f"skattn-{css_class}" in attributes.get("class", "").split())
        ]


def text_of(page, css_class):
    """The text within the first paragraph of a class."""
    inner = re.search(rf'<p class="skattn-{css_class}[^>]*>(.*?)</p>', page, re.S)[1]
    return html.unescape(re.sub(r"<[^>]*>", "", inner))


# -- escaping ------------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_text_stays_text(hostile):
    """As text, as label, as true class and as title; only our own script and tags are there."""
    explanations = [explanation_of(hostile, prediction=hostile)]
    plain = Page(render_page([explanation_of("a b")], ["good"]))
    raw = render_page(explanations, [hostile + "!"], title=hostile)
    raw.encode("utf-8")
    page = Page(raw)
    names = {tag for tag, _ in plain.tags}
    assert {tag for tag, _ in page.tags} <= names
    assert len(page.all("script")) == 1
    allowed = {name for _, attributes in plain.tags for name in attributes} | {"data-label"}
    allowed |= {"data-word", "data-c", "hidden", "class"}
    assert {name for _, attributes in page.tags for name in attributes} <= allowed
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_comes_back_as_it_was_but_for_what_is_unsafe(text):
    explanation = explanation_of(text)
    page = render_fragment([explanation])
    page.encode("utf-8")
    if text.strip():
        assert text_of(page, "text") == visible(text)


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x00", "[U+0000]"),
        ("\ud800", "[U+D800]"),
        ("\u202e", "[U+202E]"),
        ("\u2067", "[U+2067]"),
        ("\uffff", "[U+FFFF]"),
        ("\x9b", "[U+009B]"),
        ("\n", "\n"),
        ("\t", "\t"),
        ("\u200f", "\u200f"),
        ("'", "'"),
    ],
)
def test_what_is_unsafe_is_shown_by_its_number(character, shown):
    assert visible(character) == shown


@pytest.mark.parametrize("template", ["{{ 7 * 7 }}", "{% raw %}", "{# note #}", "{{ title }}"])
def test_a_template_in_a_text_stays_text(template):
    page = render_page([explanation_of(template)], [template], title=template)
    assert text_of(page, "text") == template
    assert f"<h1>{template}</h1>" in page


# -- standing alone ------------------------------------------------------------------------------


def test_the_page_names_no_other_place():
    page = render_page(explain_texts(film_model(), ["fine film"]), ["good"])
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page)
    for _, attributes in Page(page).tags:
        assert attributes.get("href", "data:,") == "data:,"
        assert "src" not in attributes


def test_the_policy_lets_only_the_pages_own_script_run():
    page = render_page(explain_texts(film_model(), ["fine film"]))
    script = re.search(r"<script>(.*?)</script>", page, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [
        attributes["content"] for attributes in Page(page).all("meta") if "http-equiv" in attributes
    ]
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_a_fragment_has_no_script_and_says_how_many_texts_it_leaves_out():
    explanations = explain_texts(film_model(), ["fine film"] * 30)
    fragment = render_fragment(explanations, ["good"] * 30)
    page = Page(fragment)
    assert not page.all("script")
    assert len(page.all("article")) == 20
    assert "The first 20 of 30 texts." in fragment
    assert "The first" not in render_fragment(explanations[:20])


def test_every_class_of_the_markup_is_styled_or_known_to_the_script():
    known = {"skattn", "skattn-colours", "skattn-cards", "skattn-w0", "skattn-unknown"}
    model = film_model()
    explanations = [*explain_texts(model, ["fine film"]), explanation_of("word " * 200)]
    report = faithfulness_report(model, ["the fine good film"] * 3, n_bootstrap=20)
    for page in (render_page(explanations, ["bad", "good"], report=report), render_report(report)):
        styled = set(re.findall(r"\.([a-z][\w-]*)", _style_of(page)))
        used = {name for _, found in Page(page).tags for name in found.get("class", "").split()}
        assert used - styled - known == set()


def test_every_class_of_a_fragment_has_a_name_of_its_own():
    """A notebook or a site around it may know a ``.card`` too; a text is left as it is."""
    hostile = 'see class="card" or .card { color: red }'
    explanations = explain_texts(film_model(), [hostile, "fine film"])
    for block in (render_fragment(explanations, ["good", "bad"]), render_fragment(explanations)):
        names = [name for _, found in Page(block).tags for name in found.get("class", "").split()]
        assert len(names) > 40
        assert [name for name in names if not name.startswith("skattn")] == []
        assert re.findall(r"\.(?!skattn)[a-zA-Z][\w-]*", _style_of(block)) == []
        assert "class=&#34;card&#34;" in re.sub(r"</?i\b[^>]*>", "", block)


def _style_of(block):
    return block.partition("<style>")[2].partition("</style>")[0]


# -- contents ------------------------------------------------------------------------------------


def without_evidence(explanations):
    return [replace(e, evidence=None, base_probabilities=None) for e in explanations]


def test_a_token_has_its_shade_and_the_card_the_numbers():
    explanations = explain_texts(film_model(), ["fine dull film"])
    page = Page(render_page(explanations))
    fine, dull, film = page.all("i", "t")
    assert fine["class"].split() == ["skattn-t", "skattn-con10", "skattn-hot"]
    assert dull["class"].split() == ["skattn-t", "skattn-pro10", "skattn-hot"]
    assert film["class"] == "skattn-t"
    assert [token.get("tabindex") for token in (fine, dull, film)] == ["0", None, None]
    (card,) = page.all("article")
    values = json.loads(card["data-values"])
    assert values["c"] == [0, 1]
    assert values["e"] == [[-300, 300, 0], [300, -300, 0]]
    assert values["a"] == np.rint(1e5 * explanations[0].weights).tolist()
    assert values["a"][0] > 40_000
    (still,) = [t for t in Page(render_fragment(explanations)).all("i", "t") if "tabindex" in t][:1]
    assert still["data-w"] == "−30.0"


def test_without_evidence_a_token_has_the_shade_of_its_attention():
    explanations = without_evidence(explain_texts(film_model(), ["fine old film"]))
    raw = render_page(explanations)
    fine, old, _ = Page(raw).all("i", "t")
    assert "skattn-w9" in fine["class"]
    assert old["class"] == "skattn-t"
    assert 'data-view="attention"' in raw
    assert "skattn-switch" not in raw.partition("</style>")[2].partition("<script")[0]
    weights = [token["data-w"] for token in Page(render_fragment(explanations)).all("i", "t")]
    assert weights == ["93.9 %", "3.0 %", "3.0 %"]


def test_why_there_is_no_evidence_is_said():
    page = render_page([explanation_of("a b", unexplained="<Tree> is not linear.")])
    assert "No evidence: &lt;Tree&gt; is not linear." in page


def test_base_and_words_for_and_against_add_up_in_plain_text():
    page = render_page(explain_texts(film_model(), ["fine fine dull"]))
    first = page.index('class="skattn-sum" data-c="1"')
    shown = page[first : page.index("</section>", first)]
    text = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", shown.partition(">")[2])).split())
    assert text == (
        "For good predicted base 50.0 % + 60.0 for − 30.0 against = 80.0 % "
        "for fine +60.0 in 2 places against dull −30.0"
    )


def test_a_wrong_prediction_has_its_true_class_beside_it():
    explanations = explain_texts(film_model(), ["fine film"])
    page = Page(render_page(explanations, ["bad"]))
    sums = {found["data-c"]: "hidden" in found for found in page.all("section", "sum")}
    assert sums == {"1": False, "0": True}  # the script shows both
    assert page.all("article")[0]["data-true"] == "0"


def test_the_words_of_each_class_and_the_confusion_matrix_stand_above_the_texts():
    texts = ["fine film", "dull film", "fine thing", "dull fine"]
    page = render_page(explain_texts(film_model(), texts), ["good", "good", "good", "bad"])
    words = [(b["data-word"], b["class"]) for b in Page(page).all("button", "word")]
    assert words == [
        ("dull", "skattn-word skattn-pro10"),
        ("fine", "skattn-word skattn-con10"),
        ("fine", "skattn-word skattn-pro10"),
        ("dull", "skattn-word skattn-con10"),
    ]
    assert "3 texts" in page
    cells = [(b["data-true"], b["data-pred"]) for b in Page(page).all("button", "cell")]
    assert cells == [("0", "0"), ("1", "0"), ("1", "1")]
    assert (
        "skattn-matrix"
        not in render_page(explain_texts(film_model(), texts)).partition("</style>")[2]
    )


def test_words_of_a_single_text_are_left_out_of_a_long_list_which_says_so():
    texts = ["fine", *["fine film"] * 48, "film dull"]
    for many, n_texts in ((False, 49), (True, 50)):
        page = render_page(explain_texts(film_model(), texts[-n_texts:]))
        words = {b["data-word"] for b in Page(page).all("button", "word")}
        assert ("dull" in words) != many
        assert ("Words that occur in a single text are left out." in page) == many


def test_the_foot_says_which_model_when_and_whether_it_was_tested():
    page = render_page(explain_texts(film_model(), ["fine"]), model_name="<Pipeline>")
    foot = page.partition("<footer")[2]
    assert "<dd>&lt;Pipeline&gt;</dd>" in foot
    assert datetime.date.today().isoformat() in foot
    assert "not tested" in foot


def test_a_long_text_is_folded_around_its_strong_words():
    texts = ["the film " * 100 + "fine " + "the film " * 60 + "dull " + "film " * 40]
    page = render_page(explain_texts(film_model(max_length=500), texts))
    cuts = re.findall(r'<span class="skattn-cut">(.*?)</span>', page, re.S)
    hidden = " ".join(re.sub(r"<[^>]*>", "", cut) for cut in cuts).split()
    assert len(hidden) > 300
    assert not {"fine", "dull"} & set(hidden)
    assert text_of(page, "text").replace(" … ", "") == texts[0]


def test_the_heaviest_words_stand_in_plain_text_beside_an_even_share():
    page = render_page(without_evidence(explain_texts(film_model(), ["fine old film"])))
    listed = " ".join(text_of(page, "top").split())
    assert listed == "Most attention fine 93.9 % old 3.0 % film 3.0 % (an even share: 33.3 %)"


def test_a_word_that_stands_in_several_places_is_listed_once_with_their_sum():
    weights = np.array([3, 2, 1, 2, 2]) / 10
    page = render_page([explanation_of("Goal by goal it GOAL", weights=weights)])
    listed = " ".join(text_of(page, "top").split())
    assert listed.startswith("Most attention Goal 60.0 % in 3 places by 20.0 % it 20.0 % (")


def test_cards_carry_what_the_filters_ask_for():
    explanations = explain_texts(film_model(), ["fine film", "dull film"])
    page = Page(render_page(explanations, ["good", "ugly"]))
    keys = ("data-pred", "data-true", "data-right", "data-n", "data-i")
    found = [tuple(article[key] for key in keys) for article in page.all("article")]
    assert found == [("1", "1", "1", "2", "0"), ("0", "2", "0", "2", "1")]
    raw = render_page(explanations, ["good", "ugly"])
    for option in ["good (1)", "ugly (1)", "right (1)", "wrong (1)", "bad (1)"]:
        assert f">{option}</option>" in raw
    assert "wrong: it is <bdi>ugly</bdi>" in raw


def test_without_true_classes_there_is_nothing_right_or_wrong():
    page = render_page(explain_texts(film_model(), ["fine film"]))
    assert [select["name"] for select in Page(page).all("select")] == ["lens", "pred", "order"]
    assert 'class="skattn-badge' not in page
    assert "data-right" not in page


def test_probabilities_are_bars_with_text_and_many_are_folded():
    few = render_page([explanation_of("a b")])
    assert few.count('class="skattn-bar"') == 2
    assert "75.0 %" in few
    assert "width:75.0%" in few
    classes = np.array([f"class {number}" for number in range(9)])
    many = explanation_of(
        "a b", prediction="class 3", classes=classes, probabilities=np.eye(9)[3] * 0.2 + 0.1 / 1.125
    )
    page = render_page([many])
    assert "5 more classes" in page
    assert page.index("class 3</bdi>") < page.index("class 0</bdi>")


def test_of_hundreds_of_classes_the_page_has_the_likeliest_and_the_true_one():
    classes = np.array([f"class {number:03}" for number in range(300)])
    probabilities = np.linspace(2, 0, 300) / 300
    many = explanation_of("a b", "class 000", classes=classes, probabilities=probabilities)
    page = render_page([many], ["class 250"])
    assert "296 more classes" in page
    assert page.count('class="skattn-bar"') == 4 + 20 + 1
    assert f"and 275 more, each at most {100 * probabilities[24]:.1f} %" in page


def test_the_words_of_many_classes_are_those_of_the_classes_predicted_most():
    classes = np.array([f"class {number:02}" for number in range(30)], dtype=object)
    evidence = np.zeros((1, 30))
    evidence[0] = np.linspace(0.1, 0.2, 30)
    each = [
        explanation_of(
            "a",
            label,
            classes=classes,
            probabilities=np.full(30, 1 / 30),
            evidence=evidence,
            base_probabilities=1 / 30 - evidence[0],
        )
        for label in classes[5:]
    ]
    page = render_page(each)
    shown = re.findall(r"<h3><bdi>class (\d\d)", page)
    assert shown == [f"{number:02}" for number in range(5, 25)]
    assert "Of the 30 classes, those predicted most often are here." in page


def test_the_share_of_another_class_names_it():
    page = render_page([explanation_of("a b", "bad", share=0.4, target="good")])
    assert "40.0 % of the probability of <bdi>good</bdi>" in page


def test_a_class_that_the_model_does_not_know_is_no_choice_but_a_sentence():
    explanations = explain_texts(film_model(), ["fine film"])
    page = render_page(explanations, ["strange"])
    lens = page.partition('name="lens"')[2].partition("</select>")[0]
    assert "good" in lens
    assert "strange" not in lens


def test_a_share_is_said_where_other_parts_decide_too():
    page = render_page([explanation_of("a b", share=0.4)])
    assert "The network contributes 40.0 % of this probability" in page
    assert "contributes" not in render_page([explanation_of("a b")])


def test_long_texts_fold_and_empty_ones_say_so():
    long = render_page([explanation_of("word " * (LONG_TEXT + 1))])
    assert f"Show all {LONG_TEXT + 1} words" in long
    assert 'class="skattn-more"' not in render_page([explanation_of("word " * LONG_TEXT)])
    assert "An empty text." in render_page([explanation_of("")])
    blank = explanation_of("?!", tokens=(), spans=np.empty((0, 2), int), weights=np.empty(0))
    assert "found no words in this text" in render_page([blank])


def test_no_texts_at_all_is_a_page_too():
    assert "<dd>0</dd>" in render_page([])


def test_a_report_puts_its_verdict_above_the_texts():
    model, texts = film_model(), ["the fine good film"] * 3
    report = faithfulness_report(model, texts, random_state=0, n_bootstrap=20)
    page = render_page(explain_texts(model, texts), report=report)
    for verdict in report.verdicts.values():
        assert page.index(verdict) < page.index("<article")
    assert report.verdict not in render_page(explain_texts(model, texts))
    Page(page)
    Page(render_report(report))


def test_each_verdict_has_a_mark_of_its_own():
    """Evidence explains this model; its attention, the same for all words, does not."""
    model = film_model(attention="uniform")
    texts = ["the fine good film", "the film was dull", "a bad film"] * 4
    report = faithfulness_report(model, texts, random_state=0, n_bootstrap=20)
    assert [verdict.split()[2] for verdict in report.verdicts.values()] == ["a", "not"]
    for block in (render_report(report), render_page(explain_texts(model, texts), report=report)):
        blocks = re.findall(r'<div class="skattn-verdict skattn-(\w+)">.*?>(.)</span>', block)
        assert blocks == [("yes", "✓"), ("no", "✗")]
        [around] = Page(block).all("section", "faith")
        assert around["class"] == "skattn-faith"
        assert re.findall("<h3>(Evidence|Attention)</h3>", block) == ["Evidence", "Attention"]


@pytest.mark.parametrize(
    ("aggregate", "kind"),
    [
        ("attention weights", ""),
        ("mean over 3 networks of attention weights", " The model has 3 networks; the mean of"),
        ("no attention", " This model has no attention."),
        ("rollout of <b>", " Here it is: rollout of <b>."),
    ],
)
def test_the_kind_of_attention_is_said(aggregate, kind):
    lede = text_of(render_page([explanation_of("a b", aggregate=aggregate)]), "lede")
    start = "Attention is the weight that the network gave to each word."
    assert lede.startswith(start + kind)
    assert kind or lede == start


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"attention": "multihead", "n_heads": 2}, "2 attention heads gives that many weights"),
        ({"segment_length": 2}, "The text is divided into segments, which have weights too"),
        ({"encoder": "conv"}, "The network gives weights to windows of neighboring words;"),
        ({"extra_pooling": "max"}, "also uses the max over all words; the weights do not"),
        ({"ngram_range": (1, 2)}, "The network also reads groups of words (n-grams);"),
    ],
)
def test_what_a_network_says_of_its_attention_is_put_in_plain_words(parameters, sentence):
    small = {"encoder": "none", "units": 4, "embedding_dim": 4, "epochs": 1} | parameters
    vectorizer = SequenceVectorizer(ngram_range=small.pop("ngram_range", (1, 1)))
    model = make_pipeline(vectorizer, AttentionTextClassifier(**small))
    model.fit(["fine film", "dull film"] * 4, ["good", "bad"] * 4)
    [explanation] = explain_texts(model, ["fine film"])
    lede = text_of(render_page([explanation]), "lede")
    assert sentence in lede
    assert explanation.aggregate not in lede


def test_the_legends_say_what_the_colours_mean():
    page = render_page(explain_texts(film_model(), ["fine film"]))
    assert "less than 5 percentage points, all colours are weaker" in page
    assert FULL_EVIDENCE == 0.05
    assert "The word with the most attention has the strongest colour." in page


@pytest.mark.parametrize(
    ("part", "shown"), [(0.0, "0.0 %"), (1e-9, "<0.1 %"), (0.1234, "12.3 %"), (1.0, "100.0 %")]
)
def test_percentages(part, shown):
    assert percent(part) == shown


def test_an_even_share_is_pale_and_a_find_is_not():
    assert shade_levels(np.full(20, 0.05)).tolist() == [round(N_LEVELS / 3)] * 20
    assert shade_levels(np.array([0.6, 0.4]))[0] == round(N_LEVELS * 0.6 / 1.5)
    assert shade_levels(np.array([0.9] + [0.01] * 10))[0] == N_LEVELS
    assert shade_levels(np.array([0.9, 0.1, 0.0]))[2] == 0
    assert shade_levels(np.empty(0)).tolist() == []


@pytest.mark.slow
def test_a_text_of_a_hundred_thousand_tokens_is_done_in_seconds():
    start = time.perf_counter()
    render_page([explanation_of("word " * 100_000)])
    assert time.perf_counter() - start < 30  # about 2 s; in quadratic time it took minutes


# -- contrast ------------------------------------------------------------------------------------


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    dark, light = sorted([luminance(first), luminance(second)])
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_and_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(theme):
    pairs = [("ink", "page"), ("ink", "card"), ("muted", "page"), ("muted", "card")]
    pairs += [("accent", "page"), ("accent", "card"), ("right", "right-back")]
    pairs += [("wrong", "wrong-back"), ("on-tip", "tip"), ("right", "card"), ("wrong", "card")]
    for front, back in pairs:
        assert contrast(theme[front], theme[back]) >= 4.5, (front, back)
    for name, level in itertools.product(SHADES.values(), range(N_LEVELS + 1)):
        assert contrast(theme["ink"], shade(theme, level, name)) >= 4.5, (name, level)
    for mark, back in [("field", "card"), ("bar", "track"), ("rest", "card"), ("field", "page")]:
        assert contrast(theme[mark], theme[back]) >= (1.8 if mark == "rest" else 3), (mark, back)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", SHADES.values())
def test_shades_grow_steadily(theme, name):
    levels = range(N_LEVELS + 1)
    steps = [contrast(shade(theme, level, name), theme["card"]) for level in levels]
    assert steps[0] == 1
    assert all(later > earlier for earlier, later in itertools.pairwise(steps))


def test_evidence_is_shaded_by_sign_and_size():
    assert evidence_levels(np.array([0.5, -0.25, 0.0])).tolist() == [10, -5, 0]
    assert evidence_levels(np.array([0.005, -0.0001])).tolist() == [1, 0]
    assert evidence_levels(np.empty(0)).tolist() == []


def test_the_class_that_was_asked_for_is_not_called_the_predicted_one():
    classes = np.array(["bad", "good"], dtype=object)
    fields = {"classes": classes, "evidence": np.array([[0.25, -0.25]]), "prediction": "bad"}
    fields |= {"base_probabilities": np.array([0.5, 0.5])}
    for target, name in {"bad": "the predicted one", "good": "the explained one"}.items():
        page = render_page([explanation_of("dull", target=target, **fields)])
        assert name in re.search(r"For which class<select.*?</option>", page, re.S)[0]


def test_a_word_that_cannot_be_seen_is_listed_by_its_number():
    joined = "\u200d"
    explanation = explanation_of(f"fine {joined}", evidence=np.full((2, 2), 0.1))
    explanation = replace(explanation, base_probabilities=np.array([0.55, 0.05]))
    page = render_page([explanation])
    assert page.count("[U+200D]") == 5  # a text's lists and that of all texts, for each class
    assert f'data-word="{joined}"><bdi>[U+200D]</bdi>' in page


def test_few_texts_are_told_once_under_the_verdicts():
    report = faithfulness_report(film_model(), ["the fine good film"] * 3, n_bootstrap=20)
    html = render_report(report)
    assert html.count("Too few texts to rely on (3)") == 1
    assert html.index("Too few texts") < html.index("<details")
