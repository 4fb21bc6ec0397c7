// Two maps side by side. The probes of both stand at the code of one image, but one that is dragged
// to where no code is stays there. What is under the mouse on one map is ringed on both. Plotly draws the dots of both in one plot, as a browser gives
// a page few WebGL contexts.

const STILL_MS = 120; // the pointer rests: tell the server

const instances = new WeakMap();

class TwoMaps extends Maps {
  constructor(parent) {
    super(parent);
    this.index = null; // of the image at both probes
    this.hovered = null;
    this.hole = null; // { side, place } where a probe is in one
    for (const side of this.sides) {
      [side.handle, side.ring] = [side.part("probe"), side.part("ring")];
      const move = (index, place) => this.show(index, side.empty(place) ? { side, place } : null);
      const how = { at: () => this.index, move };
      this.draggable(side, side.handle, how);
    }
  }

  async update(data, send) {
    this.send = send;
    if (String(data.shape) !== String(this.data?.shape)) this.fit(data.shape);
    const late = this.data && data.at < this.at; // an earlier image: the probes have gone on
    if (!late) this.index = data.index;
    if (!(await this.receive(data))) return;
    this.part("left").textContent = data.sides[0].title;
    this.part("right").textContent = data.sides[1].title;
    this.place();
    this.paint();
  }

  onfile() {
    this.paint();
  }

  click(index) {
    this.show(index);
  }

  fit([height, width]) {
    [this.height, this.width] = [height, width];
    for (const canvas of this.root.querySelectorAll(".same canvas"))
      Object.assign(canvas, { height, width });
    this.mixed = new Float32Array(height * width);
  }

  place() {
    for (const side of this.sides) {
      if (!side.view || this.index === null) continue;
      this.say(side, side.handle, this.index);
      const hole = this.hole?.side === side ? this.hole.place : undefined;
      side.hold(side.handle, this.index, hole);
      if (hole) side.handle.setAttribute("aria-valuetext", "in a hole, far from every code");
      side.put(side.ring, this.hovered);
    }
  }

  // The image whose code is under the mouse, on both maps.
  hover(index) {
    this.hovered = index;
    this.place();
    this.paint();
  }

  // Another image at both probes.
  show(index, hole = null) {
    const same = index === this.index;
    if (same && !hole && !this.hole) return;
    this.hole = hole;
    this.index = index;
    if (same) {
      this.place();
      this.paint();
      return;
    }
    this.at = Date.now();
    this.place();
    this.paint();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.send("image", { index, at: this.at }), STILL_MS);
  }

  // The image, and what each model makes of it: the one under the mouse before that of the probes.
  paint() {
    const index = this.hovered ?? this.index;
    if (index === null || !this.sheet || !this.sides[0].points) return;
    const [original, ...reconstructions] = this.root.querySelectorAll(".same canvas");
    this.grey(original, this.sheet.of(index));
    const name = this.data.classes[this.sides[0].points.labels[index]];
    this.part("which").textContent = `${name}\ntest image ${index}`;
    const exact = index === this.data.index ? this.data.exact : null;
    this.sides.forEach((side, k) => {
      const hole = this.hovered === null && this.hole?.side === side ? this.hole.place : null;
      const known = exact && !hole;
      const grey = known ? bytesOf(exact[k].image) : side.blended(index, this.mixed, hole ?? undefined);
      if (grey) this.grey(reconstructions[k], grey);
      const text = hole ? "decoded in\na hole" : known ? exact[k].text : "blended\nwhile it moves";
      this.part(k ? "right-text" : "left-text").textContent = text;
    });
    this.root.dataset.index = String(this.index);
  }

  grey(canvas, values) {
    const image = new ImageData(this.width, this.height);
    ink(image, values, this.root.dataset.light === "true");
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
}

export default function ({ data, parentElement, setStateValue }) {
  let maps = instances.get(parentElement);
  if (!maps) {
    maps = new TwoMaps(parentElement);
    instances.set(parentElement, maps);
  }
  maps.update(data, setStateValue).catch(maps.fail);
  return () => {
    maps.destroy();
    instances.delete(parentElement);
  };
}
