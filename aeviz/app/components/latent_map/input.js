// One's own image on the map: the pad, where it is encoded, and what comes back of it.

const PATIENCE_MS = 4000; // an answer that is not there by then was lost
const MOST_BYTES = 2 ** 20; // of a file that is no image
const PHOTO = 640; // px of its longer side, as it is given on

class Input {
  constructor(map) {
    this.map = map;
    this.number = 0; // of the newest image that was given on
    this.waiting = null; // that of the one that is under way: one at a time
    this.pad = new Pad(map.part("pad"), () => this.changed());
    map.part("roll").addEventListener("click", () => this.roll());
    map.part("clear").addEventListener("click", () => this.clear());
    map.part("photo").addEventListener("change", (event) => this.photo(event.target));
  }

  changed() {
    this.later = true;
    if (this.waiting === null || performance.now() - this.since > PATIENCE_MS) this.give();
  }

  // Strokes that come while an image is under way are given on together, once it is answered.
  give() {
    this.later = false;
    const lines = this.pad.parts();
    this.ask({ grey: this.pad.grey(), lines });
  }

  // An empty pad, and nothing that came of what was on it.
  clear() {
    this.later = false;
    this.pad.clear();
    this.blank();
    this.ask({ empty: true });
  }

  blank() {
    this.place = this.image = null;
    for (const name of ["seen", "reconstruction"]) {
      const canvas = this.map.part(name);
      canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    }
    this.say("");
    putText(this.map.part("apart"), this.pad.empty ? "Nothing is drawn yet." : "");
    this.map.schedule();
  }

  ask(what) {
    this.since = performance.now();
    this.waiting = ++this.number;
    this.map.tell("drawn", { ...what, number: this.number });
  }

  // A real digit at random: where it lies is known here, before the server says what comes back.
  roll() {
    const { map } = this;
    const index = Math.floor(Math.random() * map.points.count);
    this.later = false;
    if (map.sheet) this.pad.show(map.sheet.of(index), map.height, map.width);
    map.moveTo({ x: map.points.xy[2 * index], y: map.points.xy[2 * index + 1], index: null });
    this.ask({ index });
  }

  // A photo, smaller than a camera makes it; a file that no browser opens goes as it is, and the
  // server says what is wrong with it.
  async photo(chooser) {
    const [file] = chooser.files;
    if (!file) return;
    chooser.value = ""; // the same file again is a change too
    let content = file;
    try {
      const bitmap = await createImageBitmap(file);
      const scale = Math.min(1, PHOTO / Math.max(bitmap.width, bitmap.height));
      const small = scratchCanvas(Math.ceil(scale * bitmap.width), Math.ceil(scale * bitmap.height));
      const context = small.getContext("2d");
      context.fillStyle = "#fff"; // paper, where it is transparent
      context.fillRect(0, 0, small.width, small.height);
      context.drawImage(bitmap, 0, 0, small.width, small.height);
      bitmap.close();
      content = await new Promise((resolve) => small.toBlob(resolve, "image/png"));
    } catch {
      if (file.size > MOST_BYTES) {
        this.map.part("trouble").textContent = "This file is too large, and no image.";
        return;
      }
    }
    const bytes = new Uint8Array(await content.arrayBuffer());
    let text = "";
    for (const one of bytes) text += String.fromCharCode(one);
    this.later = false;
    this.pad.clear(); // until the server shows what it found
    this.ask({ photo: btoa(text) });
  }

  // What the server says of an image.
  show(input) {
    this.root ??= this.map.part("input");
    this.root.hidden = !input;
    this.map.root.dataset.input = String(Boolean(input));
    if (!input) return;
    const answered = input.number === this.waiting;
    if (answered) this.waiting = null;
    const trouble = this.map.part("trouble");
    trouble.textContent = input.trouble ?? "";
    if (answered && this.later) this.give();
    if (!input.image) {
      if (this.waiting === null) this.blank();
      return;
    }
    if (this.waiting !== null && this.pad.empty) return; // of what was wiped out since
    const [x, y] = input.place;
    if (answered && !this.map.dragging) this.map.moveTo({ x, y, index: null });
    const image = bytesOf(input.image);
    const known = this.image === input.image;
    this.image = input.image;
    this.place = input.place;
    this.ellipse = input.ellipse;
    this.map.drawGrey(this.map.part("seen"), image);
    this.map.drawGrey(this.map.part("reconstruction"), bytesOf(input.reconstruction));
    this.say(input.text);
    if (!this.pad.empty || known) return;
    if (input.lines) this.pad.draw(input.lines);
    else this.pad.show(image, this.map.height, this.map.width);
  }

  // On the error: each figure with what its name means, as terms on the page have it.
  say(text) {
    if (text === this.said) return;
    this.said = text;
    const part = this.map.part("error");
    part.replaceChildren();
    text.split(", ").forEach((figure, k) => {
      if (k) part.append(", ");
      const meaning = this.map.data.glossary[figure.split(" ")[0]];
      if (!meaning) return part.append(figure);
      const term = make("span", { className: "aeviz-term", tabIndex: 0, textContent: figure }, part);
      make("span", { textContent: meaning }, term).setAttribute("role", "tooltip");
    });
  }

  // The mark of it on the map, the ellipses of its posterior, and how far the probe is from it.
  put(xaxis, yaxis) {
    const mark = this.map.part("encoded");
    const rings = this.map.part("rings");
    const shown = Boolean(this.place && this.map.data.input);
    mark.hidden = !shown;
    rings.style.display = shown && this.ellipse ? "" : "none";
    if (!shown) return;
    const [x, y] = this.place;
    const [left, top] = [xaxis.d2p(x), yaxis.d2p(y)];
    mark.style.transform = `translate(${left}px, ${top}px)`;
    if (this.ellipse) {
      const [[a, b], [c, d]] = this.ellipse; // what one sigma is on each axis of the posterior
      const [across, up] = [xaxis.d2p(x + 1) - left, yaxis.d2p(y + 1) - top];
      const matrix = [a * across, c * up, b * across, d * up, left, top].join(" ");
      const group = rings.querySelector("g");
      const wanted = `matrix(${matrix})`;
      if (group.getAttribute("transform") !== wanted) group.setAttribute("transform", wanted);
    }
    const { probe } = this.map;
    const apart = Math.hypot(probe.x - x, probe.y - y);
    const here = apart < 1e-3 * (this.map.data.window[1] - this.map.data.window[0]);
    const text = here
      ? `Encoded at ${x.toFixed(2)}, ${y.toFixed(2)}: the probe is there.`
      : `Encoded at ${x.toFixed(2)}, ${y.toFixed(2)}: the probe is ${apart.toFixed(2)} away.`;
    putText(this.map.part("apart"), text);
  }
}
