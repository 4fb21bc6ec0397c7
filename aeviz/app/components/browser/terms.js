// Escape closes the sentence of a term, however it was opened: by the keyboard's focus, by the
// mouse that rests on it, by a tap. It opens again once both have left.
if (!window.aevizTerms) {
  window.aevizTerms = (event) => {
    if (event.key !== "Escape") return;
    for (const term of document.querySelectorAll(".aeviz-term:hover, .aeviz-term:focus")) {
      const sentence = term.querySelector('[role="tooltip"]');
      sentence.style.display = "none";
      for (const left of ["mouseleave", "blur"])
        term.addEventListener(left, () => sentence.style.removeProperty("display"), { once: true });
    }
  };
  document.addEventListener("keydown", window.aevizTerms);
}
