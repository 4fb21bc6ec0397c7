// One step of training, stage by stage: what goes forward through the network lights up from left
// to right, the gradient comes back from right to left, and the weights move.

const STAGE_MS = 3200; // how long a stage is shown while it plays

const NARROW = 540; // px: one part below the other

// Grey or signed numbers as pixels of a canvas.
function picture(parent, text, [height, width], name) {
  const canvas = make("canvas", { width, height, role: "img" }, parent);
  canvas.setAttribute("aria-label", name);
  canvas.grey = bytesOf(text);
  return canvas;
}

const short = (value) => {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e5)) return value.toExponential(1);
  return String(Number(value.toPrecision(3))).replace("-", "−");
};

class SlowMotion {
  constructor(root) {
    this.root = root;
    this.at = 0;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  show(data) {
    const told = JSON.stringify(data);
    if (told === this.told) return this.inkAll();
    this.told = told;
    this.data = data;
    this.stop();
    this.root.replaceChildren();
    this.bar();
    this.flow = make("div", { className: "flow" }, this.root);
    this.batch();
    this.half("encoder", true);
    this.code();
    this.half("decoder", false);
    this.result();
    this.loss();
    this.inkAll();
    this.go(0);
    if (!this.still.matches) this.play();
  }

  // -- what is shown -----------------------------------------------------------------------------

  bar() {
    const top = make("div", { className: "top" }, this.root);
    const bar = make("div", { className: "bar" }, top);
    this.button = make("button", { type: "button", className: "play" }, bar);
    this.button.dataset.testid = "slow-play";
    this.button.addEventListener("click", () => (this.timer ? this.stop() : this.play()));
    const track = make("div", { className: "track" }, bar);
    this.slider = make("input", { type: "range", min: 0, max: this.data.stages.length - 1, step: 1 }, track);
    this.slider.setAttribute("aria-label", "Stage of the step");
    this.slider.addEventListener("input", () => {
      this.stop();
      this.go(Number(this.slider.value));
    });
    this.count = make("p", { className: "count" }, bar);
    this.said = make("p", { className: "said" }, top);
    this.said.dataset.testid = "slow-said";
    this.said.setAttribute("aria-live", "polite");
  }

  // A group of the diagram that is there from a stage on.
  part(stage, title, more = "") {
    const part = make("section", { className: `part ${stage} ${more}` }, this.flow);
    this.from(part, stage);
    make("h4", { textContent: title }, part);
    return part;
  }

  from(element, name) {
    element.dataset.from = this.data.stages.findIndex(([stage]) => stage === name);
  }

  batch() {
    const part = this.part("batch", "Images");
    const grid = make("div", { className: "grid" }, part);
    this.data.images.forEach((text, k) => picture(grid, text, this.data.shape, k ? "another image of the batch" : "the image that is followed"));
    if (this.data.seen) {
      make("p", { textContent: "what the encoder sees" }, part);
      picture(part, this.data.seen, this.data.shape, "the corrupted image").className = "large";
    }
  }

  half(name, encodes) {
    const part = this.part(name, encodes ? "Encoder" : "Decoder", "half");
    const layers = this.data.layers.filter((layer) => layer.encodes === encodes);
    const most = Math.max(...this.data.layers.map(({ gradient }) => gradient));
    const far = Math.max(...this.data.layers.map(({ moved }) => moved));
    layers.forEach((layer, k) => {
      const box = make("div", { className: "layer" }, part);
      box.style.setProperty("--turn", k);
      box.style.setProperty("--back", layers.length - k);
      const head = make("p", {}, box);
      make("span", { textContent: layer.text }, head);
      make("em", { textContent: layer.shape }, head);
      this.strip(box, layer.values);
      this.measure(box, "gradient", "gradient", layer.gradient / most, short(layer.gradient));
      this.measure(box, "step", "moved by", layer.moved / far, `${short(100 * layer.moved)} %`);
    });
  }

  // Values that leave a layer: ink above zero, the accent below.
  strip(parent, values) {
    const canvas = make("canvas", { width: values.length, height: 1, className: "strip", role: "img" }, parent);
    canvas.setAttribute("aria-label", "values that leave this layer");
    canvas.values = values;
  }

  measure(parent, stage, name, share, said) {
    const row = make("div", { className: `measure ${stage}` }, parent);
    this.from(row, stage);
    make("span", { textContent: name }, row);
    make("b", {}, make("i", {}, row)).style.setProperty("--share", share || 0);
    make("em", { textContent: said }, row);
  }

  code() {
    const { cloud, z } = this.data;
    const part = this.part(cloud ? "cloud" : "code", "Code", "code");
    const rows = cloud
      ? [["cloud", "μ", cloud.mu], ["cloud", "σ", cloud.sigma], ["draw", "ε", cloud.epsilon], ["draw", "z", z]]
      : [["code", "z", z]];
    if (cloud && z.length > 1) this.plot(part);
    const table = make("div", { className: "numbers" }, part);
    for (const [stage, name, values] of rows) {
      const row = make("p", {}, table);
      this.from(row, stage);
      make("b", { textContent: name }, row);
      const more = values.length > 4 ? " …" : "";
      make("span", { textContent: values.slice(0, 4).map(short).join("   ") + more }, row);
    }
  }

  // The cloud in the first two dimensions, where the prior has its middle and one sigma around it.
  plot(parent) {
    const { cloud: { mu, sigma }, z } = this.data;
    const far = 1.15 * Math.max(1.5, ...[0, 1].map((k) => Math.max(Math.abs(mu[k]) + 2 * sigma[k], Math.abs(z[k]))));
    const NS = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(NS, "svg");
    svg.setAttribute("viewBox", `${-far} ${-far} ${2 * far} ${2 * far}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", "The prior, the cloud of this image and the draw from it");
    const add = (tag, name, attributes) => {
      const shape = document.createElementNS(NS, tag);
      shape.setAttribute("class", name);
      for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
      svg.append(shape);
      return shape;
    };
    add("circle", "prior", { cx: 0, cy: 0, r: 1 });
    for (const times of [2, 1])
      this.from(add("ellipse", "cloud", { cx: mu[0], cy: -mu[1], rx: times * sigma[0], ry: times * sigma[1] }), "cloud");
    this.from(add("line", "way", { x1: mu[0], y1: -mu[1], x2: z[0], y2: -z[1] }), "draw");
    this.from(add("circle", "draw", { cx: z[0], cy: -z[1], r: 0.045 * far }), "draw");
    parent.append(svg);
  }

  result() {
    const part = this.part("decoder", "Reconstruction", "result");
    const row = make("div", { className: "pair" }, part);
    const add = (text, name, stage) => {
      const figure = make("figure", {}, row);
      this.from(figure, stage);
      picture(figure, text, this.data.shape, name);
      make("figcaption", { textContent: name }, figure);
    };
    add(this.data.images[0], "image", "batch");
    add(this.data.reconstruction, "before the step", "decoder");
    add(this.data.after, "after it", "step");
  }

  loss() {
    const part = this.part("loss", "Loss");
    const table = make("table", {}, part);
    const total = (k) => this.data.terms.reduce((sum, term) => sum + term[k], 0);
    const rows = this.data.terms.length > 1 ? [...this.data.terms, ["together", total(1), total(2)]] : this.data.terms;
    const head = make("tr", {}, make("thead", {}, table));
    make("td", {}, head);
    make("th", { textContent: "before" }, head);
    this.from(make("th", { textContent: "after" }, head), "step");
    const body = make("tbody", {}, table);
    for (const [name, before, after] of rows) {
      const row = make("tr", {}, body);
      make("th", { textContent: name === "kl" ? "KL" : name.replaceAll("_", " ") }, row);
      make("td", { textContent: exact(before) }, row);
      this.from(make("td", { textContent: exact(after) }, row), "step");
    }
  }

  // Canvases take their colours from the page, light or dark.
  inkAll() {
    const style = getComputedStyle(this.root);
    const [r, g, b] = colourOf(style.getPropertyValue("--st-background-color").trim() || "#fff");
    const light = r + g + b > 384;
    const accent = colourOf(style.getPropertyValue("--st-primary-color").trim() || "#c2255c");
    const paper = light ? 0 : 255;
    for (const canvas of this.root.querySelectorAll("canvas")) {
      const context = canvas.getContext("2d");
      const image = context.createImageData(canvas.width, canvas.height);
      if (canvas.grey) ink(image, canvas.grey, light);
      else {
        const most = Math.max(...canvas.values.map(Math.abs)) || 1;
        canvas.values.forEach((value, k) => {
          const tone = value < 0 ? accent : [paper, paper, paper];
          image.data.set([...tone, (255 * Math.abs(value)) / most], 4 * k);
        });
      }
      context.putImageData(image, 0, 0);
    }
  }

  // -- time --------------------------------------------------------------------------------------

  go(at) {
    this.at = Math.min(Math.max(at, 0), this.data.stages.length - 1);
    const [stage, said] = this.data.stages[this.at];
    this.root.dataset.stage = stage;
    this.slider.value = this.at;
    this.slider.style.setProperty("--done", this.at / (this.data.stages.length - 1));
    this.slider.setAttribute("aria-valuetext", `${this.at + 1} of ${this.data.stages.length}: ${said}`);
    putText(this.count, `${this.at + 1} of ${this.data.stages.length}`);
    putText(this.said, said);
    for (const element of this.root.querySelectorAll("[data-from]"))
      element.dataset.state = ["later", "now", "there"][1 + Math.sign(this.at - element.dataset.from)];
    showPlaying(this.button, Boolean(this.timer));
    // On a phone the diagram is longer than the screen: what it is about comes into view.
    const part = this.root.querySelector(`.${{ gradient: "decoder", step: "result" }[stage] ?? stage}`);
    const { top, bottom } = this.root.getBoundingClientRect();
    const looked = top < window.innerHeight && bottom > 0; // nobody is taken back to it
    if (at > 0 && part && looked && this.root.clientWidth < NARROW)
      part.scrollIntoView({ block: "center", behavior: this.still.matches ? "auto" : "smooth" });
  }

  play() {
    if (this.at === this.data.stages.length - 1) this.go(0);
    this.timer = setInterval(() => {
      if (!this.root.isConnected) return this.stop();
      if (this.at + 1 >= this.data.stages.length - 1) this.stop();
      this.go(this.at + 1);
    }, STAGE_MS);
    showPlaying(this.button, true);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    if (this.button) showPlaying(this.button, false);
  }
}

const exact = (value) => (Math.abs(value) < 1 ? value.toFixed(4) : value.toFixed(2));

const players = new WeakMap();

export default function ({ data, parentElement }) {
  let player = players.get(parentElement);
  if (!player) {
    player = new SlowMotion(parentElement.querySelector(".slow"));
    players.set(parentElement, player);
  }
  player.show(data);
  return () => {
    player.stop();
    players.delete(parentElement);
  };
}
