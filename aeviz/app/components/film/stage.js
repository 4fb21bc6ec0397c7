// The map of a run: dots that glide, and below them the images that the decoder makes of the plane,
// inked by the class whose codes are near.

const DOT = 1.6; // px, radius
const REACH = 0.16; // of the map's width: so far from every code nothing is inked
const NAMES = 30; // px between names of classes

class Stage {
  constructor(root) {
    this.canvas = root.querySelector("canvas");
    this.names = root.querySelector(".names");
    this.scale = root.querySelector(".scale");
    this.title = root.querySelector("figcaption");
    this.context = this.canvas.getContext("2d");
    this.sheets = new WeakMap(); // frame -> its tiles as an image
  }

  lay({ labels, classes, colours }) {
    Object.assign(this, { labels, colours: colours.map(colourOf), css: colours });
    this.order = shuffled(labels.length);
    nameClasses(this.names, classes, colours);
    this.paths = [];
  }

  resize() {
    this.side = this.canvas.clientWidth;
    this.ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    const pixels = Math.round(this.side * this.ratio);
    if (pixels && this.canvas.width !== pixels)
      Object.assign(this.canvas, { width: pixels, height: pixels });
    return pixels > 0;
  }

  // A mix of two frames; worth: how much the tiles are worth, in [0, 1].
  draw(a, b, share, look, worth) {
    const { context, ratio, side } = this;
    const mix = (p, q) => p + share * (q - p);
    this.extent = a.window.map((value, k) => mix(value, b.window[k]));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = look.paper;
    context.fillRect(0, 0, side, side);
    context.imageSmoothingEnabled = true;
    this.tiles(a, worth * (1 - share), look);
    if (b !== a) this.tiles(b, worth * share, look);
    this.dots(a, b, mix);
    this.place();
    showScale(this.scale, (this.extent[1] - this.extent[0]) / this.side);
    if (this.probe) this.mark(look);
  }

  at(x, y) {
    const [left, right, bottom, top] = this.extent;
    return [
      ((x - left) / (right - left)) * this.side,
      ((top - y) / (top - bottom)) * this.side,
    ];
  }

  tiles(frame, opacity, look) {
    if (!frame.tiles || opacity < 0.02) return;
    const { context } = this;
    const [left, right, bottom, top] = frame.extent;
    const [x0, y0] = this.at(left, top);
    const [x1, y1] = this.at(right, bottom);
    context.globalAlpha = opacity;
    context.drawImage(this.sheet(frame, look), x0, y0, x1 - x0, y1 - y0);
    context.globalAlpha = 1;
  }

  // The tiles of a frame as an image that lets the paper through.
  sheet(frame, look) {
    const known = this.sheets.get(frame);
    if (known?.light === look.light) return known.image;
    const [height, width] = frame.tilesShape;
    const image = scratchCanvas(width, height);
    const context = image.getContext("2d");
    const pixels = context.createImageData(width, height);
    const near = this.near(frame);
    const { grid } = frame;
    const [h, w] = [height / grid, width / grid];
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const tile = Math.floor(row / h) * grid + Math.floor(column / w);
        const [r, g, b] = this.colours[near.label[tile] % this.colours.length];
        const at = 4 * (row * width + column);
        const deep = look.light ? 0.62 : 0.85;
        pixels.data[at] = r * deep + (look.light ? 0 : 38);
        pixels.data[at + 1] = g * deep + (look.light ? 0 : 38);
        pixels.data[at + 2] = b * deep + (look.light ? 0 : 38);
        const ink = frame.tiles[row * width + column] / 255;
        pixels.data[at + 3] = 255 * near.pale[tile] * (0.1 + 0.72 * ink);
      }
    context.putImageData(pixels, 0, 0);
    this.sheets.set(frame, { image, light: look.light });
    return image;
  }

  // For each tile the class of the nearest code, and how pale it is for its distance.
  near(frame) {
    const { grid, points } = frame;
    const [left, right, bottom, top] = frame.extent;
    const [wide, high] = [right - left, top - bottom];
    const label = new Uint8Array(grid * grid);
    const pale = new Float32Array(grid * grid);
    for (let row = 0; row < grid; row++)
      for (let column = 0; column < grid; column++) {
        const x = left + (wide * (column + 0.5)) / grid;
        const y = top - (high * (row + 0.5)) / grid;
        let best = Infinity;
        let found = 0;
        for (let k = 0; k < this.labels.length; k++) {
          const dx = (points[2 * k] - x) / wide;
          const dy = (points[2 * k + 1] - y) / high;
          const far = dx * dx + dy * dy;
          if (far < best) [best, found] = [far, k];
        }
        label[row * grid + column] = this.labels[found];
        pale[row * grid + column] = Math.max(1 - Math.sqrt(best) / REACH, 0.12);
      }
    return { label, pale };
  }

  dots(a, b, mix) {
    const { context, labels } = this;
    const [left, right, bottom, top] = this.extent;
    const [sx, sy] = [this.side / (right - left), this.side / (top - bottom)];
    const sums = this.css.map(() => [0, 0, 0]);
    context.globalAlpha = 0.72;
    for (let label = 0; label < this.css.length; label++) this.paths[label] = new Path2D();
    for (const k of this.order) {
      const x = (mix(a.points[2 * k], b.points[2 * k]) - left) * sx;
      const y = (top - mix(a.points[2 * k + 1], b.points[2 * k + 1])) * sy;
      const label = labels[k] % this.css.length;
      this.paths[label].rect(x - DOT, y - DOT, 2 * DOT, 2 * DOT);
      const sum = sums[label];
      sum[0] += x;
      sum[1] += y;
      sum[2] += 1;
    }
    this.paths.forEach((path, label) => {
      context.fillStyle = this.css[label];
      context.fill(path);
    });
    context.globalAlpha = 1;
    this.middles = sums.map(([x, y, n]) => (n ? { left: x / n, top: y / n } : null));
  }

  place() {
    const spots = this.middles.filter(Boolean);
    pushApart(spots, NAMES);
    let k = 0;
    [...this.names.children].forEach((name, label) => {
      name.hidden = !this.middles[label];
      if (!this.middles[label]) return;
      const { left, top } = spots[k++];
      name.style.transform = `translate(-50%, -50%) translate(${left}px, ${top}px)`;
    });
  }

  // -- the probe ---------------------------------------------------------------------------------

  mark({ accent, paper }) {
    const { context } = this;
    const [x, y] = this.probe.map((part) => part * this.side);
    for (const [width, stroke] of [[7, paper], [3, accent]]) {
      Object.assign(context, { lineWidth: width, strokeStyle: stroke });
      context.beginPath();
      context.arc(x, y, 13, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  // What the decoder makes of the probe's place: a blend of the four tiles around it, or null.
  decoded(frame) {
    if (!frame.tiles || !this.probe) return null;
    const [left, right, bottom, top] = this.extent;
    const x = left + this.probe[0] * (right - left);
    const y = top - this.probe[1] * (top - bottom);
    const [l, r, b, t] = frame.extent;
    const { grid } = frame;
    const [height, width] = frame.tilesShape;
    const [h, w] = [height / grid, width / grid];
    const column = Math.min(Math.max(((x - l) / (r - l)) * grid - 0.5, 0), grid - 1);
    const row = Math.min(Math.max(((t - y) / (t - b)) * grid - 0.5, 0), grid - 1);
    const [c0, r0] = [Math.min(Math.floor(column), grid - 2), Math.min(Math.floor(row), grid - 2)];
    const [fx, fy] = [column - c0, row - r0];
    const image = new Float32Array(h * w);
    for (const [dr, dc, weight] of [
      [0, 0, (1 - fx) * (1 - fy)],
      [0, 1, fx * (1 - fy)],
      [1, 0, (1 - fx) * fy],
      [1, 1, fx * fy],
    ])
      for (let i = 0; i < h; i++)
        for (let j = 0; j < w; j++)
          image[i * w + j] += weight * frame.tiles[((r0 + dr) * h + i) * width + (c0 + dc) * w + j];
    return { image, height: h, width: w };
  }
}
