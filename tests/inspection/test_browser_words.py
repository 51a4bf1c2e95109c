"""Keys, search and buttons of the page in headless Chromium; skipped without one."""

from dataclasses import replace

import numpy as np
import pytest
from test_browser import cards, choose, count, freshly_loaded, hover, press, set_screen, tip
from test_page import explanation_of

from skattn import AttentionDisplay

NUMBERED = [f"word{number}" for number in range(160)]
LONG = " ".join([*NUMBERED[:80], "fine", *NUMBERED[80:]])  # folded, but for a few words
ARABIC = "كان الفيلم جميلا جدا"
CLASSES = np.array(["bad", "good"], dtype=object)


def explained(text, prediction="good", strong=()):
    """An explanation of few strong words, all of them for the prediction."""
    words = text.split()
    part = np.array([0.2 if word in strong else 0.0 for word in words])
    weights = np.array([10.0 if word in strong else 0.1 for word in words])
    return explanation_of(
        text,
        prediction=prediction,
        classes=CLASSES,
        weights=weights / weights.sum() if words else weights,
        evidence=np.stack([-part, part], axis=1) * (1 if prediction == "good" else -1),
        base_probabilities=np.array([0.5, 0.5]),
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Five texts: a long one, an empty one, one from right to left, and two short ones."""
    explanations = [
        explained(LONG, strong=["fine"]),
        explained("", prediction="bad"),
        explained(ARABIC),
        explained("a fine film", strong=["fine"]),
        explained("a dull film", prediction="bad", strong=["dull"]),
    ]
    truths = ["good", "bad", "good", "bad", "good"]
    display = AttentionDisplay.from_explanations(explanations, truths)
    return display.save_html(tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture
def shown(browser, page):
    yield from freshly_loaded(browser, page)


def words_of(card):
    return card.find_elements("css selector", ".skattn-t")


def focused(browser):
    return browser.switch_to.active_element


def search(browser, text):
    from selenium.webdriver.common.keys import Keys

    field = browser.find_element("name", "word")
    field.clear()
    field.send_keys(text, Keys.ENTER)
    return [int(card.get_attribute("data-i")) for card in cards(browser)]


# -- keys ----------------------------------------------------------------------------------------


def test_a_text_that_is_folded_again_keeps_its_tab_stop_in_sight(shown):
    long = cards(shown)[0]
    words, button = words_of(long), long.find_element("css selector", ".skattn-more")
    shown.execute_script("arguments[0].focus()", words[0])
    press(shown, "END", "ARROW_LEFT")
    assert focused(shown) == words[-2]
    shown.execute_script("arguments[0].click()", button)  # leaves the focus where it is
    assert not words[-2].is_displayed()
    assert focused(shown) == button
    stops = long.find_elements("css selector", '.skattn-t[tabindex="0"]')
    assert stops == [words[0]]
    assert stops[0].is_displayed()


def test_a_text_whose_first_word_is_folded_away_has_its_tab_stop_in_sight(browser, page, tmp_path):
    """As where the first token lies under stronger ones."""
    source = page.read_text(encoding="utf-8")
    path = tmp_path / "page.html"
    path.write_text(
        source.replace('<i class="skattn-t" tabindex="0">', "<i class=skattn-t>", 1).replace(
            '<span class="skattn-cut">',
            '<span class="skattn-cut"><i class=skattn-t tabindex=0>.</i>',
            1,
        ),
        encoding="utf-8",
    )
    browser.get(path.as_uri())
    [stop] = cards(browser)[0].find_elements("css selector", '.skattn-t[tabindex="0"]')
    assert stop.is_displayed()
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("modifier", ["altKey", "ctrlKey", "metaKey", "shiftKey"])
def test_keys_of_the_browser_are_left_alone(shown, modifier):
    word = words_of(cards(shown)[3])[1]
    pressed = """
    const options = {key: arguments[1], bubbles: true, cancelable: true, [arguments[2]]: true};
    return arguments[0].dispatchEvent(new KeyboardEvent("keydown", options));
    """
    shown.execute_script("arguments[0].tabIndex = 0; arguments[0].focus()", word)
    for key in ("ArrowLeft", "ArrowRight", "Home", "End"):
        assert shown.execute_script(pressed, word, key, modifier)  # not prevented
        assert focused(shown) == word
    assert not shown.execute_script(pressed, word, "ArrowLeft", "repeat")
    assert focused(shown) != word


def test_the_arrow_keys_follow_the_direction_of_the_text(shown):
    words = words_of(cards(shown)[2])
    shown.execute_script("arguments[0].focus()", words[0])
    press(shown, "ARROW_LEFT", "ARROW_LEFT")
    assert focused(shown) == words[2]
    press(shown, "ARROW_RIGHT")
    assert focused(shown) == words[1]
    press(shown, "END")
    assert focused(shown) == words[-1]


SCROLL = "dispatchEvent(new Event('scroll'))"


def test_what_escape_hid_stays_hidden_until_another_word_is_at_hand(shown):
    first, second, _ = words_of(cards(shown)[3])
    shown.execute_script("arguments[0].focus()", first)
    shown.execute_script(SCROLL)
    assert tip(shown) is not None
    press(shown, "ESCAPE")
    shown.execute_script(SCROLL)
    assert tip(shown) is None
    press(shown, "ARROW_RIGHT")
    assert focused(shown) == second
    shown.execute_script(SCROLL)
    assert tip(shown) is not None


def test_escape_hides_what_the_mouse_shows(shown):
    """Without the focus on a word, and without that of a focused one in its place."""
    first, second, _ = words_of(cards(shown)[3])
    hover(shown, first)
    assert tip(shown) is not None
    press(shown, "ESCAPE")
    shown.execute_script(SCROLL)
    assert tip(shown) is None
    hover(shown, second)
    assert tip(shown) is not None
    shown.execute_script("arguments[0].focus()", first)
    press(shown, "ESCAPE")
    hover(shown, shown.find_element("css selector", "h1"))
    assert tip(shown) is None


# -- search and buttons --------------------------------------------------------------------------


def test_the_search_sees_the_text_and_nothing_else(shown):
    assert search(shown, "empty") == []
    assert search(shown, "…") == []
    assert search(shown, "word50 word51") == [0]
    first, last = (words_of(cards(shown)[0])[place] for place in (0, 19))
    assert first.is_displayed()
    assert last.is_displayed()
    assert search(shown, " ".join(NUMBERED[:20])) == [0]


def test_a_button_shows_as_many_texts_as_it_says(shown):
    for summary in shown.find_elements("css selector", ".skattn-corpus > summary"):
        summary.click()
    shown.find_element("css selector", "[name=view][value=attention]").click()
    choose(shown, "order", "sure")
    word = shown.find_element("css selector", '.skattn-word[data-word="fine"]')
    cell = shown.find_element("css selector", '.skattn-cell[data-true="1"][data-pred="0"]')
    for button, n_texts in [(word, 2), (cell, 1)] * 2:
        choose(shown, "right", "1")
        choose(shown, "pred", "0")
        search(shown, "nowhere")
        button.click()
        assert count(shown) == f"{n_texts} of 5 texts"
        assert not shown.find_element("css selector", ".skattn-none").is_displayed()
    assert shown.find_element("css selector", "[name=view][value=attention]").is_selected()
    assert shown.find_element("name", "order").get_attribute("value") == "sure"


@pytest.mark.parametrize("cased", [False, True])
def test_every_word_button_counts_words_as_the_explanations_do(browser, tmp_path, cased):
    texts = ["Maße", "MASSE", "masse", "sınır", "sinir", "ΛΌΓΟΣ", "λόγος", "café", "cafe\u0301"]
    explanations = [replace(explained(text, strong=[text]), case_sensitive=cased) for text in texts]
    display = AttentionDisplay.from_explanations(explanations)
    set_screen(browser)
    browser.get(display.save_html(tmp_path / "page.html").as_uri())
    browser.find_element("css selector", ".skattn-corpus > summary").click()
    promised = {}
    for button in browser.find_elements("css selector", ".skattn-word"):
        n_texts = button.find_element("xpath", "..").find_element("css selector", "small").text
        button.click()
        promised[button.get_attribute("data-word")] = int(n_texts.split()[0])
        assert count(browser).startswith(f"{n_texts.split()[0]} of")
    assert promised["Maße"] == 1
    assert promised["café"] == 2
    assert promised["MASSE"] == (1 if cased else 2)
    assert browser.get_log("browser") == []


def test_numbers_and_names_keep_their_order_in_a_text_from_right_to_left(browser, tmp_path):
    text = "ذهبت 12 / 05 / 2024 مع New York Times"
    page = AttentionDisplay.from_explanations([explained(text)]).save_html(tmp_path / "p.html")
    set_screen(browser)
    browser.get(page.as_uri())
    places = {word.text: word.rect["x"] for word in words_of(cards(browser)[0])}
    assert places["New"] < places["York"] < places["Times"] < places["مع"] < places["ذهبت"]


@pytest.mark.parametrize(("phrase", "marked"), [("a fine", "a fine"), ("ne fi", "fine film")])
def test_the_words_of_a_phrase_are_marked_where_they_stand_together(shown, phrase, marked):
    assert search(shown, phrase) == [3]
    found = shown.find_elements("css selector", "[data-found]")
    assert [word.text for word in found] == marked.split()


def test_an_even_share_of_a_very_long_text_is_shaded_as_in_python(browser, tmp_path):
    even = explained("word " * 2000)
    page = AttentionDisplay.from_explanations([replace(even, evidence=None)]).save_html(
        tmp_path / "p.html"
    )
    browser.get(page.as_uri())
    shades = browser.execute_script(
        "return [...new Set([...document.querySelectorAll('.skattn-t')].map((e) => e.className))]"
    )
    assert shades == ["skattn-t skattn-w3"]
    assert count(browser) == "1 of 1 text"


def test_a_class_without_evidence_on_the_card_says_so(browser, tmp_path):
    classes = np.array([f"class {number}" for number in range(8)], dtype=object)
    evidence = np.full((1, 8), 0.01)
    card = explanation_of(
        "word",
        "class 0",
        classes=classes,
        probabilities=np.linspace(2, 0, 8) / 8,
        evidence=evidence,
        base_probabilities=np.linspace(2, 0, 8) / 8 - 0.01,
    )
    page = AttentionDisplay.from_explanations([card]).save_html(tmp_path / "p.html")
    set_screen(browser)
    browser.get(page.as_uri())
    note = browser.find_element("css selector", ".skattn-unknown")
    assert not note.is_displayed()
    choose(browser, "lens", "7")
    assert note.text.startswith("This card has the evidence for 5 classes only")
    choose(browser, "lens", "1")
    assert not note.is_displayed()


def test_a_long_text_unfolds_while_a_word_is_found_in_what_is_folded(shown):
    long = cards(shown)[0]
    hidden = words_of(long)[60]
    assert not hidden.is_displayed()
    assert search(shown, "word60") == [0]
    assert hidden.is_displayed()
    assert search(shown, "film") == [3, 4]
    search(shown, "")
    assert not hidden.is_displayed()


def test_a_reader_who_folds_a_found_text_again_has_the_last_word(shown):
    long = cards(shown)[0]
    search(shown, "word60")
    shown.execute_script("arguments[0].click()", long.find_element("css selector", ".skattn-more"))
    assert not words_of(long)[60].is_displayed()
    choose(shown, "order", "sure")
    assert not words_of(long)[60].is_displayed()


def test_a_true_class_that_the_model_does_not_know_is_called_so(browser, tmp_path):
    with pytest.warns(UserWarning, match="None of the true labels"):
        display = AttentionDisplay.from_explanations([explained("a fine film")], ["strange"])
    set_screen(browser)
    browser.get(display.save_html(tmp_path / "p.html").as_uri())
    choose(browser, "lens", "true")
    note = browser.find_element("css selector", ".skattn-unknown")
    assert note.text == "The model does not know this class."


def test_a_sign_within_a_phrase_is_marked_with_it(browser, tmp_path):
    words = explained("fine , film don ' t like")
    tokens = [(0, 4), (4, 5), (6, 10), (11, 14), (14, 15), (15, 16), (17, 21)]
    text = "fine, film don't like"
    card = replace(
        words,
        text=text,
        spans=np.array(tokens),
        tokens=tuple(text[start:end] for start, end in tokens),
    )
    page = AttentionDisplay.from_explanations([card]).save_html(tmp_path / "p.html")
    set_screen(browser)
    browser.get(page.as_uri())
    for phrase, marked in (("fine, film", "fine , film"), ("don't like", "don ' t like")):
        search(browser, phrase)
        found = browser.find_elements("css selector", "[data-found]")
        assert [word.text for word in found] == marked.split()


def test_a_text_that_a_filter_lets_in_unfolds_too(shown):
    choose(shown, "pred", "0")
    assert search(shown, "word60") == []
    choose(shown, "pred", "1")
    assert words_of(cards(shown)[0])[60].is_displayed()
