// The loss terms of a run over its steps, with a line where the slider stands.

const TERM_COLOURS = ["--st-text-color", "#2f7ebc", "#c8691c", "#3a8a4d", "#8a4fbf"];
const LEFT = 46;
const BELOW = 20;
const RIGHT = 10;

class Graph {
  constructor(canvas, legend) {
    Object.assign(this, { canvas, legend, context: canvas.getContext("2d") });
  }

  // films: of which the first frames' terms are drawn; position: of the slider.
  draw(films, position, most, levels, look, changes) {
    const { canvas, context } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio))
      Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const lines = this.lines(films, look);
    const values = lines.flatMap(({ points }) => points.map(([, y]) => y));
    const named = Object.entries(levels);
    if (!values.length) return;
    // What a run begins with would press the rest together: it comes in from above the picture.
    const [total] = lines;
    const sorted = total.points.map(([, value]) => value).sort((a, b) => a - b);
    const reach = sorted[Math.floor(0.6 * (sorted.length - 1))];
    const top = 1.15 * Math.max(reach, ...named.map(([, level]) => level));
    const bottom = Math.min(0, ...values);
    const x = (at) => LEFT + (at / Math.max(most, 1)) * (width - LEFT - RIGHT);
    const y = (value) => height - BELOW - ((value - bottom) / (top - bottom)) * (height - BELOW - 8);
    this.axes({ width, height, top, bottom, x, y, most, look });
    context.save();
    context.beginPath();
    context.rect(LEFT, 0, width - LEFT, height - BELOW + 1);
    context.clip();
    const written = [];
    for (const [name, level] of named) this.level(name, level, { x, y, width, look, written });
    for (const { points, colour, dashed } of lines) {
      context.strokeStyle = colour;
      context.lineWidth = dashed ? 1 : 2;
      context.setLineDash(dashed ? [3, 3] : []);
      context.beginPath();
      points.forEach(([at, value], k) => context[k ? "lineTo" : "moveTo"](x(at), y(value)));
      context.stroke();
    }
    context.setLineDash([2, 3]);
    context.strokeStyle = look.text;
    context.lineWidth = 1;
    for (const step of changes) this.upright(x(along(step)), height);
    context.setLineDash([]);
    context.strokeStyle = look.accent;
    context.lineWidth = 2;
    this.upright(x(position), height);
    context.restore();
  }

  upright(x, height) {
    this.context.beginPath();
    this.context.moveTo(x, 4);
    this.context.lineTo(x, height - BELOW);
    this.context.stroke();
  }

  // A line for each term of each film: on held-out images, and dashed on those trained on.
  lines(films, look) {
    const found = [];
    const legend = [];
    films.forEach(({ film, title }, k) => {
      const measured = film.frames.filter((f, n, all) => !n || f.measured !== all[n - 1].measured);
      const terms = Object.keys(film.last?.validation ?? {});
      const total = (values) => terms.reduce((sum, term) => sum + (values[term] ?? NaN), 0);
      const own = (n) => TERM_COLOURS[n % TERM_COLOURS.length].replace("--st-text-color", look.text);
      const line = (of, kind) =>
        measured
          .filter((f) => Object.keys(f[kind]).length)
          .map((f) => [along(f.measured), of(f[kind])])
          .filter(([, value]) => Number.isFinite(value));
      const many = films.length > 1;
      const colour = own(k + (many ? 1 : 0));
      found.push({ points: line(total, "validation"), colour: many ? colour : look.text });
      legend.push([many ? title : "loss, held-out images", many ? colour : look.text]);
      if (many) return;
      found.push({ points: line(total, "train"), colour: look.text, dashed: true });
      if (terms.length > 1)
        terms.forEach((term, n) => {
          found.push({ points: line((v) => v[term], "validation"), colour: own(n + 1) });
          legend.push([term, own(n + 1)]);
        });
      legend.push(["dashed: images trained on", ""]);
    });
    const said = JSON.stringify(legend);
    if (said !== this.said) {
      this.said = said;
      this.legend.replaceChildren(
        ...legend.map(([name, colour]) => {
          const item = make("span", { textContent: name.replaceAll("_", " ") });
          if (colour) item.style.setProperty("--own", colour);
          else item.className = "plain";
          return item;
        }),
      );
    }
    return found;
  }

  axes({ width, height, top, bottom, x, y, most, look }) {
    const { context } = this;
    context.fillStyle = look.text;
    context.strokeStyle = look.line;
    context.lineWidth = 1;
    context.font = `${Math.max(0.72 * look.size, 11)}px ${look.font}`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const power = 10 ** Math.floor(Math.log10((top - bottom) / 3));
    const every = [1, 2, 5, 10].map((k) => k * power).find((k) => (top - bottom) / k <= 5);
    for (let value = Math.ceil(bottom / every) * every; value <= top; value += every) {
      context.beginPath();
      context.moveTo(LEFT, y(value));
      context.lineTo(width - RIGHT, y(value));
      context.stroke();
      context.fillText(Number(value.toPrecision(3)).toLocaleString("en"), LEFT - 6, y(value));
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    const steps = [0, 1, 10, 100, 1000, 10000, 100000].filter((step) => along(step) <= most);
    for (const step of steps)
      context.fillText(step.toLocaleString("en"), x(along(step)), height - BELOW + 5);
  }

  // written: where names stand already, { right, height }; this one goes beside them.
  level(name, value, { x, y, width, look, written }) {
    const { context } = this;
    context.strokeStyle = look.text;
    context.globalAlpha = 0.55;
    context.lineWidth = 1;
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(LEFT, y(value));
    context.lineTo(width - RIGHT, y(value));
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
    context.font = `${Math.max(0.72 * look.size, 11)}px ${look.font}`;
    context.fillStyle = look.text;
    context.textAlign = "left";
    context.textBaseline = "bottom";
    const [height, long] = [y(value), context.measureText(name).width];
    const size = parseFloat(context.font);
    const near = written.filter((other) => Math.abs(other.height - height) < 1.2 * size);
    const left = Math.max(x(0) + 4, ...near.map(({ right }) => right + 12));
    context.fillText(name, left, height - 2);
    written.push({ right: left + long, height });
  }
}
