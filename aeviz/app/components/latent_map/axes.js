// The axes of a map that Plotly has not drawn yet, as it will draw them: what the map needs of them.

function axesOf(plot, { window, view, equal }) {
  const [x0, x1, y0, y1] = view ?? window;
  const [width, height] = [plot.clientWidth, plot.clientHeight];
  let [across, up] = [width / (x1 - x0), height / (y1 - y0)];
  if (equal) across = up = Math.min(across, up); // the other axis shows more
  const axis = (middle, length, scale, p2d, d2p) => {
    const half = length / scale / 2;
    const range = [middle - half, middle + half];
    return { range, _length: length, _offset: 0, p2d: p2d(range, scale), d2p: d2p(range, scale) };
  };
  return [
    axis(
      (x0 + x1) / 2,
      width,
      across,
      ([low], scale) => (pixel) => low + pixel / scale,
      ([low], scale) => (value) => (value - low) * scale,
    ),
    axis(
      (y0 + y1) / 2,
      height,
      up,
      ([, high], scale) => (pixel) => high - pixel / scale,
      ([, high], scale) => (value) => (high - value) * scale,
    ),
  ];
}
