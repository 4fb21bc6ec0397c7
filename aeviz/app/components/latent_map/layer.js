// A layer under the dots: shades, what a classifier sees, or ellipses, and a legend that says what
// its colours mean. It is drawn once for what the server sent; each picture only copies it.

const TONES = {
  density: { light: [24, 78, 128], dark: [150, 200, 245] },
  trip: { light: [164, 66, 12], dark: [255, 160, 92] },
  nearest: { light: [164, 66, 12], dark: [255, 160, 92] },
};
const DEEPEST = 0.85; // share of the tone in the darkest shade
const TINT = 0.62; // share of a class's colour where the classifier is certain
const LINE = 0.85; // share of the ink in a line
const AROUND = 0.5; // of a view, drawn with ellipses beyond each of its edges
const LEGEND = { width: 132, height: 10 }; // px

const readBytes = (response) => response.arrayBuffer();

class Layer {
  constructor(canvas, legend) {
    Object.assign(this, { canvas, legend, context: canvas.getContext("2d"), sheets: [] });
    this.onready = () => {};
    this.onfail = () => {};
  }

  // What the server sent: `layer` as in latent_map(), or null.
  lay({ layer, colours, paper, light, classes }) {
    Object.assign(this, { layer, colours, paper, light, classes });
    this.clear();
    this.canvas.hidden = this.legend.hidden = !layer;
    this.legend.parentElement.dataset.layer = layer?.kind ?? "";
    if (!layer) return;
    this.ink = light ? [38, 38, 44] : [236, 236, 232];
    this.canvas.setAttribute("aria-label", `Under the dots: ${layer.title}`);
    this.explain();
    const still = (use) => (found) => {
      if (this.layer !== layer) return;
      use(found);
      this.onready();
    };
    layer.rasters.forEach(({ url, window }, k) =>
      download(url, readBitmap).then(
        still((bitmap) => (this.sheets[k] = { canvas: this.inked(bitmap), window })),
        this.onfail,
      ),
    );
    if (layer.ellipses)
      download(layer.ellipses, readBytes).then(
        still((buffer) => (this.ellipses = new Float32Array(buffer))),
        this.onfail,
      );
  }

  clear() {
    this.sheets = [];
    this.ellipses = null;
    delete this.canvas.dataset.drawn;
  }

  // Red is a shade or a class, green how sure a class is, blue a line.
  inked(bitmap) {
    const canvas = scratchCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    const image = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const { data } = image;
    const colours = new Map(); // few, for many pixels
    for (let k = 0; k < data.length; k += 4) {
      const known = (data[k] << 8) | data[k + 1];
      if (!colours.has(known)) colours.set(known, this.colour(data[k], data[k + 1] / 255));
      const [colour, line] = [colours.get(known), LINE * (data[k + 2] / 255)];
      for (let c = 0; c < 3; c++) data[k + c] = colour[c] + line * (this.ink[c] - colour[c]);
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  colour(red, sure) {
    return this.layer.kind === "seen" ? this.verdict(red, sure) : this.shade(red / 255);
  }

  shade(level) {
    return mix(this.paper, TONES[this.layer.kind][this.light ? "light" : "dark"], DEEPEST * level);
  }

  verdict(label, sure) {
    return mix(this.paper, this.colours[label % this.colours.length], TINT * sure);
  }

  // Put it onto the canvas for a view.
  draw(view, width, height) {
    if (!this.layer) return;
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h)
      Object.assign(this.canvas, { width: w, height: h });
    this.context.clearRect(0, 0, w, h);
    if (this.ellipses && !this.sheets.length) this.settle(view, width, height);
    const [x0, x1, y0, y1] = view;
    const [across, up] = [w / (x1 - x0), h / (y1 - y0)];
    this.context.imageSmoothingQuality = "high";
    for (const sheet of this.sheets) {
      if (!sheet) continue; // not there yet
      const [u0, u1, v0, v1] = sheet.window;
      const box = [(u0 - x0) * across, (y1 - v1) * up, (u1 - u0) * across, (v1 - v0) * up];
      this.context.drawImage(sheet.canvas, ...box);
      this.canvas.dataset.drawn = this.layer.kind;
    }
  }

  // A view at rest: ellipses are lines, which are drawn anew for it, and a little beyond it.
  settle([x0, x1, y0, y1], width, height) {
    if (!this.ellipses) return;
    const [dx, dy] = [AROUND * (x1 - x0), AROUND * (y1 - y0)];
    const window = [x0 - dx, x1 + dx, y0 - dy, y1 + dy];
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    const canvas = scratchCanvas(
      Math.round(width * ratio * (1 + 2 * AROUND)),
      Math.round(height * ratio * (1 + 2 * AROUND)),
    );
    const context = canvas.getContext("2d");
    const [across, up] = [(width * ratio) / (x1 - x0), (height * ratio) / (y1 - y0)];
    const all = this.ellipses;
    for (let k = 0; k < all.length; k += 7) {
      const [x, y, a, b, c, d, label] = all.subarray(k, k + 7); // of [[a, b], [c, d]]
      const colour = this.colours[label % this.colours.length];
      const own = mix(colour, this.light ? [0, 0, 0] : [255, 255, 255], 0.25);
      context.setTransform(a * across, -c * up, b * across, -d * up, (x - window[0]) * across, (window[3] - y) * up);
      context.beginPath();
      context.arc(0, 0, 1, 0, 2 * Math.PI);
      context.setTransform(1, 0, 0, 1, 0, 0); // so that the line is as wide on all sides
      context.fillStyle = `rgb(${colour} / 25%)`.replaceAll(",", " ");
      context.fill();
      context.strokeStyle = `rgb(${own})`;
      context.lineWidth = 1.25 * ratio;
      context.stroke();
    }
    this.sheets = [{ canvas, window }];
  }

  // What its colours mean, in words and as a scale.
  explain() {
    const { kind, title, ticks, line } = this.layer;
    const part = (name) => this.legend.querySelector(`[data-part="legend-${name}"]`);
    part("title").textContent = title;
    part("line").textContent = line;
    part("line").hidden = !line;
    part("classes").hidden = kind !== "seen" && kind !== "posteriors";
    part("classes").replaceChildren(
      ...this.classes.map((name, label) => {
        const chip = make("span", {});
        chip.textContent = name;
        chip.style.setProperty("--own", `rgb(${this.colours[label % this.colours.length]})`);
        return chip;
      }),
    );
    const scale = part("scale");
    scale.hidden = part("ticks").hidden = !ticks.length;
    if (!ticks.length) return;
    part("ticks").replaceChildren(
      ...ticks.map((text) => Object.assign(make("span", {}), { textContent: text })),
    );
    const { width, height } = LEGEND;
    Object.assign(scale, { width, height });
    const context = scale.getContext("2d");
    for (let x = 0; x < width; x++) {
      const level = x / (width - 1);
      const some = this.colours[3 % this.colours.length];
      const colour = kind === "seen" ? mix(this.paper, some, TINT * (1 - level)) : this.shade(level);
      context.fillStyle = `rgb(${colour.map(Math.round)})`;
      context.fillRect(x, 0, 1, height);
    }
  }
}
