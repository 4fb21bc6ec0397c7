// A bar, images and charts of something that goes on, and when to ask how it goes.

const PATIENCE = 4; // so many times as long as the last answer took is waited before the next
const LONGEST_MS = 4000; // but no longer than this: one slow answer is no crowd
const LOOKED_AT = ["visibilitychange", "pointerdown", "pointerup", "pointercancel"];
const CLICK_MS = 150; // from a released pointer to what its click does, and between looks at it
const LOST_MS = 15000; // a question without an answer is asked again: the line may have been cut

const watches = new WeakMap();

class Watch {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.app = document.querySelector('[data-testid="stApp"]');
    this.charts = new Map(); // name -> its element, with the text of what is drawn there
    this.took = 0;
    this.pressed = false; // an answer would cost a drag some of its frames
    this.look = ({ type }) => {
      if (type !== "visibilitychange") this.pressed = type === "pointerdown";
      if (this.due && this.free) this.wait(CLICK_MS);
    };
    for (const event of LOOKED_AT) document.addEventListener(event, this.look, true);
  }

  update(data, send) {
    if (data.n !== this.data?.n && this.asked) {
      this.took = performance.now() - this.asked;
      this.asked = 0;
    }
    const theme = this.theme();
    const same = this.data?.drawing === data.drawing && this.drawnIn === JSON.stringify(theme);
    this.data = data;
    this.send = send;
    const bar = this.root.querySelector(".bar");
    const percent = Math.round(100 * data.fraction);
    bar.setAttribute("aria-valuenow", percent);
    bar.setAttribute("aria-valuetext", data.text);
    this.part("text").textContent = data.text;
    this.part("filled").style.width = `${percent}%`;
    const first = data.state && !this.root.dataset.state;
    this.root.dataset.state = data.state;
    this.root.dataset.step = data.step ?? "";
    if (data.drawing && !same) this.draw(data, theme);
    if (!data.drawing) this.clear();
    if (first) this.come();
    this.wait(Math.max(data.every ?? 0, Math.min(PATIENCE * this.took, LONGEST_MS)));
  }

  // A run that begins where the settings were comes into view, also for who was far below.
  come() {
    const exhibit = this.root.closest(".st-key-exhibit") ?? this.root;
    if (exhibit.getBoundingClientRect().top < 0) exhibit.scrollIntoView({ block: "start" });
  }

  // -- asking ----------------------------------------------------------------------------

  get free() {
    return !document.hidden && !this.pressed;
  }

  // Something runs or is asked for. It may be another page: a question from this one would be
  // answered after it, and Streamlit would then show nothing but this part of the page that is left.
  get busy() {
    const state = this.app?.getAttribute("data-test-script-state");
    return state === "running" || state === "rerunRequested";
  }

  wait(delay) {
    clearTimeout(this.timer);
    this.due = false;
    if (this.data.every === null) return;
    this.timer = setTimeout(() => {
      this.due = true;
      if (this.busy) this.wait(CLICK_MS);
      else if (this.free) this.ask();
    }, delay);
  }

  ask() {
    this.asked = performance.now();
    this.wait(LOST_MS);
    this.send("tick", this.data.n);
  }

  // -- drawing ---------------------------------------------------------------------------

  async draw(data, theme) {
    let drawing;
    try {
      drawing = await download(data.drawing, (response) => response.json());
    } catch {
      return; // a newer one has taken its place on the server: the next answer names it
    }
    if (data.drawing !== this.data.drawing) return;
    this.drawnIn = JSON.stringify(theme);
    this.showDigits(drawing.columns);
    this.say("caption", drawing.caption);
    this.say("note", drawing.note);
    this.showNumbers(drawing.numbers);
    this.keepCharts(drawing.charts);
    try {
      const Plotly = await loadPlotly(data.plotly);
      for (const chart of drawing.charts) await this.chart(Plotly, chart, theme);
      this.say("trouble", "");
    } catch (error) {
      this.say("trouble", error.message);
    }
    this.root.dataset.ready = "true";
  }

  showNumbers(numbers) {
    const list = this.part("numbers");
    list.replaceChildren(
      ...Object.entries(numbers).map(([title, value]) => {
        const both = document.createElement("div");
        for (const [tag, text] of [["dt", title], ["dd", value]])
          both.append(Object.assign(document.createElement(tag), { textContent: text }));
        return both;
      }),
    );
    list.hidden = !list.childElementCount;
  }

  clear() {
    this.showDigits([]);
    this.showNumbers({});
    for (const part of ["caption", "note", "trouble"]) this.say(part, "");
    this.keepCharts([]);
  }

  keepCharts(charts) {
    const names = new Set(charts.map(({ name }) => name));
    for (const [name, place] of this.charts) {
      if (names.has(name)) continue;
      this.Plotly?.purge(place);
      place.remove();
      this.charts.delete(name);
    }
    this.part("charts").hidden = !names.size;
  }

  say(part, text) {
    this.part(part).textContent = text;
    this.part(part).hidden = !text;
  }

  showDigits(columns) {
    const gallery = this.part("digits");
    gallery.hidden = !columns.length;
    if (gallery.childElementCount !== columns.length) {
      const cells = columns.map(({ images }) => {
        const figure = document.createElement("figure");
        figure.append(...images.map(() => document.createElement("img")));
        figure.append(document.createElement("figcaption"));
        return figure;
      });
      gallery.replaceChildren(...cells);
    }
    columns.forEach(({ images, text }, k) => {
      const figure = gallery.children[k];
      images.forEach(([name, address], row) => {
        const image = figure.children[row];
        image.alt = `${name}, ${text}`;
        if (image.src !== address) image.src = address;
      });
      figure.lastElementChild.textContent = text;
    });
  }

  theme() {
    const style = getComputedStyle(this.root);
    const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    return {
      text: read("--st-text-color", "#222"),
      font: read("--st-font", "sans-serif"),
      size: parseFloat(getComputedStyle(document.documentElement).fontSize),
    };
  }

  async chart(Plotly, { name, alt, figure }, theme) {
    let place = this.charts.get(name);
    if (!place) {
      place = document.createElement("div");
      place.className = `chart ${name}`;
      place.setAttribute("role", "img");
      this.charts.set(name, place);
      this.part("charts").append(place);
      this.part("charts").hidden = false;
    }
    place.setAttribute("aria-label", alt);
    const axis = { gridcolor: "rgba(128, 128, 128, 0.2)", zeroline: false, automargin: true };
    const layout = {
      ...figure.layout,
      autosize: true,
      template: { layout: { xaxis: axis, yaxis: axis } },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: theme.font, color: theme.text, size: 0.8 * theme.size },
      uirevision: name, // what a person zoomed or hid stays
    };
    const traces = hasWebGL()
      ? figure.data
      : figure.data.map((t) => (t.type === "scattergl" ? { ...t, type: "scatter" } : t));
    await Plotly.react(place, traces, layout, { displayModeBar: false, responsive: true });
    this.Plotly = Plotly;
  }

  destroy() {
    clearTimeout(this.timer);
    for (const event of LOOKED_AT) document.removeEventListener(event, this.look, true);
    for (const place of this.charts.values()) this.Plotly?.purge(place);
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  let watch = watches.get(parentElement);
  if (!watch) {
    watch = new Watch(parentElement.querySelector(".aeviz-watch"));
    watches.set(parentElement, watch);
  }
  watch.update(data, setTriggerValue);
  return () => {
    watch.destroy();
    watches.delete(parentElement);
  };
}
