// The frames of a run's film, as `aeviz.training.film` writes them, and what lies between two.

// One frame from its bytes: a header, and arrays behind it.
function readFrame(buffer, at, length) {
  const view = new DataView(buffer, at, length);
  const size = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, at + 4, size)));
  const frame = { ...header };
  for (const { name, dtype, shape, offset } of header.arrays) {
    const count = shape.reduce((a, b) => a * b, 1);
    const start = 4 + size + offset;
    frame[`${name}Shape`] = shape;
    if (dtype === "uint8") {
      frame[name] = new Uint8Array(buffer, at + start, count);
      continue;
    }
    const [left, right, bottom, top] = header.box;
    frame.points = new Float32Array(count);
    for (let k = 0; k < count; k += 2) {
      frame.points[k] = left + (view.getUint16(start + 2 * k, true) / 65535) * (right - left);
      frame.points[k + 1] =
        bottom + (view.getUint16(start + 2 * k + 2, true) / 65535) * (top - bottom);
    }
  }
  return frame;
}

// Where a step stands on the slider: each doubling of the steps is as long.
const along = (step) => Math.log2(1 + step);

const OUTSIDE = 0.01; // so many of the codes on each side may lie outside the window
const MARGIN = 1.3; // of the window around the others
const MEMORY = 4; // it holds what was seen since a quarter of the steps

// What a frame's map shows by itself: left, right, bottom, top.
function windowOf({ points, equal }) {
  const [x0, x1, y0, y1] = [0, 1].flatMap((axis) => {
    const values = Float32Array.from({ length: points.length / 2 }, (_, k) => points[2 * k + axis]);
    values.sort();
    const at = (share) => values[Math.round(share * (values.length - 1))];
    return [at(OUTSIDE), at(1 - OUTSIDE)];
  });
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  let [wide, high] = [(MARGIN * (x1 - x0)) / 2 || 1e-6, (MARGIN * (y1 - y0)) / 2 || 1e-6];
  if (equal) wide = high = Math.max(wide, high);
  return [x - wide, x + wide, y - high, y + high];
}

class Film {
  constructor(address) {
    this.address = address;
    this.frames = [];
    this.ended = false;
    this.trouble = "";
  }

  get last() {
    return this.frames.at(-1);
  }

  // Fetch what is new. A run that goes on from an earlier state has other frames after it.
  async fetch() {
    const after = this.last?.step ?? -1;
    const response = await fetch(`${this.address}?after=${after}`);
    if (!response.ok) throw new Error((await response.text()) || "The film did not load.");
    this.take(await response.arrayBuffer());
  }

  take(buffer) {
    const view = new DataView(buffer);
    const told = view.getUint32(0, true);
    const said = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, told)));
    const known = new Set(said.steps);
    this.frames = this.frames.filter(({ step }) => known.has(step));
    for (let at = 4 + told; at < buffer.byteLength; ) {
      const length = view.getUint32(at, true);
      // A copy: arrays of the frame begin where they may, and the answer is let go.
      this.frames.push(readFrame(buffer.slice(at + 4, at + 4 + length), 0, length));
      at += 4 + length;
    }
    this.frames.sort((a, b) => a.step - b.step);
    this.lay();
    this.more = said.more;
    this.ended = said.ended;
    return said;
  }

  // What the map shows at each frame: it grows, and forgets slowly how a run burst at its start.
  lay() {
    let from = 0;
    this.frames.forEach((frame, k) => {
      frame.own ??= windowOf(frame);
      while (this.frames[from].step < frame.step / MEMORY) from++;
      const some = this.frames.slice(from, k + 1).map(({ own }) => own);
      const [x0, y0] = [0, 2].map((side) => Math.min(...some.map((own) => own[side])));
      const [x1, y1] = [1, 3].map((side) => Math.max(...some.map((own) => own[side])));
      let [wide, high] = [(x1 - x0) / 2, (y1 - y0) / 2];
      if (frame.equal) wide = high = Math.max(wide, high);
      const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
      frame.window = [x - wide, x + wide, y - high, y + high];
    });
  }

  // The frames around a position, and the share of the second one.
  around(position) {
    const { frames } = this;
    let low = 0;
    let high = frames.length - 1;
    if (position >= along(frames[high].step)) return [frames[high], frames[high], 0];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (along(frames[middle].step) <= position) low = middle;
      else high = middle;
    }
    const [a, b] = [frames[low], frames[high]];
    const span = along(b.step) - along(a.step);
    const share = span > 0 ? Math.min(Math.max((position - along(a.step)) / span, 0), 1) : 0;
    return [a, b, share];
  }
}
