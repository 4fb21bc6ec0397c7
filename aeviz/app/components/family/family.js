// Several models of one family on a slider. The server sends once what each of them makes of the
// same images and draws; between two stops all of it is blended here.

const GLIDE_MS = 450; // to the next stop
const ALIGN_MS = 700; // from the maps as they are to those that are aligned
const REST_MS = 900; // at a stop, while it plays
const BETWEEN_MS = 1300; // from stop to stop, while it plays
const STILL_MS = 1600; // at a stop, while it plays with less motion
const ease = (t) => (t < 0.5 ? 2 * t * t : 1 - 2 * (1 - t) ** 2);
const mixed = (a, b, share) => a.map((value, k) => value + share * (b[k] - value));

class Family {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.slider = this.part("slider");
    this.dots = new Dots({
      canvas: this.part("map"),
      names: this.part("names"),
      scale: this.part("scale"),
    });
    this.motion = matchMedia("(prefers-reduced-motion: reduce)");
    this.position = null; // among the stops: 1.5 is between the second and the third
    this.told = { stop: 0, chosen: 0 }; // when the server heard of it last
    this.pointed = -1; // the dot or the image under the mouse
    this.playing = false;
    this.listen();
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.part("stage"));
  }

  // -- data from the server ----------------------------------------------------------------

  async show(data, send) {
    this.send = send;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const buffer = await download(data.file, (response) => response.arrayBuffer());
    if (turn !== this.turn) return; // a newer update overtook this one
    const another = this.data?.file !== data.file;
    const before = another ? null : this.places;
    this.data = data;
    if (another) this.read(buffer);
    // Answers to what was done before take back neither the stop nor the image.
    if (another || data.chosen.at >= this.told.chosen) this.chosen = data.chosen.index;
    if (another || (data.stop.at >= this.told.stop && !this.held && !this.playing)) {
      this.heard = data.stop.value;
      if (another) this.stay(data.stop.value);
      else if (this.stop() !== data.stop.value) this.glide(data.stop.value, GLIDE_MS, () => {});
    }
    this.places = data.stops.map(({ place, half }) => [...place, half]);
    if (before && String(before) !== String(this.places)) this.align(before);
    this.lay();
    this.schedule();
    this.root.dataset.ready = "true";
  }

  fail = (error) => {
    const part = this.part("trouble");
    part.textContent = error.message;
    part.hidden = false;
  };

  // The parts of the file; see `packed`.
  read(buffer) {
    const { count, stops, row, samples, shape, homes, classes, colours } = this.data;
    this.pixels = shape[0] * shape[1];
    let at = 0;
    const take = (kind, size) => {
      const part = new kind(buffer, at, size);
      at += part.byteLength;
      return part;
    };
    const codes = stops.map(() => take(Float32Array, 2 * count));
    const homesOf = stops.map(() => take(Float32Array, 2 * classes.length));
    const labels = take(Uint8Array, count);
    this.images = take(Uint8Array, row.length * this.pixels);
    this.made = stops.map(() => take(Uint8Array, row.length * this.pixels));
    this.drawn = stops.map(() => take(Uint8Array, samples * this.pixels));
    this.dots.lay({ codes, labels, homes: homesOf, classes, colours, order: shuffled(count) });
    this.build();
  }

  // The elements, which stay while the slider moves.
  build() {
    const { stops, row, samples, shape, titles } = this.data;
    const canvas = (parent) => make("canvas", { height: shape[0], width: shape[1] }, parent);
    this.slider.setAttribute("aria-label", this.data.label);
    this.part("stops").replaceChildren(
      ...stops.map(({ tick, along }, k) => {
        const mark = make("span", { textContent: tick });
        mark.style.setProperty("--along", along);
        mark.addEventListener("click", () => this.go(k));
        return mark;
      }),
    );
    this.part("pairs").replaceChildren();
    this.pairs = [null, ...row].map((one) => {
      const kind = one ? "button" : "div";
      const button = make(kind, {}, this.part("pairs"));
      const pair = { button, original: canvas(button), made: canvas(button), index: one?.[0] ?? null };
      if (one) {
        button.type = "button";
        button.setAttribute("aria-label", `Follow ${one[1]}`);
        button.addEventListener("click", () => this.choose(one[0]));
      } else {
        button.className = "yours";
        button.setAttribute("role", "img");
      }
      for (const [kind, over] of [["pointerenter", true], ["pointerleave", false], ["focus", true], ["blur", false]])
        button.addEventListener(kind, () => this.point(over ? (pair.index ?? this.chosen) : -1));
      return pair;
    });
    this.part("samples").replaceChildren();
    this.sampled = Array.from({ length: samples }, () => canvas(this.part("samples")));
    this.part("samples").setAttribute("aria-label", this.part("drawn").textContent);
    this.part("figures").replaceChildren();
    this.figures = titles.map((title) => {
      const cell = make("div", {}, this.part("figures"));
      make("dt", { textContent: title }, cell);
      return [make("dd", {}, cell), make("dd", { className: "small" }, cell)];
    });
    this.part("kl").replaceChildren();
    this.bars = stops[0].kl.map((_, k) => {
      const bar = make("div", {}, this.part("kl"));
      make("span", { textContent: `KL of z${k + 1}` }, bar);
      const track = make("i", {}, bar);
      return { fill: make("b", {}, track), mark: make("u", {}, track), text: make("em", {}, bar) };
    });
    this.most = Math.max(...stops.flatMap(({ kl }) => kl), 1e-6);
    this.shown = {};
  }

  // What depends on the chosen image.
  lay() {
    const { chosen } = this.data;
    this.followed = { image: bytesOf(chosen.image), made: bytesOf(chosen.made) };
    const [yours] = this.pairs;
    yours.index = chosen.index;
    yours.button.setAttribute("aria-label", `The image that is followed: ${chosen.name}`);
    this.shown = {};
  }

  // -- the stop ------------------------------------------------------------------------------

  get last() {
    return this.data.stops.length - 1;
  }

  stop() {
    return Math.round(this.position);
  }

  // The two stops around the position, and how far it is from the first to the second. With less
  // motion there is nothing in between.
  between() {
    const place = this.motion.matches ? this.stop() : this.position;
    const first = Math.min(Math.floor(place), Math.max(this.last - 1, 0));
    return [first, Math.min(first + 1, this.last), place - first];
  }

  // Places on the slider, in [0, 1], of positions among the stops, and back.
  along(position) {
    const first = Math.min(Math.floor(position), this.last - 1);
    const [a, b] = [this.data.stops[first].along, this.data.stops[first + 1].along];
    return a + (position - first) * (b - a);
  }

  among(along) {
    const { stops } = this.data;
    let first = 0;
    while (first < this.last - 1 && along > stops[first + 1].along) first++;
    const [a, b] = [stops[first].along, stops[first + 1].along];
    return first + Math.min(Math.max((along - a) / (b - a), 0), 1);
  }

  stay(stop) {
    cancelAnimationFrame(this.gliding);
    this.position = Math.min(Math.max(stop, 0), this.last);
    this.schedule();
  }

  // Glide to a stop, and tell the server once it is there.
  go(stop) {
    this.play(false);
    this.aim = null;
    const to = Math.min(Math.max(stop, 0), this.last);
    this.glide(to, GLIDE_MS, () => this.tell());
  }

  glide(to, duration, then) {
    cancelAnimationFrame(this.gliding);
    const from = this.position;
    if (this.motion.matches || from === to) {
      this.stay(to);
      then();
      return;
    }
    let start = null;
    const tick = (now) => {
      start ??= now;
      const t = Math.min((now - start) / duration, 1);
      this.position = t < 1 ? from + ease(t) * (to - from) : to;
      this.schedule();
      if (t < 1) this.gliding = requestAnimationFrame(tick);
      else then();
    };
    this.gliding = requestAnimationFrame(tick);
  }

  tell() {
    const value = this.stop();
    if (value === this.heard) return;
    this.heard = value;
    this.told.stop = Date.now();
    this.send("stop", { value, at: this.told.stop });
  }

  // -- playing ------------------------------------------------------------------------------

  play(on) {
    showPlaying(this.part("play"), on);
    this.playing = on;
    clearTimeout(this.resting);
    if (!on) return;
    if (this.position >= this.last) this.stay(0);
    this.next();
  }

  next() {
    const still = this.motion.matches;
    this.resting = setTimeout(
      () => {
        const to = Math.floor(this.position + 1e-9) + 1;
        if (to > this.last) {
          this.play(false);
          this.tell();
        } else this.glide(to, BETWEEN_MS, () => this.playing && this.next());
      },
      still ? STILL_MS : REST_MS,
    );
  }

  // -- what a person does ----------------------------------------------------------------------

  listen() {
    const { slider } = this;
    this.play(false);
    this.part("play").addEventListener("click", () => {
      const on = !this.playing;
      if (!on) cancelAnimationFrame(this.gliding);
      this.play(on);
      if (!on) this.go(this.stop());
    });
    slider.addEventListener("input", () => {
      this.play(false);
      this.held = true;
      this.aim = null;
      this.stay(this.among(Number(slider.value)));
    });
    for (const kind of ["change", "pointercancel", "blur"])
      slider.addEventListener(kind, () => {
        if (!this.held) return;
        this.held = false;
        this.go(this.stop());
      });
    slider.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 1, ArrowUp: 1, PageUp: 1, ArrowLeft: -1, ArrowDown: -1, PageDown: -1 };
      const ends = { Home: 0, End: this.last };
      if (!(event.key in steps) && !(event.key in ends)) return;
      event.preventDefault();
      this.aim = event.key in ends ? ends[event.key] : (this.aim ?? this.stop()) + steps[event.key];
      this.aim = Math.min(Math.max(this.aim, 0), this.last);
      this.play(false);
      this.glide(this.aim, GLIDE_MS, () => {
        this.aim = null;
        this.tell();
      });
    });
    const map = this.part("map");
    const under = (event) => {
      const box = map.getBoundingClientRect();
      return this.data ? this.dots.at(event.clientX - box.left, event.clientY - box.top) : -1;
    };
    map.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") return;
      const index = under(event);
      map.style.cursor = index < 0 ? "" : "pointer";
      this.point(index);
    });
    map.addEventListener("pointerleave", () => this.point(-1));
    map.addEventListener("click", (event) => {
      const index = under(event);
      if (index >= 0) this.choose(index);
    });
  }

  point(index) {
    if (this.pointed === index) return;
    this.pointed = index;
    this.schedule();
  }

  choose(index) {
    this.chosen = index;
    this.told.chosen = Date.now();
    this.send("chosen", { index, at: this.told.chosen });
    this.schedule();
  }

  // -- drawing -----------------------------------------------------------------------------------

  // From other places of the codes to those that they have now.
  align(before) {
    cancelAnimationFrame(this.aligning);
    if (this.motion.matches) return;
    const to = this.places;
    let start = null;
    const tick = (now) => {
      start ??= now;
      const t = Math.min((now - start) / ALIGN_MS, 1);
      this.places = t < 1 ? to.map((place, k) => mixed(before[k], place, ease(t))) : to;
      this.schedule();
      if (t < 1) this.aligning = requestAnimationFrame(tick);
    };
    this.places = before;
    this.aligning = requestAnimationFrame(tick);
  }

  schedule() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.data && this.dots.codes && this.position !== null) this.draw();
    });
  }

  look() {
    const style = getComputedStyle(this.root);
    const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    const look = {
      ink: style.color,
      paper: read("--st-background-color", "#fff"),
      accent: read("--st-primary-color", "#c2255c"),
      font: read("--st-font", "sans-serif"),
      size: parseFloat(getComputedStyle(document.documentElement).fontSize),
    };
    if (JSON.stringify(look) !== this.seen) {
      this.seen = JSON.stringify(look);
      this.rgb = { ink: colourOf(look.ink), paper: colourOf(look.paper) };
      const light = this.rgb.paper.reduce((sum, value) => sum + value) > 384;
      this.root.dataset.light = String(light);
    }
    return { ...look, rgb: this.rgb };
  }

  draw() {
    const [a, b, share] = this.between();
    const look = this.look();
    if (this.dots.resize()) {
      const [from, to] = [this.places[a], this.places[b]];
      const half = Math.exp((1 - share) * Math.log(from[6]) + share * Math.log(to[6]));
      const rings = [{ index: this.chosen, colour: look.accent }];
      if (this.pointed >= 0 && this.pointed !== this.chosen)
        rings.unshift({ index: this.pointed, colour: look.ink });
      this.dots.draw([a, b, share], [from, to], half, look, rings);
    }
    this.drawImages(a, b, share, look.rgb.ink);
    this.drawBars(a, b, share);
    this.write(a, b, share);
  }

  // Ink on paper: a grey value is how much of it there is.
  paint(canvas, ink, grey) {
    const context = canvas.getContext("2d");
    this.image ??= context.createImageData(canvas.width, canvas.height);
    const { data } = this.image;
    for (let k = 0; k < this.pixels; k++) {
      data[4 * k] = ink[0];
      data[4 * k + 1] = ink[1];
      data[4 * k + 2] = ink[2];
      data[4 * k + 3] = grey(k);
    }
    context.putImageData(this.image, 0, 0);
  }

  drawImages(a, b, share, ink) {
    const { pixels, shown } = this;
    const what = `${ink} ${this.data.chosen.index}`;
    const now = `${what} ${a} ${share}`;
    if (shown.images === now) return;
    const fresh = shown.originals !== what;
    Object.assign(shown, { images: now, originals: what });
    const blend = (from, to, start) => (k) => (1 - share) * from[start + k] + share * to[start + k];
    const [yours, ...row] = this.pairs;
    const { image, made } = this.followed;
    const whole = (stop) => made.subarray(stop * pixels, (stop + 1) * pixels);
    if (fresh) this.paint(yours.original, ink, (k) => image[k]);
    this.paint(yours.made, ink, blend(whole(a), whole(b), 0));
    row.forEach((pair, nth) => {
      const start = nth * pixels;
      if (fresh) this.paint(pair.original, ink, (k) => this.images[start + k]);
      this.paint(pair.made, ink, blend(this.made[a], this.made[b], start));
    });
    this.sampled.forEach((canvas, nth) =>
      this.paint(canvas, ink, blend(this.drawn[a], this.drawn[b], nth * pixels)),
    );
  }

  drawBars(a, b, share) {
    const { stops, beside } = this.data;
    this.bars.forEach(({ fill, mark }, k) => {
      const value = (1 - share) * stops[a].kl[k] + share * stops[b].kl[k];
      fill.style.width = `${(100 * value) / this.most}%`;
      mark.style.left = `${(100 * stops[beside].kl[k]) / this.most}%`;
    });
  }

  // What is written: the figures of a stop, and whether one is there.
  write(a, b, share) {
    const { stops, beside, chosen } = this.data;
    const nearest = share < 0.5 ? a : b;
    const moving = share > 0 && share < 1;
    this.slider.value = this.along(this.position);
    this.slider.style.setProperty("--done", this.along(this.position));
    const now = `${nearest} ${moving} ${a} ${chosen.index} ${this.chosen} ${stops[nearest].said}`;
    if (this.shown.text === now) return;
    this.shown.text = now;
    const { name, said, figures, klSaid } = stops[nearest];
    this.root.dataset.between = String(moving);
    const place = moving ? `between ${stops[a].name} and ${stops[b].name}` : name;
    this.part("now").textContent = place[0].toUpperCase() + place.slice(1);
    this.slider.setAttribute("aria-valuetext", moving ? `${place}, blended` : said);
    if (!moving) this.part("map").setAttribute("aria-label", `Map of the test codes. ${said}`);
    this.figures.forEach(([value, against], k) => {
      [value.textContent, against.textContent] = figures[k];
    });
    const { name: other, kl } = stops[beside];
    this.bars.forEach(({ text }, k) => {
      const against = nearest === beside ? "" : ` (${other}: ${kl[k].toFixed(2)})`;
      text.textContent = klSaid[k] + against;
    });
    [...this.part("stops").children].forEach((mark, k) => mark.toggleAttribute("data-here", k === nearest));
    for (const { button, index } of this.pairs.slice(1))
      button.setAttribute("aria-pressed", String(index === this.chosen));
    this.pairs[0].button.toggleAttribute("data-late", this.chosen !== chosen.index);
  }

  destroy() {
    this.play(false);
    for (const request of [this.gliding, this.aligning, this.frame]) cancelAnimationFrame(request);
    this.observer.disconnect();
  }
}

const families = new WeakMap(); // called again with the same element when its data changes

export default function ({ data, parentElement, setStateValue }) {
  let family = families.get(parentElement);
  if (!family) {
    family = new Family(parentElement.querySelector(".family"));
    families.set(parentElement, family);
  }
  family.show(data, setStateValue).catch(family.fail);
  return () => {
    family.destroy();
    families.delete(parentElement);
  };
}
