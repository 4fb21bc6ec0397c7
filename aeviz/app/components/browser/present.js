// Escape ends Present, as its toggle does. Not where Escape closes something else first.
if (!window.aevizPresent) {
  window.aevizPresent = (event) => {
    const toggle = document.querySelector(".st-key-switch-present input:checked");
    if (event.key === "Escape" && !event.defaultPrevented && toggle) toggle.click();
  };
  document.addEventListener("keydown", window.aevizPresent);
}
