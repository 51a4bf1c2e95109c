(function () {
  "use strict";
  const root = document.querySelector(".skattn");
  const list = root.querySelector(".skattn-cards");
  const cards = Array.from(list.querySelectorAll(".skattn-card"));
  const tip = root.querySelector(".skattn-tip");
  const form = root.querySelector(".skattn-tools form");
  const count = root.querySelector(".skattn-count");
  const LEVELS = 10;
  const FILTERS = ["pred", "true", "right", "word"];
  let shown = null;
  let hushed = false; // by Escape, until a word is pointed at or focused
  root.classList.add("skattn-live");

  const composed = (text) => text.normalize("NFC");
  const plain = (text) => composed(text).toLowerCase();

  // What a card knows of its words, read when it is first needed
  const known = new Map();
  function facts(card) {
    if (!known.has(card)) {
      const tokens = Array.from(card.querySelectorAll(".skattn-t"));
      const values = JSON.parse(card.dataset.values || "{}");
      tokens.forEach((token, place) => { token.skattnPlace = place; });
      known.set(card, { tokens, values, text: plain(textOf(card)) });
    }
    return known.get(card);
  }
  function textOf(card) {
    const own = card.querySelector(".skattn-text:not(.skattn-blank)");
    const parts = own ? Array.from(own.childNodes) : [];
    return parts.filter((part) => part.className !== "skattn-gap").map((part) => part.textContent).join("");
  }
  const wanted = () => Object.fromEntries(new FormData(form));
  const view = () => root.dataset.view;

  // The class whose evidence a card shows; -1 if it holds none of it
  function lensOf(card, lens) {
    const { values } = facts(card);
    const key = lens === "" ? card.dataset.target : lens === "true" ? card.dataset.true : lens;
    return (values.c || []).indexOf(Number(key));
  }
  const tenth = (number) => (Math.abs(number) / 10).toFixed(1);
  const percent = (part) => (0 < part && part < 50 ? "<0.1 %" : (part / 1000).toFixed(1) + " %");
  function shadeCard(card) {
    const { tokens, values } = facts(card);
    let name = () => "";
    let full = 1;
    if (view() === "evidence" && card.skattnLens >= 0) {
      const parts = values.e[card.skattnLens];
      full = parts.reduce((most, part) => Math.max(most, Math.abs(part)), 50);
      name = (place) => (parts[place] > 0 ? "pro" : "con") + level(parts[place]);
    } else if (view() === "attention" && values.a) {
      full = values.a.reduce((most, part) => Math.max(most, part), 3e5 / values.a.length);
      name = (place) => "w" + level(values.a[place]);
    }
    function level(part) {
      return Math.min(LEVELS, Math.round((LEVELS * Math.abs(part)) / full));
    }
    tokens.forEach((token, place) => {
      const shade = name(place);
      const strength = Number(shade.replace(/\D+/, "")) || 0;
      token.className = "skattn-t" + (strength ? " skattn-" + shade : "") + (strength > LEVELS / 2 ? " skattn-hot" : "");
    });
  }
  function look(card, lens) {
    const place = lensOf(card, lens);
    card.skattnLens = place;
    const { values } = facts(card);
    const keys = place >= 0 ? [values.c[place]] : [];
    if (card.dataset.right === "0" && lens === "") keys.push(Number(card.dataset.true)); // why not that one?
    for (const sum of card.querySelectorAll(".skattn-sum")) sum.hidden = !keys.includes(Number(sum.dataset.c));
    for (const note of card.querySelectorAll(".skattn-unknown")) {
      note.hidden = place >= 0;
      note.textContent = lens === "true" ? note.dataset.strange : note.dataset.few;
    }
    shadeCard(card);
  }

  // The part of the word at hand: one listener each for the whole page
  function words(token) {
    const card = token.closest(".skattn-card");
    const { values } = facts(card);
    const place = token.skattnPlace;
    const attention = () => {
      const own = values.a[place];
      const rank = 1 + values.a.filter((other, at) => other > own || (other === own && at < place)).length;
      return [percent(own), "of the attention, rank " + rank + " of " + card.dataset.n];
    };
    if (view() === "attention") return values.a ? attention() : ["no attention", ""];
    if (!(card.skattnLens >= 0)) return ["not known", "for this class"];
    const part = values.e[card.skattnLens][place];
    const label = card.querySelector('.skattn-sum[data-c="' + values.c[card.skattnLens] + '"] bdi').textContent;
    const sign = part > 0 ? "+" : part < 0 ? "−" : "";
    const side = part > 0 ? "points for " : part < 0 ? "points against " : "points for or against ";
    return [sign + tenth(part), side + label + (values.a ? "; " + percent(values.a[place]) + " of the attention" : "")];
  }
  function showTip(token) {
    hideTip();
    hushed = false;
    shown = token;
    const [first, second] = words(token);
    tip.replaceChildren(document.createElement("b"), document.createElement("span"));
    tip.firstChild.textContent = first;
    tip.lastChild.textContent = second;
    tip.hidden = false;
    token.setAttribute("aria-describedby", "skattn-tip");
    const box = token.getClientRects()[0];
    if (!box) return hideTip();
    const left = box.left + box.width / 2 - tip.offsetWidth / 2;
    const most = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const above = box.top - tip.offsetHeight - 8;
    tip.style.left = Math.max(8, Math.min(left, most)) + "px";
    tip.style.top = (above > 8 ? above : box.bottom + 8) + "px";
  }
  function hideTip() {
    if (shown) shown.removeAttribute("aria-describedby");
    shown = null;
    tip.hidden = true;
  }
  const tokenOf = (event) => event.target.closest && event.target.closest(".skattn-t");
  const atHand = () => focused() || list.querySelector(".skattn-t:hover");
  const focused = () => document.activeElement && document.activeElement.closest(".skattn-t");
  list.addEventListener("mouseover", (event) => {
    const token = tokenOf(event);
    if (token) showTip(token);
  });
  list.addEventListener("mouseout", (event) => {
    if (!tokenOf(event)) return;
    if (focused() && !hushed) showTip(focused());
    else hideTip();
  });
  list.addEventListener("focusin", (event) => {
    const token = tokenOf(event);
    if (token) showTip(token);
  });
  list.addEventListener("focusout", hideTip);
  window.addEventListener("scroll", () => {
    const token = hushed ? null : atHand();
    if (token) showTip(token);
    else hideTip();
  }, { passive: true });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    hideTip();
    hushed = true;
  });

  // A text is one stop of the Tab key; the arrow keys walk its words
  function moveTo(token, from) {
    const long = token.closest(".skattn-long:not(.skattn-open)");
    if (long && token.closest(".skattn-cut")) toggle(long, true);
    from.tabIndex = -1;
    token.tabIndex = 0;
    token.focus();
  }
  list.addEventListener("keydown", (event) => {
    const token = tokenOf(event);
    if (!token || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const { tokens } = facts(token.closest(".skattn-card"));
    const place = tokens.indexOf(token);
    const rightward = getComputedStyle(token.closest(".skattn-text")).direction === "rtl" ? -1 : 1;
    const goal = {
      ArrowRight: place + rightward, ArrowLeft: place - rightward, Home: 0, End: tokens.length - 1,
    }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    if (tokens[goal]) moveTo(tokens[goal], token);
  });
  list.addEventListener("click", (event) => {
    const token = tokenOf(event);
    if (token) {
      moveTo(token, token.closest(".skattn-text").querySelector('.skattn-t[tabindex="0"]') || token);
    } else if (event.target.closest(".skattn-more")) {
      const long = event.target.closest(".skattn-long");
      toggle(long, !long.classList.contains("skattn-open"));
      unfolded = unfolded.filter((other) => other !== long);
      folded.add(long); // from now on the reader decides
    }
  });
  function toggle(long, open) {
    const button = long.querySelector(".skattn-more");
    const inside = !open && focused() && long.contains(focused()) && focused().closest(".skattn-cut");
    long.classList.toggle("skattn-open", open);
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? "Show less" : button.dataset.label;
    if (inside) button.focus();
    if (!open) stopInSight(long);
  }
  // The Tab key cannot reach a word that is folded away
  function stopInSight(long) {
    const stop = long.querySelector('.skattn-cut .skattn-t[tabindex="0"]');
    const seen = stop && facts(long).tokens.find((token) => !token.closest(".skattn-cut"));
    if (!seen) return;
    stop.tabIndex = -1;
    seen.tabIndex = 0;
  }
  list.querySelectorAll(".skattn-long").forEach(stopInSight);

  // Filters, order, class and view
  const orders = {
    given: (a, b) => a.dataset.i - b.dataset.i,
    unsure: (a, b) => a.dataset.sure - b.dataset.sure || a.dataset.i - b.dataset.i,
    sure: (a, b) => b.dataset.sure - a.dataset.sure || a.dataset.i - b.dataset.i,
  };
  let chosen = null; // a word chosen by its button: parts of other words do not count
  let order = "given";
  let looked = "";
  let marked = [];
  function apply() {
    const now = wanted();
    const word = chosen !== null ? chosen : (now.word || "").trim();
    whole = chosen !== null && cards.some((card) => facts(card).tokens.some((token) => isWord(token, word)));
    let visible = 0;
    for (const card of cards) {
      const keep = ["pred", "true", "right"].every((name) => !now[name] || now[name] === card.dataset[name])
        && (!word || holds(card, word));
      card.hidden = !keep;
      visible += keep;
    }
    if (now.view) root.dataset.view = now.view;
    const looks = view() + "|" + (now.lens || "");
    if (looks !== looked) cards.forEach((card) => { card.skattnLens = undefined; });
    looked = looks;
    for (const card of cards) if (!card.hidden && card.skattnLens === undefined) look(card, now.lens || "");
    mark(word);
    if (now.order !== order) {
      order = now.order;
      cards.slice().sort(orders[order]).forEach((card) => list.appendChild(card));
    }
    hideTip();
    root.querySelector(".skattn-none").hidden = visible > 0;
    const texts = cards.length === 1 ? " text" : " texts";
    count.textContent = (visible === cards.length && visible > 1 ? "All " + visible : visible + " of " + cards.length) + texts;
  }
  let whole = false; // false for a word that overlaps others, since the page shows it in pieces
  const asRead = root.dataset.cased ? composed : plain; // as the counts of the word buttons
  const isWord = (token, word) => asRead(token.textContent) === asRead(word);
  function holds(card, word) {
    const { tokens, text } = facts(card);
    return whole ? tokens.some((token) => isWord(token, word)) : text.includes(plain(word));
  }
  function mark(word) {
    marked.forEach((token) => token.removeAttribute("data-found"));
    marked = [];
    if (word !== foldedFor) folded = new Set();
    foldedFor = word;
    if (!word) return unfold(new Set());
    for (const card of cards) {
      if (card.hidden) continue;
      marked.push(...(whole ? facts(card).tokens.filter((token) => isWord(token, word)) : touched(card, plain(word))));
    }
    marked.forEach((token) => token.setAttribute("data-found", ""));
    const holding = new Set(marked.filter((token) => token.closest(".skattn-cut")).map((token) => token.closest(".skattn-long")));
    folded.forEach((long) => holding.delete(long));
    unfold(holding);
  }
  // The tokens that a string touches wherever it stands in the text, signs and spaces included
  function touched(card, string) {
    const { tokens } = facts(card);
    const { text, bounds } = places(card);
    const found = [];
    let next = 0;
    for (let at = text.indexOf(string); at >= 0; at = text.indexOf(string, at + 1)) {
      while (next < tokens.length && bounds[next][1] <= at) next += 1;
      for (; next < tokens.length && bounds[next][0] < at + string.length; next += 1) found.push(tokens[next]);
    }
    return found;
  }
  function places(card) {
    const known = facts(card);
    if (known.places) return known.places;
    const own = card.querySelector(".skattn-text:not(.skattn-blank)");
    const walker = own ? document.createTreeWalker(own, NodeFilter.SHOW_TEXT) : { nextNode: () => null };
    const bounds = [];
    let text = "";
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentNode.className === "skattn-gap") continue;
      const start = text.length;
      text += plain(node.data);
      if (node.parentNode.skattnPlace !== undefined) bounds[node.parentNode.skattnPlace] = [start, text.length];
    }
    known.places = { text, bounds };
    return known.places;
  }
  // Long texts are open while a word is marked in what is folded away
  let unfolded = [];
  let folded = new Set(); // by the reader, since the word was chosen
  let foldedFor = "";
  function unfold(holding) {
    unfolded.filter((long) => !holding.has(long)).forEach((long) => toggle(long, false));
    unfolded = unfolded.filter((long) => holding.has(long));
    for (const long of holding) {
      if (long.classList.contains("skattn-open")) continue;
      toggle(long, true);
      unfolded.push(long);
    }
  }
  let waiting = 0;
  form.addEventListener("change", apply);
  form.addEventListener("input", (event) => {
    if (event.target.name !== "word") return;
    chosen = null;
    clearTimeout(waiting);
    waiting = setTimeout(apply, 150);
  });
  form.addEventListener("reset", () => { chosen = null; setTimeout(apply); });
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
  root.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest(".skattn-word, .skattn-cell");
    if (!button) return;
    for (const name of FILTERS) {
      if (form.elements[name]) form.elements[name].value = button.dataset[name] || "";
    }
    chosen = button.dataset.word === undefined ? null : button.dataset.word;
    apply();
    form.scrollIntoView({ block: "start" });
  });
  apply();
})();
