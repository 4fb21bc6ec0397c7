// A run as a film: its map, images and loss at every step that it remembers, played, scrubbed and,
// while it trains, followed. Nothing is asked of the server but frames that are new.

const POLL_MS = 200;
const PATIENCE = 4; // so many times as long as the last answer took is waited before the next
const LONGEST_MS = 4000; // but no longer than this
const SLOWER_MS = 2000; // between two questions after one that failed
const DOUBLING_S = 1.1; // seconds that a doubling of the steps takes while it plays
const GLIDE_PER_S = 5; // doublings a second at most, while it follows
const SPEEDS = [0.25, 0.5, 1, 2];
class Cinema {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.slider = this.part("slider");
    this.motion = matchMedia("(prefers-reduced-motion: reduce)");
    this.position = 0;
    this.follows = true; // the newest frame
    this.playing = false;
    this.speed = 1;
    this.stages = [];
    this.listen();
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(root);
  }

  listen() {
    this.part("play").addEventListener("click", () => this.play(!this.playing));
    this.part("live").addEventListener("click", () => this.follow());
    this.part("speed").addEventListener("click", () => {
      this.speed = SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length];
      this.part("speed").textContent = `${this.speed}×`;
    });
    this.part("loop").addEventListener("click", () => {
      this.loops = !this.loops;
      this.part("loop").setAttribute("aria-pressed", this.loops);
    });
    this.part("save").addEventListener("click", () => this.save().catch(this.fail));
    this.slider.addEventListener("input", () => {
      // Told once it rests ("change"): the page that is drawn anew would make the slider falter.
      this.playing = this.follows = false;
      this.before = null;
      this.position = Number(this.slider.value);
      this.schedule();
    });
    this.slider.addEventListener("change", () => this.tell());
    this.slider.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.step(by);
    });
    this.look = () => !document.hidden && this.poll();
    document.addEventListener("visibilitychange", this.look);
  }

  // -- data from the server ----------------------------------------------------------------------

  show(data, send) {
    this.send = send;
    const names = data.films.map(({ address }) => address).join(" ");
    const another = this.names !== names;
    this.data = data;
    this.theme = null;
    if (another) {
      this.names = names;
      this.films = data.films.map((one) => ({ ...one, film: this.made(one) }));
      this.labels = bytesOf(data.labels);
      this.originals = bytesOf(data.originals);
      this.build();
      const asked = data.at === null ? null : along(data.at);
      this.position = asked ?? 0;
      this.wanted = asked;
      this.follows = asked === null;
      this.played = asked !== null; // who asks for a step sees that one
    }
    this.poll();
    this.schedule();
  }

  // A film that is in the page itself has its bytes; see `save`.
  made({ address, bytes }) {
    const film = new Film(address);
    if (bytes) film.take(bytes);
    return film;
  }

  build() {
    const { data } = this;
    const maps = this.part("maps");
    maps.replaceChildren();
    maps.dataset.many = this.films.length;
    this.stages = this.films.map(({ title }) => {
      const figure = this.part("stage").content.firstElementChild.cloneNode(true);
      maps.append(figure);
      const stage = new Stage(figure);
      stage.lay({ labels: this.labels, classes: data.classes, colours: data.colours });
      stage.title.textContent = this.films.length > 1 ? title : "";
      stage.figure = figure;
      stage.rows = figure.querySelector(".digits");
      stage.peek = figure.querySelector(".peek");
      this.drag(stage);
      return stage;
    });
    this.graph = new Graph(this.part("curves"), this.part("legend"));
    const [height, width] = data.shape;
    for (const stage of this.stages) {
      stage.rows.replaceChildren();
      if (this.stages.length === 1) this.part("rows").replaceChildren(stage.rows);
      else this.part("rows").replaceChildren();
      stage.row = (name, count, button = false) => {
        make("p", { textContent: name }, stage.rows);
        const row = make("div", { className: "row" }, stage.rows);
        row.setAttribute("role", "img");
        row.setAttribute("aria-label", name);
        return Array.from({ length: count }, () => make("canvas", { height, width }, row));
      };
      const count = this.originals.length / (height * width);
      const first = stage === this.stages[0];
      stage.originals = first || this.stages.length > 1 ? stage.row("Test images", count) : [];
      stage.made = stage.row("Their reconstructions", count);
      stage.sampled = null;
      stage.originals.forEach((canvas, k) => this.paint(canvas, this.originals, k, null, 0, 0));
    }
    this.part("kl").replaceChildren();
    this.part("layers").replaceChildren();
    this.bars = this.layers = null;
  }

  fail = (error) => {
    const part = this.part("trouble");
    part.textContent = error.message;
    part.hidden = false;
  };

  // Ask for new frames as long as there may be some. A page that nobody sees asks for nothing.
  async poll() {
    clearTimeout(this.timer);
    if (this.asking || this.gone) return;
    this.asking = true;
    const began = performance.now();
    let wait = POLL_MS;
    try {
      const open = this.films.filter(({ film, bytes }) => !bytes && !(film.ended && !film.more && film.last));
      await Promise.all(open.map(({ film }) => film.fetch()));
      this.part("trouble").hidden = true;
      const more = this.films.some(({ film, bytes }) => !bytes && (!film.ended || film.more));
      // The later the longer answers take: a class that watches leaves time for others.
      wait = Math.min(Math.max(POLL_MS, PATIENCE * (performance.now() - began)), LONGEST_MS);
      if (this.films.some(({ film, bytes }) => !bytes && film.more)) wait = 0;
      if (open.length) this.came();
      if (!more) wait = null;
    } catch (error) {
      this.fail(error);
      wait = SLOWER_MS;
    } finally {
      this.asking = false;
    }
    if (wait !== null && !document.hidden) this.timer = setTimeout(() => this.poll(), wait);
  }

  // New frames are there: the first time an ended run shows how it came to be.
  came() {
    if (!this.films.some(({ film }) => film.last)) return;
    this.root.dataset.ready = "true";
    this.root.dataset.frames = this.films[0].film.frames.length;
    this.root.dataset.newest = this.films[0].film.last?.step ?? "";
    const ended = this.films.every(({ film }) => film.ended && !film.more);
    if (!ended) this.played ||= this.films.some(({ film }) => !film.ended); // it was followed
    this.root.dataset.ended = ended;
    this.part("live").hidden = ended;
    this.slider.max = this.most;
    if (this.wanted !== null && this.wanted !== undefined) {
      this.position = Math.min(this.wanted, this.most);
      if (this.position >= this.wanted - 1e-9 || ended) this.wanted = null;
    } else if (ended && !this.played && this.data.plays && !this.motion.matches) {
      this.played = true;
      this.position = 0;
      this.play(true);
    } else if (ended && this.follows && !this.playing) {
      this.position = this.most;
    }
    this.schedule();
  }

  get most() {
    return Math.max(...this.films.map(({ film }) => along(film.last?.step ?? 0)));
  }

  // -- time --------------------------------------------------------------------------------------

  play(on) {
    this.playing = on;
    if (on) {
      this.follows = false;
      if (this.position >= this.most - 1e-6) this.position = 0;
    } else this.tell();
    this.before = null;
    this.schedule();
  }

  follow() {
    this.play(false);
    this.follows = true;
    this.schedule();
  }

  // One frame on or back.
  step(by) {
    this.play(false);
    this.follows = false;
    const steps = [...new Set(this.films.flatMap(({ film }) => film.frames.map(({ step }) => step)))];
    steps.sort((a, b) => a - b);
    const here = steps.findIndex((step) => along(step) >= this.position - 1e-9);
    const at = Math.abs(along(steps[here] ?? Infinity) - this.position) < 1e-9 ? here + by : by > 0 ? here : here - 1;
    this.position = along(steps[Math.min(Math.max(at, 0), steps.length - 1)]);
    this.tell();
    this.schedule();
  }

  // The page keeps the step at which the slider rests, for its address and its buttons.
  tell() {
    const { step } = this.frame();
    if (this.told === step || !this.send) return;
    this.told = step;
    this.send("at", this.position >= this.most - 1e-9 ? -1 : step);
  }

  // The frame of the first film that is nearest to where the slider stands.
  frame() {
    const { film } = this.films.find((one) => one.film.last);
    const [a, b, share] = film.around(this.position);
    return share < 0.5 ? a : b;
  }

  schedule() {
    this.request ??= requestAnimationFrame((now) => {
      this.request = null;
      this.tick(now);
    });
  }

  tick(now) {
    if (this.gone || !this.films?.some(({ film }) => film.last)) return;
    const passed = this.before ? Math.min((now - this.before) / 1000, 0.1) : 0;
    this.before = now;
    let moves = false;
    if (this.playing) {
      this.position += (passed * this.speed) / DOUBLING_S;
      if (this.position >= this.most) {
        this.position = this.loops ? 0 : this.most;
        if (!this.loops) {
          this.play(false);
          this.follows = true;
        }
      }
      moves = this.playing;
    } else if (this.follows && this.position < this.most) {
      const gap = this.most - this.position;
      const by = Math.max(gap * 4 * passed, Math.min(gap, 0.002));
      this.position = this.motion.matches ? this.most : Math.min(this.position + Math.min(by, GLIDE_PER_S * passed), this.most);
      moves = this.position < this.most - 1e-4;
      if (!moves) this.position = this.most;
    }
    this.draw();
    if (moves) this.schedule();
    else this.before = null;
  }

  // -- drawing -----------------------------------------------------------------------------------

  get colours() {
    if (this.theme) return this.theme;
    const style = getComputedStyle(this.root);
    const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    const paper = read("--st-background-color", "#faf9f6");
    const [r, g, b] = colourOf(paper);
    this.theme = {
      paper,
      light: r + g + b > 384,
      text: read("--st-text-color", "#222"),
      line: read("--st-border-color", "#ddd"),
      accent: read("--st-primary-color", "#c2255c"),
      font: read("--st-font", "sans-serif"),
      size: parseFloat(getComputedStyle(document.documentElement).fontSize),
    };
    this.root.dataset.light = this.theme.light;
    return this.theme;
  }

  draw() {
    const look = this.colours;
    showPlaying(this.part("play"), this.playing);
    this.slider.max = this.most;
    this.slider.value = this.position;
    this.slider.style.setProperty("--done", this.most ? this.position / this.most : 0);
    this.films.forEach(({ film }, k) => {
      const stage = this.stages[k];
      stage.figure.dataset.waits = !film.last;
      if (!film.last) return;
      const [a, b, share] = film.around(this.position);
      if (stage.resize()) stage.draw(a, b, share, look, this.worth(film, a, b, share));
      this.images(stage, a, b, share);
      this.peek(stage, share < 0.5 ? a : b);
    });
    const frame = this.frame();
    this.graph.draw(this.films, this.position, this.most, this.data.levels, look, this.data.changes);
    this.numbers(frame);
    const said = `Step ${frame.step.toLocaleString("en")}, epoch ${frame.epoch.toFixed(frame.epoch < 10 ? 2 : 1)}`;
    putText(this.part("now"), said);
    this.slider.setAttribute("aria-valuetext", said);
    this.root.dataset.step = frame.step;
    this.root.dataset.changes = this.data.changes.length;
    const of = `Map of ${this.labels.length.toLocaleString("en")} test codes`;
    this.stages.forEach((stage, k) => {
      const { film } = this.films[k];
      const step = film.last ? film.around(this.position)[0].step.toLocaleString("en") : "0";
      stage.canvas.setAttribute("aria-label", `${of} at step ${step}`);
    });
  }

  // How much the decoder has learned of what it will: a map of its images means little before.
  worth(film, a, b, share) {
    const sum = (f) => Object.values(f.validation).reduce((s, v) => s + (v ?? 0), 0);
    const start = sum(film.frames[0]);
    const best = Math.min(...film.frames.map(sum).filter((v) => v > 0));
    if (!(start > best)) return 1;
    const now = (1 - share) * sum(a) + share * sum(b);
    return Math.min(Math.max(((start - now) / (start - best) - 0.35) / 0.45, 0), 1);
  }

  images(stage, a, b, share) {
    stage.made.forEach((canvas, k) =>
      this.paint(canvas, a.reconstructions, k, b.reconstructions, k, share),
    );
    if (a.samples && b.samples) {
      stage.sampled ??= stage.row("Samples: the same draws from the prior at each step", 10);
      stage.sampled.forEach((canvas, k) => this.paint(canvas, a.samples, k, b.samples, k, share));
    }
  }

  // One image of some, or a mix of one of each of two; ink on paper where the page is light.
  paint(canvas, from, k, to, n, share) {
    const { width, height } = canvas;
    const size = width * height;
    const context = canvas.getContext("2d");
    const image = (this.image ??= context.createImageData(width, height));
    const first = from.subarray(k * size, (k + 1) * size);
    const second = to?.subarray(n * size, (n + 1) * size);
    ink(image, to ? first.map((grey, i) => (1 - share) * grey + share * second[i]) : first, this.colours.light);
    context.putImageData(image, 0, 0);
  }

  // KL of each dimension, other metrics, and the gradient's norm in each layer.
  numbers(frame) {
    const lists = Object.entries(frame.metrics).filter(([, value]) => Array.isArray(value));
    const [name, kl] = lists[0] ?? ["", []];
    this.show_bars("kl", kl.map((value, k) => [`${this.data.bars[name] ?? name} z${k + 1}`, value]), (v) => `${v.toFixed(2)} ${this.data.barUnit}`, false);
    const layers = Object.entries(frame.gradients);
    this.show_bars("layers", layers, (v) => v.toPrecision(2), true);
  }

  show_bars(part, entries, say, logarithmic) {
    const place = this.part(part);
    place.parentElement.hidden = !entries.length;
    if (place.childElementCount !== entries.length)
      place.replaceChildren(
        ...entries.map(([name]) => {
          const bar = make("div");
          make("span", { textContent: name, title: name }, bar);
          make("b", {}, make("i", {}, bar));
          make("em", {}, bar);
          return bar;
        }),
      );
    const most = (this.tops ??= {});
    const values = entries.map(([, value]) => value ?? 0);
    most[part] = Math.max(most[part] ?? 1e-9, ...values);
    entries.forEach(([, value], k) => {
      const bar = place.children[k];
      const wide = logarithmic
        ? Math.max(1 + Math.log10(Math.max(value, 1e-9) / most[part]) / 4, 0.01)
        : Math.max(value, 0) / most[part];
      bar.querySelector("b").style.width = `${100 * wide}%`;
      bar.querySelector("em").textContent = say(value ?? 0);
    });
  }

  // -- the probe ---------------------------------------------------------------------------------

  drag(stage) {
    const { canvas } = stage;
    const move = (event) => {
      const box = canvas.getBoundingClientRect();
      const inside = (value) => Math.min(Math.max(value, 0), 1);
      stage.probe = [
        inside((event.clientX - box.left) / box.width),
        inside((event.clientY - box.top) / box.height),
      ];
      for (const other of this.stages) other.probe = stage.probe;
      this.schedule();
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse") canvas.setPointerCapture(event.pointerId);
      stage.held = event.pointerType === "mouse";
      move(event);
    });
    canvas.addEventListener("pointermove", (event) => stage.held && move(event));
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, () => (stage.held = false));
    canvas.addEventListener("keydown", (event) => {
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
      if (!dx && !dy) return;
      event.preventDefault();
      const [x, y] = stage.probe ?? [0.5, 0.5];
      const inside = (value) => Math.min(Math.max(value, 0), 1);
      for (const other of this.stages) other.probe = [inside(x + 0.02 * dx), inside(y + 0.02 * dy)];
      this.schedule();
    });
  }

  peek(stage, frame) {
    const found = stage.decoded(frame);
    stage.peek.hidden = !found;
    if (!found) return;
    const canvas = stage.peek.querySelector("canvas");
    if (canvas.width !== found.width) Object.assign(canvas, { width: found.width, height: found.height });
    const context = canvas.getContext("2d");
    const image = context.createImageData(found.width, found.height);
    ink(image, found.image, this.colours.light);
    context.putImageData(image, 0, 0);
    // In the corner that is farthest from the probe.
    stage.peek.dataset.corner = `${stage.probe[1] < 0.5 ? "bottom" : "top"}-${stage.probe[0] < 0.5 ? "right" : "left"}`;
  }

  // -- the film goes home ------------------------------------------------------------------------

  // A page of its own that plays without a server: this script, its rules and all frames.
  async save() {
    const [script, ...films] = await Promise.all([
      fetch(this.data.script).then((answer) => answer.text()),
      ...this.films.map(({ address }) => fetch(`${address}?whole=1`).then((answer) => answer.arrayBuffer())),
    ]);
    const packed = films.map((buffer) => {
      let text = "";
      const bytes = new Uint8Array(buffer);
      for (let at = 0; at < bytes.length; at += 32768)
        text += String.fromCharCode(...bytes.subarray(at, at + 32768));
      return btoa(text);
    });
    const data = {
      ...this.data,
      films: this.data.films.map((one, k) => ({ ...one, packed: packed[k] })),
      at: null,
      plays: true,
      script: "",
    };
    const style = getComputedStyle(this.root);
    const names = ["text-color", "background-color", "border-color", "primary-color", "font"];
    const rules = names.map((name) => `--st-${name}: ${style.getPropertyValue(`--st-${name}`)};`).join(" ");
    const css = [...this.root.getRootNode().querySelectorAll("style")].map((one) => one.textContent).join("\n");
    const title = this.data.films.map((one) => one.title).join(" and ");
    const body = this.data.html.replace("<div class=\"film\"", "<div class=\"film\" data-home=\"true\"");
    const safe = (value) => JSON.stringify(value).replaceAll("<", "\\u003c");
    const page = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title.replace(/[<&]/g, "")}</title>
<style>:root { ${rules} } body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--st-background-color); color: var(--st-text-color); font-family: var(--st-font), sans-serif; container-type: inline-size; }
${css}</style><body><h1>${title.replace(/[<&]/g, "")}</h1>${body}
<script type="module">${script.replaceAll("</script", "<\\/script")}
const data = ${safe(data)};
for (const one of data.films) one.bytes = bytesOf(one.packed).buffer;
const cinema = new Cinema(document.querySelector(".film"));
cinema.show(data, null);
cinema.came();
</script></body></html>`;
    const link = make("a", {
      href: URL.createObjectURL(new Blob([page], { type: "text/html" })),
      download: `${this.data.films[0].name}.html`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.timer);
    cancelAnimationFrame(this.request);
    document.removeEventListener("visibilitychange", this.look);
    this.observer.disconnect();
  }
}

const cinemas = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let cinema = cinemas.get(parentElement);
  if (!cinema) {
    cinema = new Cinema(parentElement.querySelector(".film"));
    cinemas.set(parentElement, cinema);
  }
  cinema.show(data, setTriggerValue);
  return () => {
    cinema.destroy();
    cinemas.delete(parentElement);
  };
}
