// A pad to draw on. What is drawn, or a real digit, is given on as grey values, white on black.

const SIDE = 280; // of the pad, in its own pixels
const SENT = 112; // of what is given on
const PEN = 22;
const PARTS = 255; // of its side, in which lines are given on

class Pad {
  constructor(canvas, changed) {
    Object.assign(canvas, { width: SIDE, height: SIDE });
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.changed = changed;
    this.empty = true;
    this.lines = []; // of one's own, each x, y, x, y ... in its own pixels
    this.listen();
  }

  ink() {
    return getComputedStyle(this.canvas).color;
  }

  clear() {
    this.context.clearRect(0, 0, SIDE, SIDE);
    this.empty = true;
    this.lines = [];
  }

  // A canvas of ink, as it is kept: another theme has another ink.
  inked(draw) {
    this.clear();
    draw(this.context);
    this.context.globalCompositeOperation = "source-in";
    this.context.fillStyle = this.ink();
    this.context.fillRect(0, 0, SIDE, SIDE);
    this.context.globalCompositeOperation = "source-over";
    this.empty = false;
  }

  // Grey values (height * width) that one did not draw: a real digit, or what the server kept.
  show(grey, height, width) {
    const small = scratchCanvas(width, height);
    const image = new ImageData(width, height);
    for (let k = 0; k < grey.length; k++) image.data[4 * k + 3] = grey[k];
    small.getContext("2d").putImageData(image, 0, 0);
    this.inked((context) => {
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, SIDE, SIDE);
    });
    this.shown = true; // the next stroke starts a drawing of one's own
  }

  // Lines that were drawn before: the next stroke goes on with them.
  draw(lines) {
    this.clear();
    this.shown = false;
    for (const parts of lines) {
      const line = parts.map((value) => (value * SIDE) / PARTS);
      this.lines.push(line);
      for (let k = 0; k < line.length; k += 2)
        this.stroke(line.slice(Math.max(k - 2, 0), Math.max(k, 2)), line.slice(k, k + 2));
    }
  }

  parts() {
    return this.lines.map((line) => line.map((value) => Math.round((value * PARTS) / SIDE)));
  }

  stroke(from, to) {
    const { context } = this;
    Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round" });
    context.strokeStyle = this.ink();
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    this.empty = false;
  }

  // As base64 of SENT x SENT grey values.
  grey() {
    const small = scratchCanvas(SENT, SENT);
    const context = small.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(this.canvas, 0, 0, SENT, SENT);
    const rgba = context.getImageData(0, 0, SENT, SENT).data;
    let text = "";
    for (let k = 3; k < rgba.length; k += 4) text += String.fromCharCode(rgba[k]);
    return btoa(text);
  }

  listen() {
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const scale = SIDE / box.width;
      return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    };
    let from = null;
    const line = (to) => {
      this.stroke(from, to);
      this.lines.at(-1).push(...to);
      from = to;
      this.changed();
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      if (this.shown) this.clear();
      this.shown = false;
      this.canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
      from = at(event);
      this.lines.push([]);
      line(from);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      const every = event.getCoalescedEvents?.() ?? [];
      for (const one of every.length ? every : [event]) line(at(one));
    });
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"])
      this.canvas.addEventListener(kind, () => (from = null));
  }
}
