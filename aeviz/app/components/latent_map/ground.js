// The ground of the map: tiles of decoded images, inked by the classes of the nearest codes, pale
// where none is near. They are drawn anew for each view; until that is done the ones before lie
// there, larger or smaller.

const TILE = 22; // px at least
const NEIGHBOURS = 25; // nearest codes that say whose a tile is
const PALE = 1.6; // tiles away from every code
const SLICE_MS = 10; // of a frame, for tiles
const PLAIN = 0.5; // of the ink of plain tiles
const SPARE = 3; // tiles beyond each edge of the view

// Keys 1981, eq. 15 with a = -1/2: weights of the four nodes around a place t of the way on.
const cubicWeights = (t) => [
  (((2 - t) * t - 1) * t) / 2,
  ((3 * t - 5) * t * t + 2) / 2,
  (((4 - 3 * t) * t + 1) * t) / 2,
  ((t - 1) * t * t) / 2,
];

// Cubic mix of the sixteen images around a place, into `mixed`; planes.Atlas.blend does the same.
function blend({ grid: { size, tiles }, window: [x0, x1, y0, y1] }, x, y, mixed) {
  const last = size - 1;
  const column = ((x - x0) / (x1 - x0)) * last;
  const row = ((y1 - y) / (y1 - y0)) * last;
  const j = Math.min(Math.floor(column), last - 1);
  const i = Math.min(Math.floor(row), last - 1);
  const across = cubicWeights(column - j);
  const down = cubicWeights(row - i);
  const node = (k) => Math.min(Math.max(k, 0), last); // the border's own node stands in
  const pixels = mixed.length;
  mixed.fill(0);
  for (let p = 0; p < 4; p++)
    for (let q = 0; q < 4; q++) {
      const weight = down[p] * across[q];
      const start = (node(i + p - 1) * size + node(j + q - 1)) * pixels;
      for (let k = 0; k < pixels; k++) mixed[k] += weight * tiles[start + k];
    }
  return mixed;
}

const inside = ([x0, x1, y0, y1], x, y) => x >= x0 && x <= x1 && y >= y0 && y <= y1;

// The finest grid that covers a place; the first layer is the whole window.
function finest(layers, x, y) {
  const covering = layers.filter((one) => one.grid && inside(one.window, x, y));
  return covering[covering.length - 1];
}

const mix = (from, to, share) => from.map((value, c) => value + share * (to[c] - value));

class Ground {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.version = 0;
    this.sheet = null; // tiles that are done: { canvas, cell, column, row, columns, rows, version }
    this.job = null; // those that are being drawn
    this.onready = () => {};
  }

  // What lies on it. `layers` may get their grids later: see `changed`. Plain tiles are ink alone,
  // on whatever lies below.
  lay({ codes, layers, window, shape, colours, paper, light, plain }) {
    [this.height, this.width] = shape;
    const ink = light ? [150, 150, 150] : [95, 95, 95];
    this.strokes = colours.map((one) => (light ? mix(one, [0, 0, 0], 0.28) : mix(one, [255, 255, 255], 0.35)));
    Object.assign(this, { codes, layers, window, colours, paper, light, ink, plain });
    this.mixed = new Float32Array(this.height * this.width);
    this.image = new ImageData(this.width, this.height);
    this.changed();
  }

  // Draw all anew: another paper, another decoder, a finer grid.
  changed() {
    this.version++;
    this.job = null;
  }

  clear() {
    this.sheet = null;
    this.changed();
  }

  // Put what there is of a view onto the canvas, and see to what is missing.
  draw(view, width, height) {
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h)
      Object.assign(this.canvas, { width: w, height: h });
    this.context.clearRect(0, 0, w, h);
    if (!this.codes) return;
    this.want(view, width);
    if (!this.sheet) return;
    const { canvas, cell, column, row, columns, rows } = this.sheet;
    const [x0, x1, y0, y1] = view;
    const [across, up] = [w / (x1 - x0), h / (y1 - y0)];
    const left = (this.window[0] + column * cell - x0) * across;
    const top = (y1 - (this.window[3] - row * cell)) * up;
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(canvas, left, top, columns * cell * across, rows * cell * up);
  }

  // Tiles lie on a grid that begins at the window's upper left corner and is halved on the way in.
  want(view, width) {
    const [x0, x1, y0, y1] = view;
    const base = (this.window[1] - this.window[0]) / Math.max(Math.floor(width / TILE), 1);
    const cell = base / 2 ** Math.floor(Math.log2((base * width) / (x1 - x0) / TILE) + 1e-6);
    const column = Math.floor((x0 - this.window[0]) / cell);
    const row = Math.floor((this.window[3] - y1) / cell);
    const columns = Math.ceil((x1 - this.window[0]) / cell) - column;
    const rows = Math.ceil((this.window[3] - y0) / cell) - row;
    const covers = (one) =>
      one &&
      one.version === this.version &&
      Math.abs(one.cell / cell - 1) < 1e-6 &&
      one.column <= column &&
      one.row <= row &&
      one.column + one.columns >= column + columns &&
      one.row + one.rows >= row + rows;
    if (covers(this.sheet) || covers(this.job) || this.job) return;
    const job = {
      cell,
      base,
      column: column - SPARE,
      row: row - SPARE,
      columns: columns + 2 * SPARE,
      rows: rows + 2 * SPARE,
      version: this.version,
      next: 0,
    };
    // Those in view first.
    const beside = [];
    job.order = [];
    for (let k = 0; k < job.columns * job.rows; k++) {
      const [i, j] = [Math.floor(k / job.columns) - SPARE, (k % job.columns) - SPARE];
      (i >= 0 && j >= 0 && i < rows && j < columns ? job.order : beside).push(k);
    }
    job.inView = job.order.length;
    job.order.push(...beside);
    job.canvas = scratchCanvas(job.columns * this.width, job.rows * this.height);
    job.context = job.canvas.getContext("2d");
    job.known = this.keep(job);
    this.job = job;
    requestAnimationFrame(() => this.work(job));
  }

  // Tiles of the sheet before that are also in a new one: moved there, by their number.
  keep(job) {
    const old = this.sheet;
    if (!old?.done || old.version !== job.version || Math.abs(old.cell / job.cell - 1) > 1e-6)
      return () => false;
    const [j, i] = [old.column - job.column, old.row - job.row];
    job.context.drawImage(old.canvas, j * this.width, i * this.height);
    return (row, column) =>
      row >= i && row < i + old.rows && column >= j && column < j + old.columns;
  }

  work(job) {
    if (job !== this.job) return; // another version was asked for since
    const start = performance.now();
    const { order, columns, inView } = job;
    while (job.next < order.length && performance.now() - start < SLICE_MS) {
      const k = order[job.next++];
      const [row, column] = [Math.floor(k / columns), k % columns];
      if (!job.known(row, column)) this.tile(job, row, column);
    }
    job.done = job.next === order.length;
    if (job.done) this.job = null;
    else requestAnimationFrame(() => this.work(job));
    if (job.next < inView || (this.sheet === job && !job.done)) return;
    this.sheet = job;
    this.onready();
  }

  tile(job, row, column) {
    const x = this.window[0] + (job.column + column + 0.5) * job.cell;
    const y = this.window[3] - (job.row + row + 0.5) * job.cell;
    const near = this.codes.nearest(x, y, NEIGHBOURS);
    const clear = near.length ? near[0].distance / (PALE * job.base) : Infinity;
    const sure = Math.min(Math.max(1.25 - clear, 0), 1);
    const [colour, own] = [this.mixture(near, this.colours), this.mixture(near, this.strokes)];
    const ground = mix(this.paper, colour, (this.light ? 0.22 : 0.3) * sure);
    const stroke = mix(this.ink, own, sure);
    const layer = finest(this.layers, x, y);
    if (layer) blend(layer, x, y, this.mixed);
    else this.mixed.fill(0);
    const { data } = this.image;
    if (this.plain) {
      const dark = this.light ? 30 : 240;
      for (let k = 0; k < this.mixed.length; k++) {
        data[4 * k] = data[4 * k + 1] = data[4 * k + 2] = dark;
        data[4 * k + 3] = PLAIN * Math.min(Math.max(this.mixed[k], 0), 255);
      }
      job.context.putImageData(this.image, column * this.width, row * this.height);
      return;
    }
    const strength = (0.12 + 0.88 * sure) / 255;
    for (let k = 0; k < this.mixed.length; k++) {
      const share = Math.min(Math.max(this.mixed[k], 0), 255) * strength;
      for (let c = 0; c < 3; c++) data[4 * k + c] = ground[c] + share * (stroke[c] - ground[c]);
      data[4 * k + 3] = 255;
    }
    job.context.putImageData(this.image, column * this.width, row * this.height);
  }

  // The colours of the classes of some codes, those of the most of them above all.
  mixture(near, colours) {
    const counts = new Map();
    for (const { index } of near) {
      const label = this.codes.labels[index];
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    const found = [0, 0, 0];
    let all = 0;
    for (const [label, count] of counts) {
      const weight = count ** 1.5;
      all += weight;
      for (let c = 0; c < 3; c++) found[c] += weight * colours[label % colours.length][c];
    }
    return all ? found.map((value) => value / all) : this.ink;
  }
}
