// Plays films of images side by side and blends between their frames at the screen's rate.

const REST = 0.6; // seconds at an end before it turns back
class Player {
  constructor(root) {
    this.root = root;
    this.position = 0; // in [0, 1] along the path
    this.direction = 1;
    this.rest = REST;
    this.playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.screens = make("div", { className: "screens" }, root);
    const bar = make("div", { className: "bar" }, root);
    this.button = make("button", { type: "button", className: "play" }, bar);
    this.button.addEventListener("click", () => this.play(!this.playing));
    const track = make("div", { className: "track" }, bar);
    this.scrubber = make("input", { type: "range", min: 0, max: 1, step: "any", value: 0 }, track);
    this.scrubber.setAttribute("aria-label", "Position on the path");
    this.scrubber.addEventListener("input", () => {
      this.play(false);
      this.position = Number(this.scrubber.value);
      this.draw();
    });
    this.marks = make("div", { className: "marks" }, track);
    this.caption = make("p", { className: "caption" }, root);
    this.tick = this.tick.bind(this);
  }

  show(data) {
    this.frames = Uint8Array.from(atob(data.frames), (c) => c.charCodeAt(0));
    this.captions = data.captions;
    this.count = data.captions.length;
    this.seconds = data.seconds;
    this.chart = data.chart;
    this.places = data.places;
    this.colour = data.colour;
    const [height, width] = data.shape;
    this.pixels = height * width;
    if (this.screens.childElementCount !== data.titles.length) {
      this.screens.replaceChildren(...data.titles.map(() => this.screen(height, width)));
      this.contexts = [...this.screens.querySelectorAll("canvas")].map((c) => c.getContext("2d"));
      this.image = this.contexts[0].createImageData(width, height);
      this.image.data.fill(255);
    }
    [...this.screens.children].forEach((figure, row) => {
      figure.querySelector("canvas").setAttribute("aria-label", data.titles[row]);
      figure.querySelector("figcaption").textContent = data.titles[row];
    });
    this.marks.replaceChildren(
      ...data.marks.map(([name, place]) => {
        const mark = make("span", { textContent: name });
        mark.style.setProperty("--place", place);
        return mark;
      }),
    );
    this.draw();
    this.play(this.playing);
  }

  screen(height, width) {
    const figure = make("figure");
    make("canvas", { width, height }, figure).setAttribute("role", "img");
    make("figcaption", {}, figure);
    return figure;
  }

  play(on) {
    this.playing = on;
    showPlaying(this.button, on);
    cancelAnimationFrame(this.request);
    this.before = null;
    if (on) this.request = requestAnimationFrame(this.tick);
  }

  tick(now) {
    const passed = this.before === null ? 0 : Math.min((now - this.before) / 1000, 0.1);
    this.before = now;
    if (this.rest > 0) {
      this.rest -= passed;
    } else {
      this.position += (this.direction * passed) / this.seconds;
      if (this.position <= 0 || this.position >= 1) {
        this.direction = this.position <= 0 ? 1 : -1;
        this.position = Math.min(Math.max(this.position, 0), 1);
        this.rest = REST;
      }
      this.draw();
    }
    this.request = requestAnimationFrame(this.tick);
  }

  draw() {
    const place = this.position * (this.count - 1);
    const first = Math.min(Math.floor(place), this.count - 2);
    const share = place - first;
    this.contexts.forEach((context, row) => {
      const a = (row * this.count + first) * this.pixels;
      const pixels = this.image.data;
      for (let i = 0; i < this.pixels; i++) {
        const grey = (1 - share) * this.frames[a + i] + share * this.frames[a + this.pixels + i];
        pixels[4 * i] = pixels[4 * i + 1] = pixels[4 * i + 2] = grey;
      }
      context.putImageData(this.image, 0, 0);
    });
    this.run(first, share);
    const text = this.captions[Math.round(place)];
    this.scrubber.value = this.position;
    this.scrubber.style.setProperty("--done", this.position);
    if (this.caption.textContent !== text) {
      this.caption.textContent = text;
      this.scrubber.setAttribute("aria-valuetext", text);
    }
  }

  // A dot on a chart of the page, where this frame lies. It is no part of the chart, which would be
  // drawn anew sixty times a second, and Streamlit may put another chart in its place at any time.
  run(first, share) {
    if (!this.chart) return;
    const plot = document.querySelector(`.st-key-${this.chart} .js-plotly-plot`);
    const { xaxis, yaxis } = plot?._fullLayout ?? {};
    if (!xaxis?.d2p || !yaxis?.d2p) return;
    if (this.runner?.parentElement !== plot) {
      this.runner?.remove();
      this.runner = make("div", { className: "aeviz-runner" }, plot);
      this.runner.dataset.testid = "runner";
      Object.assign(this.runner.style, {
        position: "absolute", left: "-8px", top: "-8px", width: "16px", height: "16px",
        boxSizing: "border-box", borderRadius: "50%", border: "2.5px solid #fff",
        background: this.colour, boxShadow: "0 0 4px rgb(0 0 0 / 60%)", pointerEvents: "none",
      });
    }
    const [a, b] = [this.places[first], this.places[first + 1]];
    const x = xaxis.d2p((1 - share) * a[0] + share * b[0]);
    const y = yaxis.d2p((1 - share) * a[1] + share * b[1]);
    const seen = x >= 0 && y >= 0 && x <= xaxis._length && y <= yaxis._length; // one may zoom
    this.runner.style.visibility = seen ? "visible" : "hidden";
    this.runner.style.transform = `translate(${xaxis._offset + x}px, ${yaxis._offset + y}px)`;
  }
}

const players = new WeakMap(); // called again with the same element when its data changes

export default function ({ data, parentElement }) {
  let player = players.get(parentElement);
  if (!player) {
    player = new Player(parentElement.querySelector(".player"));
    players.set(parentElement, player);
  }
  player.show(data);
  return () => {
    player.play(false);
    player.runner?.remove();
    players.delete(parentElement);
  };
}
