// Plotly takes every touch for a drag and so keeps the page from scrolling. It does not get to see
// a single finger, unless a person chose lasso or box; a tap still reaches it, as a click. Two
// fingers are left to what has a use for them: scenes in space, and maps that say so.
if (!window.aevizTouch) {
  window.aevizTouch = (event) => {
    const plot = event.composedPath().find((one) => one.classList?.contains("js-plotly-plot"));
    if (!plot || ["lasso", "select"].includes(plot._fullLayout?.dragmode)) return;
    const two = plot.dataset.twoFingers || plot._fullLayout?._has("gl3d");
    if (event.touches.length < 2 || !two) event.stopPropagation();
  };
  for (const kind of ["touchstart", "touchmove"])
    document.addEventListener(kind, window.aevizTouch, { capture: true, passive: true });
}
