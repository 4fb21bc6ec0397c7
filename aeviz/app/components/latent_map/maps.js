// One map or two that are looked at, not walked through: no tiles decoded anew by the server, no
// place in the address. The component of each adds what is on it.

const GAP = 0.03; // between two maps, of the plot's longer side
const MOST_SVG = 1500; // dots a map without WebGL
const DOT = 0.14; // rem
const SOLID = 0.65; // a dot
const FAINT = 0.1; // dots of the other classes
const STEP = 0.02; // an arrow key, of the view

// One map of a plot: its codes, what lies under and over its dots.
class Side {
  constructor(root, number) {
    this.number = number;
    this.below = root.querySelector(`[data-below="${number}"]`);
    this.above = root.querySelector(`[data-above="${number}"]`);
    this.part = (name) => this.above.querySelector(`[data-part="${name}"]`);
    this.ground = new Ground(this.below.querySelector("canvas"));
    this.overlay = new Overlay({
      names: this.part("names"),
      scale: this.part("scale"),
      minimap: this.part("minimap"),
      images: this.part("images"),
    });
    this.overlay.says = (name) => `Show class ${name} alone`;
    const layer = this.below.querySelector("[data-part=layer]"); // where there can be one
    if (layer) this.layer = new Layer(layer, this.part("legend"));
  }

  // Codes have come, or another theme: all anew.
  lay(told, points, common) {
    if (points !== this.points) this.codes = new Codes(points);
    Object.assign(this, { told, points });
    this.layers = told.atlas ? [{ ...told.atlas, grid: null }] : [];
    const { window, equal, axes: titles, title } = told;
    const all = { ...common, codes: this.codes, window, equal, titles };
    this.layer?.lay({ ...all, layer: told.layer });
    this.ground.canvas.hidden = Boolean(told.layer);
    this.ground.lay({ ...all, layers: this.layers });
    this.overlay.lay(all);
    const named = this.part("title");
    if (named) named.textContent = title;
  }

  // All that follows the axes.
  follow([xaxis, yaxis], sheet) {
    const view = [...xaxis.range, ...yaxis.range].map(Number);
    const [width, height] = [xaxis._length, yaxis._length];
    for (const half of [this.below, this.above])
      Object.assign(half.style, {
        left: `${xaxis._offset}px`,
        top: `${yaxis._offset}px`,
        width: `${width}px`,
        height: `${height}px`,
      });
    Object.assign(this, { view, width, height });
    if (this.told.layer) this.layer.draw(view, width, height);
    else this.ground.draw(view, width, height);
    this.overlay.place(view, width, height, this.told.window);
    this.overlay.drawImages(view, width, height, sheet);
  }

  place(index) {
    const { xy } = this.points;
    return [xy[2 * index], xy[2 * index + 1]];
  }

  // Where a place is on the screen, px from the map's upper left corner.
  screen([x, y]) {
    const [x0, x1, y0, y1] = this.view;
    return [((x - x0) / (x1 - x0)) * this.width, ((y1 - y) / (y1 - y0)) * this.height];
  }

  // Put a ring at the code of an image; hidden where that is out of view.
  put(element, index) {
    const [left, top] = this.screen(index === null ? [NaN, NaN] : this.place(index));
    element.hidden = !(left >= 0 && left <= this.width && top >= 0 && top <= this.height);
    element.style.transform = `translate(${left}px, ${top}px)`;
  }

  // Put a handle at the code of an image, or at a place; at the edge, pointing there, where that is
  // out of view.
  hold(element, index, place = this.place(index)) {
    const [x, y] = this.screen(place);
    const edge = (value, length) => Math.min(Math.max(value, 0), length);
    const [left, top] = [edge(x, this.width), edge(y, this.height)];
    element.hidden = false;
    element.dataset.outside = String(Math.abs(left - x) > 1 || Math.abs(top - y) > 1);
    element.style.setProperty("--towards", `${Math.atan2(y - top, x - left)}rad`);
    element.style.transform = `translate(${left}px, ${top}px)`;
  }

  // Where on the map a pointer is.
  at(event) {
    const box = this.above.getBoundingClientRect();
    const [x0, x1, y0, y1] = this.view;
    return [
      x0 + ((event.clientX - box.left) / box.width) * (x1 - x0),
      y1 - ((event.clientY - box.top) / box.height) * (y1 - y0),
    ];
  }

  nearest([x, y]) {
    return this.codes.nearest(x, y, 1)[0].index;
  }

  // Whether no code is near a place.
  empty([x, y]) {
    return this.told.far !== null && this.codes.nearest(x, y, 1)[0].distance > this.told.far;
  }

  // The blended image at the code of an image, while there is no exact one, or at a place.
  blended(index, mixed, [x, y] = this.place(index)) {
    const layer = finest(this.layers, x, y);
    return layer ? blend(layer, x, y, mixed) : null;
  }
}

// One map or two in one plot of Plotly's, as a browser gives a page few WebGL contexts. Who extends
// it says what is done with a click (`click`), with the mouse over a dot (`hover`), and what else
// follows the axes (`place`).
class Maps {
  constructor(parent) {
    this.root = parent.querySelector(".aeviz-map");
    this.part = (name) => this.root.querySelector(`[data-part="${name}"]`);
    this.stage = this.root.querySelector(".stage");
    this.plot = this.part("plot");
    const many = this.root.querySelectorAll("[data-below]").length;
    this.sides = Array.from({ length: many }, (_, number) => new Side(this.root, number));
    this.alone = null; // the class that is shown alone
    this.unlink = links.follow((dot) => this.linked(dot));
    for (const side of this.sides) {
      side.ground.onready = () => this.follow();
      if (side.layer) Object.assign(side.layer, { onready: () => this.follow(), onfail: this.fail });
      side.overlay.onname = (label) => this.only(this.alone === label ? null : label);
      side.overlay.onhover = (label) => this.fade(label ?? this.alone);
    }
  }

  // What the server sends; true once it is drawn, false where a newer update overtook it.
  async receive(data) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const Plotly = await loadPlotly(data.plotly);
    const points = await Promise.all(data.sides.map((one) => download(one.points, readPoints)));
    if (turn !== this.turn) return false;
    this.Plotly = Plotly;
    this.data = data;
    const theme = this.theme();
    const { plotly, sheet, shape, classes, colours, noun, wheel, sides } = data;
    const drawn = JSON.stringify([sheet, shape, classes, colours, noun, wheel, sides, theme]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.lay(points, theme);
      await this.draw(theme);
      if (turn !== this.turn) return false;
      this.grids();
    }
    this.root.dataset.ready = "true";
    return true;
  }

  fail = (error) => {
    const message = this.part("message");
    message.textContent = error.message;
    message.hidden = false;
  };

  theme() {
    const style = getComputedStyle(this.root);
    return {
      background: style.getPropertyValue("--st-background-color").trim() || "#fff",
      text: style.getPropertyValue("--st-text-color").trim() || "#222",
      size: parseFloat(getComputedStyle(document.documentElement).fontSize),
      stacked: this.sides.length > 1 && this.stage.clientHeight > this.stage.clientWidth,
    };
  }

  lay(points, theme) {
    const paper = colourOf(theme.background);
    const light = paper[0] + paper[1] + paper[2] > 384;
    this.root.dataset.light = String(light);
    const { shape, classes, noun } = this.data;
    const common = { shape, classes, noun, paper, light, colours: this.data.colours.map(colourOf) };
    this.data.sides.forEach((told, k) => this.sides[k].lay(told, points[k], common));
  }

  grids() {
    for (const side of this.sides)
      for (const layer of side.layers)
        download(layer.url, (response) => readAtlas(response, ...this.data.shape)).then((grid) => {
          layer.grid = grid;
          side.ground.changed();
          this.follow();
          this.onfile();
        }, this.fail);
    download(this.data.sheet, (response) => readSheet(response, ...this.data.shape)).then((sheet) => {
      this.sheet = sheet;
      this.follow();
      this.onfile();
    }, this.fail);
  }

  async draw(theme) {
    const webgl = hasWebGL();
    const { count } = this.sides[0].points;
    const order = shuffled(count).slice(0, webgl ? count : MOST_SVG);
    this.order = order;
    this.stacked = theme.stacked;
    const whole = [0, 1];
    const parts = this.sides.length === 1 ? [whole] : [[0, (1 - GAP) / 2], [(1 + GAP) / 2, 1]];
    const layout = {
      autosize: true,
      margin: { l: 0, r: 0, t: 0, b: 0 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: theme.text },
      showlegend: false,
      modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: theme.text },
      hovermode: "closest",
      hoverdistance: 6,
      dragmode: "pan",
      uirevision: this.data.sides.map((one) => one.points).join(),
    };
    const traces = this.sides.map(({ told, points: { xy, labels } }, k) => {
      const name = k ? "2" : "";
      const [x0, x1, y0, y1] = told.window;
      layout[`xaxis${name}`] = {
        range: [x0, x1],
        visible: false,
        anchor: `y${name}`,
        domain: theme.stacked ? whole : parts[k],
      };
      layout[`yaxis${name}`] = {
        range: [y0, y1],
        visible: false,
        anchor: `x${name}`,
        domain: theme.stacked ? parts[parts.length - 1 - k] : whole,
        ...(told.equal ? { scaleanchor: `x${name}` } : {}),
      };
      return {
        type: webgl ? "scattergl" : "scatter",
        mode: "markers",
        x: order.map((n) => xy[2 * n]),
        y: order.map((n) => xy[2 * n + 1]),
        customdata: order,
        hoverinfo: "none",
        xaxis: `x${name}`,
        yaxis: `y${name}`,
        marker: {
          color: order.map((n) => this.data.colours[labels[n] % this.data.colours.length]),
          size: DOT * theme.size,
          opacity: SOLID,
        },
      };
    });
    await this.Plotly.react(this.plot, traces, layout, {
      responsive: true,
      displaylogo: false,
      showSendToCloud: false,
      scrollZoom: this.data.wheel,
      doubleClick: false,
      modeBarButtonsToRemove: ["toImage", "autoScale2d", "select2d", "lasso2d"],
    });
    this.settle();
    if (this.bound) return;
    this.bound = true;
    this.plot.on("plotly_hover", (event) => {
      this.hover(event.points[0].customdata);
      links.mark(`test-${event.points[0].customdata}`);
    });
    this.plot.on("plotly_unhover", () => {
      this.hover(null);
      links.mark(null);
    });
    this.plot.on("plotly_click", (event) => this.click(event.points[0].customdata));
    this.plot.on("plotly_doubleclick", () => this.whole());
    this.plot.on("plotly_relayout", () => this.settle());
    for (const name of ["plotly_relayouting", "plotly_afterplot"])
      this.plot.on(name, () => this.follow());
    this.resize = new ResizeObserver(() => this.resized());
    this.resize.observe(this.stage);
  }

  // Beside each other or one below the other, as there is room.
  resized() {
    const theme = this.theme();
    if (theme.stacked !== this.stacked) this.draw(theme).catch(this.fail);
    else this.settle();
  }

  whole() {
    const wanted = {};
    this.sides.forEach(({ told: { window: [x0, x1, y0, y1] } }, k) => {
      wanted[`xaxis${k ? "2" : ""}.range`] = [x0, x1];
      wanted[`yaxis${k ? "2" : ""}.range`] = [y0, y1];
    });
    this.Plotly.relayout(this.plot, wanted).catch(this.fail);
  }

  follow() {
    const layout = this.plot._fullLayout;
    if (!layout?.[this.sides.length > 1 ? "yaxis2" : "yaxis"]) return;
    this.sides.forEach((side, k) => {
      const name = k ? "2" : "";
      side.follow([layout[`xaxis${name}`], layout[`yaxis${name}`]], this.sheet);
    });
    this.place();
  }

  settle() {
    this.follow();
    for (const side of this.sides) if (side.view) side.overlay.settle(side.view);
    this.follow();
  }

  only(label) {
    this.alone = label;
    this.fade(label);
  }

  fade(label) {
    const { labels } = this.sides[0].points;
    const opacity =
      label === null ? SOLID : this.order.map((n) => (labels[n] === label ? 0.9 : FAINT));
    this.Plotly.restyle(this.plot, { "marker.opacity": this.sides.map(() => opacity) }).catch(this.fail);
  }

  // A grid or the images have come.
  onfile() {}

  // The mouse is over an image of the page that has a dot here, or over none any more.
  linked(dot) {
    if (this.bound) this.hover(links.image(dot));
  }

  hover() {}

  // Have a handle dragged, or moved with the keys, from code to code: `at()` is the image where it
  // is, `move(index, place)` puts it elsewhere, `rest()` follows when it is let go.
  draggable(side, handle, { at, move, rest = () => {} }) {
    let dragging = false;
    let cursor = null; // a place of its own, else a step shorter than the next code would be none
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      dragging = true;
      event.preventDefault();
      handle.focus({ preventScroll: true });
    });
    handle.addEventListener("pointermove", (event) => {
      if (!dragging) return;
      const place = side.at(event);
      move(side.nearest(place), place);
    });
    for (const kind of ["pointerup", "lostpointercapture"])
      handle.addEventListener(kind, () => {
        if (dragging) rest();
        dragging = false;
      });
    handle.addEventListener("blur", () => (cursor = null));
    handle.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (!way[event.key]) return;
      event.preventDefault();
      const [x0, x1, y0, y1] = side.view;
      const [dx, dy] = way[event.key].map((one) => one * STEP);
      const [x, y] = cursor ?? side.place(at());
      const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
      cursor = [clamp(x + dx * (x1 - x0), x0, x1), clamp(y + dy * (y1 - y0), y0, y1)];
      move(side.nearest(cursor), cursor);
      rest();
    });
  }

  // What a handle says to who does not see it: the image where it is.
  say(side, handle, index) {
    const [x, y] = side.place(index);
    const name = this.data.classes[side.points.labels[index]];
    handle.setAttribute("aria-valuemin", side.told.window[0].toFixed(2));
    handle.setAttribute("aria-valuemax", side.told.window[1].toFixed(2));
    handle.setAttribute("aria-valuenow", x.toFixed(2));
    handle.setAttribute(
      "aria-valuetext",
      `${name}, test image ${index}, at ${x.toFixed(2)}, ${y.toFixed(2)}`,
    );
  }

  destroy() {
    this.unlink();
    this.resize?.disconnect();
    if (this.bound) this.Plotly.purge(this.plot);
    this.bound = false;
  }
}
