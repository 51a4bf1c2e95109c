(function () {
  "use strict";
  const root = document.querySelector(".skattn");
  const list = root.querySelector(".skattn-cards");
  const cards = Array.from(list.querySelectorAll(".skattn-card"));
  const tip = root.querySelector(".skattn-tip");
  const form = root.querySelector(".skattn-tools form");
  const count = root.querySelector(".skattn-count");
  let shown = null;
  root.classList.add("skattn-live");

  // The weight of the word at hand: one listener each for the whole page.
  function showTip(token) {
    hideTip();
    shown = token;
    const total = token.closest(".skattn-card").dataset.n;
    tip.replaceChildren(document.createElement("b"), document.createElement("span"));
    tip.firstChild.textContent = token.dataset.w;
    tip.lastChild.textContent = "of the attention, rank " + token.dataset.r + " of " + total;
    tip.hidden = false;
    token.setAttribute("aria-describedby", "skattn-tip");
    const box = token.getClientRects()[0];
    const left = box.left + box.width / 2 - tip.offsetWidth / 2;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const above = box.top - tip.offsetHeight - 8;
    tip.style.left = Math.max(8, Math.min(left, room)) + "px";
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
    if (focused()) showTip(focused());
    else hideTip();
  });
  list.addEventListener("focusin", (event) => {
    const token = tokenOf(event);
    if (!token) return;
    const long = token.closest(".skattn-long:not(.skattn-open)");
    if (long && isCut(token, long.querySelector(".skattn-text"))) toggle(long, true);
    showTip(token);
  });
  list.addEventListener("focusout", hideTip);
  window.addEventListener("scroll", () => (atHand() ? showTip(atHand()) : hideTip()), { passive: true });

  // A text is one stop of the Tab key; the arrow keys walk its words.
  function moveTo(token, from) {
    from.tabIndex = -1;
    token.tabIndex = 0;
    token.focus();
  }
  list.addEventListener("keydown", (event) => {
    const token = tokenOf(event);
    if (!token) return;
    if (event.key === "Escape") return hideTip();
    const tokens = Array.from(token.closest(".skattn-text").querySelectorAll(".skattn-t"));
    const place = tokens.indexOf(token);
    const goal = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tokens.length - 1 }[event.key];
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
    }
  });
  function isCut(token, text) {
    const box = text.getBoundingClientRect();
    return token.getBoundingClientRect().bottom > box.top + box.height * 0.75;
  }
  function toggle(long, open) {
    const button = long.querySelector(".skattn-more");
    long.classList.toggle("skattn-open", open);
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? "Show less" : button.dataset.label;
  }

  // Filters and order
  const orders = {
    given: (a, b) => a.dataset.i - b.dataset.i,
    unsure: (a, b) => a.dataset.sure - b.dataset.sure || a.dataset.i - b.dataset.i,
    sure: (a, b) => b.dataset.sure - a.dataset.sure || a.dataset.i - b.dataset.i,
  };
  let order = "given";
  function apply() {
    const wanted = Object.fromEntries(new FormData(form));
    let visible = 0;
    for (const card of cards) {
      const keep = ["pred", "true", "right"].every((name) => !wanted[name] || wanted[name] === card.dataset[name]);
      card.hidden = !keep;
      visible += keep;
    }
    if (wanted.order !== order) {
      order = wanted.order;
      cards.slice().sort(orders[order]).forEach((card) => list.appendChild(card));
    }
    hideTip();
    root.querySelector(".skattn-none").hidden = visible > 0;
    count.textContent = visible === cards.length ? "All " + visible + " texts" : visible + " of " + cards.length + " texts";
  }
  form.addEventListener("change", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
