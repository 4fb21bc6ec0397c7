// What is wider than its room scrolls within itself: by keyboard too, in browsers that leave that to
// the page.
if (!window.aevizScrolling) {
  const PARTS = [
    ".katex-display", "[data-testid=stMarkdownContainer] pre", "[data-testid=stCode] pre",
    ".st-key-compare-classes", ".st-key-hole-shares", ".st-key-few-labels .stTable",
  ].join();
  let due = null;
  const more = (part) =>
    part.toggleAttribute("data-more", part.scrollLeft + part.clientWidth < part.scrollWidth - 2);
  document.addEventListener(
    "scroll",
    ({ target }) => {
      if (target.matches?.(PARTS)) more(target);
    },
    { capture: true, passive: true },
  );
  const look = () => {
    due = null;
    for (const part of document.querySelectorAll(PARTS)) {
      const scrolls = part.scrollWidth > part.clientWidth + 1;
      if (scrolls && !part.hasAttribute("tabindex")) part.tabIndex = 0;
      if (!scrolls) part.removeAttribute("tabindex");
      more(part);
    }
  };
  window.aevizScrolling = () => {
    due ??= setTimeout(look, 400);
  };
  new MutationObserver(window.aevizScrolling).observe(document.body, { childList: true, subtree: true });
  addEventListener("resize", window.aevizScrolling);
  document.fonts.addEventListener("loadingdone", window.aevizScrolling); // formulas get their width
  window.aevizScrolling();
}
