// Escape closes the sentence of a term, however it was opened: by the keyboard's focus, by the
// mouse that rests on it, by a tap. It opens again once both have left, or with another one. That
// is kept at the root of the page and not at the term, which Streamlit may draw anew under the
// mouse.
if (!window.aevizTerms) {
  const root = document.documentElement;
  const asked = () =>
    [...document.querySelectorAll(".aeviz-term:hover, .aeviz-term:focus")]
      .map((term) => term.textContent)
      .join();
  let told = "";
  window.aevizTerms = (event) => {
    if (event.key !== "Escape") return;
    told = asked();
    root.classList.toggle("aeviz-told", Boolean(told));
  };
  const left = () => {
    if (told && asked() !== told) root.classList.remove("aeviz-told");
  };
  document.addEventListener("keydown", window.aevizTerms);
  document.addEventListener("pointermove", left);
  document.addEventListener("focusout", left);
}
