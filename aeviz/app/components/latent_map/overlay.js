// What lies over the map: names of the classes, a scale, where one is, real digits at their codes.

const NAMES_APART = 30; // px
const THUMBNAILS = 90; // so few codes in view are shown as their images
const MINIMAP = 84; // px
const MINIMAP_FROM = 0.7; // of the window: from here on the view is small enough to be lost

class Overlay {
  constructor({ names, scale, minimap, images }) {
    Object.assign(this, { names, scale, minimap, images, thumbnails: new Map(), homes: [] });
    this.onname = () => {};
    this.onhover = () => {};
    this.says = (name) => `Select all ${this.noun} of class ${name}`;
  }

  lay({ codes, classes, colours, light, paper, equal, titles, shape, noun }) {
    Object.assign(this, { codes, classes, colours, light, paper, equal, titles, shape, noun });
    this.thumbnails.clear();
    this.homes = [];
    this.called();
  }

  // A name for each class, made once: a finger that came down on one that is gone would be lost.
  called() {
    const now = this.classes.join("\n");
    if (now !== this.named) {
      this.named = now;
      this.names.replaceChildren(...this.classes.map((_, label) => this.name(label)));
    }
    [...this.names.children].forEach((name, label) => {
      name.hidden = true;
      name.style.setProperty("--own", `rgb(${this.colours[label % this.colours.length]})`);
      name.setAttribute("aria-label", this.says(this.classes[label]));
    });
  }

  name(label) {
    const name = make("button", { type: "button", className: "name" });
    name.textContent = this.classes[label];
    name.tabIndex = -1; // ten stops before the page goes on; the class is said by the probe
    name.addEventListener("click", () => this.onname(label));
    for (const [kind, over] of [["pointerenter", true], ["pointerleave", false]])
      name.addEventListener(kind, (event) => {
        if (event.pointerType === "mouse") this.onhover(over ? label : null);
      });
    return name;
  }

  // Of a new view: whose home is where. In between the names move with the map.
  settle(view) {
    this.homes = this.codes.homes(view, this.classes.length);
  }

  place(view, width, height, whole) {
    const [x0, x1, y0, y1] = view;
    const places = this.homes.map(({ x, y }) => ({
      left: ((x - x0) / (x1 - x0)) * width,
      top: ((y1 - y) / (y1 - y0)) * height,
    }));
    pushApart(places, NAMES_APART);
    [...this.names.children].forEach((name, label) => {
      const home = this.homes.findIndex((one) => one.label === label);
      const { left, top } = places[home] ?? { left: -1, top: -1 };
      name.hidden = !(left > 8 && top > 8 && left < width - 8 && top < height - 8);
      if (name.hidden) return;
      name.style.transform = `translate(-50%, -50%) translate(${left}px, ${top}px)`;
    });
    this.placeScale((x1 - x0) / width);
    this.placeMinimap(view, whole);
  }

  // A bar of a round length, and what the two directions are.
  placeScale(unit) {
    const most = 110 * unit;
    const power = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].find((step) => step * power <= most) * power;
    this.scale.querySelector("i").style.width = `${length / unit}px`;
    const text = Number(length.toPrecision(1)).toLocaleString("en", { maximumFractionDigits: 9 });
    const [across, up] = this.titles;
    this.scale.querySelector("b").textContent = this.equal ? text : `${text} across`;
    this.scale.querySelector("span").textContent = `\u2192 ${across}  \u2191 ${up}`;
  }

  placeMinimap([x0, x1, y0, y1], [u0, u1, v0, v1]) {
    const small = (x1 - x0) / (u1 - u0) < MINIMAP_FROM;
    const away = x1 < u0 || x0 > u1 || y1 < v0 || y0 > v1;
    this.minimap.hidden = !small && !away;
    if (this.minimap.hidden) return;
    if (this.drawnFor !== this.codes) this.drawMinimap([u0, u1, v0, v1]);
    const part = (value, low, high) => `${Math.min(Math.max((value - low) / (high - low), 0), 1) * 100}%`;
    const style = this.minimap.querySelector("i").style;
    style.left = part(x0, u0, u1);
    style.right = part(u1 + u0 - x1, u0, u1);
    style.top = part(v1 + v0 - y1, v0, v1);
    style.bottom = part(y0, v0, v1);
  }

  drawMinimap([u0, u1, v0, v1]) {
    this.drawnFor = this.codes;
    const canvas = this.minimap.querySelector("canvas");
    Object.assign(canvas, { width: MINIMAP, height: MINIMAP });
    const context = canvas.getContext("2d");
    context.globalAlpha = 0.5;
    const { xy, labels, count } = this.codes;
    for (let k = 0; k < count; k++) {
      context.fillStyle = `rgb(${this.colours[labels[k] % this.colours.length]})`;
      const left = ((xy[2 * k] - u0) / (u1 - u0)) * MINIMAP;
      context.fillRect(left, ((v1 - xy[2 * k + 1]) / (v1 - v0)) * MINIMAP, 1, 1);
    }
  }

  // Where few codes are in view: the real digits, each with a line to its code.
  drawImages(view, width, height, sheet) {
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.images.width !== w || this.images.height !== h)
      Object.assign(this.images, { width: w, height: h });
    const context = this.images.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, w, h);
    if (!sheet) return;
    const seen = [];
    this.codes.among(view, (index, x, y) => seen.push([index, x, y]));
    if (seen.length > THUMBNAILS) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [x0, x1, y0, y1] = view;
    const side = 30;
    for (const [index, x, y] of seen) {
      const left = ((x - x0) / (x1 - x0)) * width;
      const top = ((y1 - y) / (y1 - y0)) * height;
      context.strokeStyle = `rgb(${this.colours[this.codes.labels[index] % this.colours.length]})`;
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(left, top);
      context.lineTo(left, top - 14);
      context.stroke();
      context.fillStyle = `rgb(${this.paper})`;
      context.fillRect(left - side / 2, top - 14 - side, side, side);
      context.drawImage(this.inked(index, sheet), left - side / 2, top - 14 - side, side, side);
      context.strokeRect(left - side / 2, top - 14 - side, side, side);
    }
  }

  // A real digit as ink on the map's paper.
  inked(index, sheet) {
    if (!this.thumbnails.has(index)) {
      const [height, width] = this.shape;
      const canvas = scratchCanvas(width, height);
      const image = new ImageData(width, height);
      ink(image, sheet.of(index), this.light);
      canvas.getContext("2d").putImageData(image, 0, 0);
      this.thumbnails.set(index, canvas);
      if (this.thumbnails.size > 400) this.thumbnails.delete(this.thumbnails.keys().next().value);
    }
    return this.thumbnails.get(index);
  }
}
