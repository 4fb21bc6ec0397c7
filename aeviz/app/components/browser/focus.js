// The keyboard stays where it was used: when what has the focus goes away or can be used no more, as
// a button does that was pressed, the next part of the page that is still there around it has it.
if (!window.aevizFocus) {
  const SOON_MS = 60; // a part that is only drawn anew has taken the focus back by then
  let held = null; // what has the focus, and all that it is in, from inside to outside
  let due = null;
  document.addEventListener("focusin", ({ target }) => {
    held = target.closest("[data-testid=stMain]") ? [target] : null;
    for (let part = target.parentElement; held && part; part = part.parentElement) held.push(part);
  });
  document.addEventListener("pointerdown", () => (held = null), true);
  const look = () => {
    due = null;
    if (!held || document.activeElement !== document.body) return;
    const [own, ...around] = held;
    if (own.isConnected && !own.disabled) return; // left on purpose
    const place = around.find((part) => part.isConnected && part.matches("[data-testid=stMain] *"));
    held = null;
    if (!place) return;
    place.tabIndex = -1;
    place.focus({ preventScroll: true });
  };
  window.aevizFocus = () => {
    if (held) due ??= setTimeout(look, SOON_MS);
  };
  const watched = { childList: true, subtree: true, attributeFilter: ["disabled"] };
  new MutationObserver(window.aevizFocus).observe(document.body, watched);
}
