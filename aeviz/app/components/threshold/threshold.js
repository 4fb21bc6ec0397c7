// Scores of two groups back to back: normal ones rise, odd ones hang. A line across both is the
// threshold, and what it flags is counted while it moves.

const BINS = 56;
const CORNER = 42; // px above and below the bars, for the counts; more in large type
const HALF = 100; // px for the bars of one group
const FOOT = 40; // px for numbers and title below; more in large type
const SETTLED = 350; // ms after the last key until the server hears of it

function draw(tag, attributes, parent) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

function numbers(text) {
  return new Float64Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
}

// How many scores, in rising order, lie above a value.
function above(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] > value) high = middle;
    else low = middle + 1;
  }
  return sorted.length - low;
}

const whole = (n) => n.toLocaleString("en");
const short = (value) => String(Number(value.toPrecision(3)));
const spread = (share, n) => Math.sqrt((share * (1 - share)) / n); // of a share of n images

// The most that a share can well be of which none of n images was seen: with it, none is seen in 5
// of 100 tries (Clopper & Pearson 1934), about 3 / n. As `estimate.bound`.
const bound = (n) => 1 - 0.05 ** (1 / n);

// A percentage with the digits that its error needs.
function percent(value, error = 0) {
  if (!Number.isFinite(value)) return "none";
  const [shown, apart] = [100 * value, 100 * error];
  if (!(apart > 0)) return `${shown.toFixed(1)} %`;
  const digits = apart.toFixed(1) > 0 ? 1 : Math.min(Math.ceil(-Math.log10(apart)), 9);
  return `${shown.toFixed(digits)} ± ${apart.toFixed(digits)} %`;
}

// A bound with one digit of what it is away from the end, rounded away from what it bounds.
function atMost(share) {
  const most = 100 * share;
  const digits = Math.max(-Math.floor(Math.log10(most)), 0);
  return `at most ${(Math.ceil(most * 10 ** digits) / 10 ** digits).toFixed(digits)} %`;
}

function atLeast(share) {
  const away = 100 * (1 - share);
  const digits = Math.max(-Math.floor(Math.log10(away)), 0);
  return `at least ${(100 - Math.ceil(away * 10 ** digits) / 10 ** digits).toFixed(digits)} %`;
}

// So many of n images: a share with its error; of none or of all, by how far that is known.
function share(count, n) {
  if (!n) return "none";
  const of = `${whole(count)} of ${whole(n)}: `;
  if (count === 0) return of + atMost(bound(n));
  if (count === n) return of + atLeast(1 - bound(n));
  return percent(count / n, spread(count / n, n));
}

// Share of anomalies among the flagged where a share of all images are anomalies, by Bayes'
// theorem; the odds are recall / false-positive rate times a constant, which gives the error.
// Without a false alarm, or without a catch, the bound of that rate gives one of precision.
function precision(caught, m, alarms, n, among) {
  if (!m || !n || !(caught || alarms)) return "none";
  const of = (r, f) => (r * among) / (r * among + f * (1 - among));
  if (!alarms) return atLeast(of(caught / m, bound(n)));
  if (!caught) return atMost(of(bound(m), alarms / n));
  const [recall, falseRate] = [caught / m, alarms / n];
  const value = of(recall, falseRate);
  const ofLogOdds = Math.hypot(spread(recall, m) / recall, spread(falseRate, n) / falseRate);
  return percent(value, value * (1 - value) * ofLogOdds);
}

class Threshold {
  constructor(root) {
    this.root = root;
    this.dragging = false;
    this.verdict = make("p", { className: "verdict" }, root);
    this.waiting = null; // a timer: keys that the server has not heard of
    this.at = 0; // when it was last told of a threshold
    this.plot = make("div", { className: "plot" }, root);
    this.svg = draw("svg", { "aria-hidden": "true" }, this.plot);
    this.corners = {};
    for (const [name, side, label] of [
      ["through", "left", "normal, let through"],
      ["alarms", "right", "false alarms"],
      ["missed", "left", "missed"],
      ["caught", "right", "caught"],
    ]) {
      const corner = make("div", { className: `corner ${side}` }, this.plot);
      this.corners[name] = make("b", {}, corner);
      this.corners[name].dataset.testid = `count-${name}`;
      corner.append(label);
    }
    this.line = make("div", { className: "line", tabIndex: 0 }, this.plot);
    this.line.setAttribute("role", "slider");
    this.line.setAttribute("aria-label", "Threshold");
    const list = make("dl", { className: "figures" }, root);
    this.figures = Object.fromEntries(
      ["Threshold", "Precision", "Recall", "False-positive rate"].map((name) => {
        const cell = make("div", {}, list);
        const title = make("dt", { textContent: name }, cell);
        if (name === "Precision") this.among = title; // it says at which share of anomalies
        return [name, make("dd", {}, cell)];
      }),
    );

    this.plot.addEventListener("pointerdown", (event) => this.begin(event));
    this.plot.addEventListener("pointermove", (event) => this.dragging && this.follow(event));
    this.plot.addEventListener("pointerup", () => this.end(true));
    this.plot.addEventListener("click", (event) => this.tap(event));
    this.plot.addEventListener("pointercancel", () => this.end(false));
    this.line.addEventListener("keydown", (event) => this.key(event));
    this.line.addEventListener("blur", () => this.tell()); // before whatever is pressed next
    this.observer = new ResizeObserver(() => this.layOut());
    this.observer.observe(this.plot);
  }

  show(data, send) {
    this.send = send;
    this.data = data;
    this.normal = numbers(data.normal);
    this.odd = numbers(data.odd);
    // An answer to what was done before the last key or drag takes neither back.
    const late = this.waiting !== null || data.at < this.at;
    if (!late) this.told = data.threshold;
    const ends = [this.normal, this.odd].filter((group) => group.length);
    const places = data.marks.map((mark) => mark[1]);
    const all = [
      ...ends.flatMap((group) => [group[0], group[group.length - 1]]),
      ...places,
      data.suggested[1],
    ];
    const least = Math.min(...all.filter((value) => value > 0));
    this.low = Math.log(Math.max(Math.min(...all), 1e-3 * least)) - 0.06;
    this.high = Math.log(Math.max(...all)) + 0.06;
    if (!this.dragging) this.value = this.clamped(late ? this.value : data.threshold);
    this.root.style.setProperty("--mark", data.colours.mark);
    this.layOut();
  }

  // Places are in px, values on a logarithmic scale.
  place(value) {
    const far = (Math.log(Math.max(value, 1e-12)) - this.low) / (this.high - this.low);
    return this.width * Math.min(Math.max(far, 0), 1);
  }

  clamped(value) {
    return Math.min(Math.max(value, Math.exp(this.low)), Math.exp(this.high));
  }

  bars(sorted) {
    const counts = new Array(BINS).fill(0);
    for (const value of sorted) {
      const far = (Math.log(Math.max(value, 1e-12)) - this.low) / (this.high - this.low);
      counts[Math.min(Math.max(Math.floor(far * BINS), 0), BINS - 1)] += 1 / sorted.length;
    }
    return counts;
  }

  layOut() {
    const width = this.plot.clientWidth;
    if (!width || !this.data) return;
    this.width = width;
    const both = this.odd.length > 0;
    const large = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const corner = CORNER * large;
    const axis = corner + HALF;
    const foot = both ? axis + HALF + corner : axis;
    this.svg.setAttribute("height", foot + FOOT * large);
    this.svg.replaceChildren();
    const groups = [["normal", this.bars(this.normal), -1]];
    if (both) groups.push(["odd", this.bars(this.odd), 1]);
    for (const [name, counts, sign] of groups) {
      const most = Math.max(...counts);
      const step = width / BINS;
      let path = `M0 ${axis}`;
      counts.forEach((count, k) => {
        path += `V${axis + (sign * HALF * count) / most}H${(k + 1) * step}`;
      });
      draw("path", { d: `${path}V${axis}Z`, fill: this.data.colours[name] }, this.svg);
    }
    this.fade = draw("rect", { class: "fade", x: 0, y: 0, height: foot }, this.svg);
    draw("path", { class: "rule", d: `M0 ${axis}H${width}` }, this.svg);

    const [what, suggested] = this.data.suggested;
    const x = this.place(suggested);
    draw("path", { class: "suggested", d: `M${x} ${corner - 8}V${foot}` }, this.svg);
    const label = { class: "soft", y: corner - 14, x, "text-anchor": "middle" };
    draw("text", label, this.svg).textContent = what;
    for (const [, score] of this.data.marks) {
      const at = this.place(score);
      const colour = this.data.colours.mark;
      draw("path", { d: `M${at} ${corner}V${foot}`, stroke: colour, "stroke-width": 2 }, this.svg);
      draw("path", { d: `M${at - 7} ${corner - 2}h14l-7 12z`, fill: colour }, this.svg);
    }
    this.ticks(foot, large);
    const title = { x: width / 2, y: foot + 34 * large, "text-anchor": "middle" };
    draw("text", title, this.svg).textContent = this.data.title;

    for (const name of ["through", "alarms"]) this.corners[name].parentElement.style.top = "0";
    for (const name of ["missed", "caught"]) {
      Object.assign(this.corners[name].parentElement.style, {
        top: `${axis + HALF}px`,
        display: both ? "" : "none",
      });
    }
    const tall = both ? 2 * HALF : HALF; // its handle on the axis between the groups
    Object.assign(this.line.style, { top: `${corner}px`, height: `${tall}px` });
    this.line.setAttribute("aria-valuemin", Math.exp(this.low));
    this.line.setAttribute("aria-valuemax", Math.exp(this.high));
    this.move(this.value);
  }

  ticks(y, large) {
    const found = [[1, 2, 5], [1, 3], [1]]
      .map((steps) => {
        const values = [];
        for (let k = -12; k < 9; k++) {
          for (const step of steps) {
            const value = step * 10 ** k;
            if (Math.log(value) > this.low && Math.log(value) < this.high) values.push(value);
          }
        }
        return values;
      })
      .find((values) => values.length * 58 * large < this.width || values.length < 3);
    for (const value of found) {
      const x = this.place(value);
      draw("path", { class: "rule", d: `M${x} ${y}v5` }, this.svg);
      const edge = 16 * large;
      const near = x < edge ? "start" : x > this.width - edge ? "end" : "middle";
      const place = { x, y: y + 17 * large, "text-anchor": near, class: "soft" };
      draw("text", place, this.svg).textContent = short(value);
    }
  }

  move(value) {
    this.value = value;
    const x = this.place(value);
    this.line.style.left = `${x}px`;
    this.fade.setAttribute("width", x);
    const caught = above(this.odd, value);
    const alarms = above(this.normal, value);
    const said = {
      through: this.normal.length - alarms,
      alarms,
      missed: this.odd.length - caught,
      caught,
    };
    for (const [name, n] of Object.entries(said)) this.corners[name].textContent = whole(n);
    this.figures.Threshold.textContent = short(value);
    const [n, m, among] = [this.normal.length, this.odd.length, this.data.share];
    this.among.textContent = `Precision at ${short(100 * among)} % anomalies`;
    this.figures.Precision.textContent = precision(caught, m, alarms, n, among);
    this.figures.Recall.textContent = share(caught, m);
    this.figures["False-positive rate"].textContent = share(alarms, n);
    this.line.setAttribute("aria-valuenow", value);
    const text = `${short(value)}: ${caught} caught, ${said.missed} missed, ${alarms} false alarms`;
    this.line.setAttribute("aria-valuetext", text);
    this.judge(value);
  }

  judge(value) {
    const { marks } = this.data;
    const flagged = marks.filter(([, score]) => score > value).length;
    this.verdict.replaceChildren();
    if (!marks.length) return;
    make("b", { textContent: "▼ " }, this.verdict);
    const one = marks.length === 1;
    const text = one
      ? `${marks[0][0]}: ${short(marks[0][1])}, ${flagged ? "flagged" : "not flagged"}.`
      : `${flagged} of your ${marks.length} images are flagged.`;
    this.verdict.append(text);
  }

  begin(event) {
    if (event.button !== 0) return;
    // A finger beside the line scrolls the page, or taps.
    if (event.pointerType === "touch" && !this.line.contains(event.target)) return;
    this.plot.setPointerCapture(event.pointerId);
    this.dragging = true;
    this.line.focus({ preventScroll: true });
    event.preventDefault();
    this.follow(event);
  }

  // Of a mouse, the press has moved the line there already.
  tap(event) {
    this.follow(event);
    this.tell();
  }

  follow(event) {
    const far = (event.clientX - this.plot.getBoundingClientRect().left) / this.width;
    const within = Math.min(Math.max(far, 0), 1);
    this.move(Math.exp(this.low + within * (this.high - this.low)));
  }

  end(kept) {
    if (!this.dragging) return;
    this.dragging = false;
    if (kept) this.tell();
    else this.move(this.clamped(this.told)); // the finger scrolls the page
  }

  key(event) {
    const one = (this.high - this.low) / 100;
    const step = {
      ArrowLeft: -one,
      ArrowDown: -one,
      ArrowRight: one,
      ArrowUp: one,
      PageDown: -10 * one,
      PageUp: 10 * one,
      Home: -Infinity,
      End: Infinity,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.move(this.clamped(Math.exp(Math.log(this.value) + step)));
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.tell(), SETTLED);
  }

  tell() {
    clearTimeout(this.waiting);
    this.waiting = null;
    if (this.dragging || this.value === this.told) return;
    this.told = this.value;
    this.at = Date.now(); // the same again counts too
    this.send("threshold", { value: this.value, at: this.at });
  }
}

const plots = new WeakMap(); // called again with the same element when its data changes

export default function ({ data, parentElement, setStateValue }) {
  let plot = plots.get(parentElement);
  if (!plot) {
    plot = new Threshold(parentElement.querySelector(".threshold"));
    plots.set(parentElement, plot);
  }
  plot.show(data, setStateValue);
  return () => {
    plot.observer.disconnect();
    clearTimeout(plot.waiting);
    plots.delete(parentElement);
  };
}
