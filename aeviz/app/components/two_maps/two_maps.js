// Two maps side by side. The probes of both stand at the code of one image, and what is under the
// mouse on one map is ringed on both. Plotly draws the dots of both in one plot, as a browser gives
// a page few WebGL contexts.

const GAP = 0.03; // between the maps, of the plot's longer side
const MOST_SVG = 1500; // dots a map without WebGL
const DOT = 0.14; // rem
const SOLID = 0.65; // a dot
const FAINT = 0.1; // dots of the other classes
const STILL_MS = 120; // the pointer rests: tell the server
const STEP = 0.02; // an arrow key, of the view

const instances = new WeakMap();

// One of the two maps: its codes, what lies under and over its dots, its probe.
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
    this.handle = this.part("probe");
    this.ring = this.part("ring");
  }

  // Codes have come, or another theme: all anew.
  lay(told, points, common) {
    if (points !== this.points) this.codes = new Codes(points);
    Object.assign(this, { told, points });
    this.layers = [{ ...told.atlas, grid: null }];
    const { window, equal, axes: titles, title } = told;
    const all = { ...common, codes: this.codes, window, equal, titles };
    this.ground.lay({ ...all, layers: this.layers });
    this.overlay.lay(all);
    this.part("title").textContent = title;
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
    this.ground.draw(view, width, height);
    this.overlay.place(view, width, height, this.told.window);
    this.overlay.drawImages(view, width, height, sheet, SHEET_COLUMNS);
  }

  place(index) {
    const { xy } = this.points;
    return [xy[2 * index], xy[2 * index + 1]];
  }

  // Put an element at the code of an image; hidden where that is out of view.
  put(element, index) {
    const [x0, x1, y0, y1] = this.view;
    const [x, y] = index === null ? [NaN, NaN] : this.place(index);
    const [left, top] = [((x - x0) / (x1 - x0)) * this.width, ((y1 - y) / (y1 - y0)) * this.height];
    element.hidden = !(left >= 0 && left <= this.width && top >= 0 && top <= this.height);
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

  // The blended image at the code of an image, while there is no exact one.
  blended(index, mixed) {
    const [x, y] = this.place(index);
    const layer = finest(this.layers, x, y);
    return layer ? blend(layer, x, y, mixed) : null;
  }
}

class TwoMaps {
  constructor(parent) {
    this.root = parent.querySelector(".aeviz-map");
    this.part = (name) => this.root.querySelector(`[data-part="${name}"]`);
    this.stage = this.root.querySelector(".stage");
    this.plot = this.part("plot");
    this.sides = [0, 1].map((number) => new Side(this.root, number));
    this.index = null; // of the image at both probes
    this.told = null; // of the one that the server was last told of
    this.hovered = null;
    this.alone = null; // the class that is shown alone
    this.sides.forEach((side) => this.listen(side));
  }

  listen(side) {
    side.ground.onready = () => this.follow();
    side.overlay.onname = (label) => this.only(this.alone === label ? null : label);
    side.overlay.onhover = (label) => this.fade(label ?? this.alone);
    const { handle } = side;
    let dragging = false;
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      dragging = true;
      event.preventDefault();
      handle.focus({ preventScroll: true });
    });
    handle.addEventListener("pointermove", (event) => {
      if (dragging) this.show(side.nearest(side.at(event)));
    });
    for (const kind of ["pointerup", "lostpointercapture"])
      handle.addEventListener(kind, () => (dragging = false));
    handle.addEventListener("blur", () => (side.cursor = null));
    handle.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (!way[event.key]) return;
      event.preventDefault();
      const [x0, x1, y0, y1] = side.view;
      const [dx, dy] = way[event.key].map((one) => one * STEP);
      const [x, y] = side.cursor ?? side.place(this.index);
      const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
      // A cursor of its own, else a step shorter than the way to the next code would lead nowhere.
      side.cursor = [clamp(x + dx * (x1 - x0), x0, x1), clamp(y + dy * (y1 - y0), y0, y1)];
      this.show(side.nearest(side.cursor));
    });
  }

  async update(data, send) {
    this.send = send;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const Plotly = await loadPlotly(data.plotly);
    const points = await Promise.all(data.sides.map((one) => download(one.points, readPoints)));
    if (turn !== this.turn) return; // a newer update overtook this one
    this.Plotly = Plotly;
    const answers = this.data && data.at < this.at; // an earlier image: the probes have gone on
    if (String(data.shape) !== String(this.data?.shape)) this.fit(data.shape);
    this.data = data;
    if (!answers) this.index = data.index;
    const theme = this.theme();
    const { index, at, exact, ...shown } = data;
    const drawn = JSON.stringify([shown, theme]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.lay(points, theme);
      await this.draw(theme);
      if (turn !== this.turn) return;
      this.grids();
    }
    this.root.dataset.ready = "true";
    this.paint();
  }

  fail = (error) => {
    const message = this.part("message");
    message.textContent = error.message;
    message.hidden = false;
  };

  fit([height, width]) {
    [this.height, this.width] = [height, width];
    for (const canvas of this.root.querySelectorAll(".same canvas"))
      Object.assign(canvas, { height, width });
    this.mixed = new Float32Array(height * width);
  }

  theme() {
    const style = getComputedStyle(this.root);
    return {
      background: style.getPropertyValue("--st-background-color").trim() || "#fff",
      text: style.getPropertyValue("--st-text-color").trim() || "#222",
      size: parseFloat(getComputedStyle(document.documentElement).fontSize),
      stacked: this.stage.clientHeight > this.stage.clientWidth,
    };
  }

  lay(points, theme) {
    const paper = colourOf(theme.background);
    const light = paper[0] + paper[1] + paper[2] > 384;
    this.root.dataset.light = String(light);
    const { shape, classes, noun } = this.data;
    const common = { shape, classes, noun, paper, light, colours: this.data.colours.map(colourOf) };
    this.data.sides.forEach((told, k) => this.sides[k].lay(told, points[k], common));
    this.part("left").textContent = this.data.sides[0].title;
    this.part("right").textContent = this.data.sides[1].title;
  }

  grids() {
    for (const side of this.sides)
      for (const layer of side.layers)
        download(layer.url, (response) => readAtlas(response, ...this.data.shape)).then((grid) => {
          layer.grid = grid;
          side.ground.changed();
          this.follow();
          this.paint();
        }, this.fail);
    download(this.data.sheet, readBitmap).then((sheet) => {
      this.sheet = sheet;
      this.follow();
      this.paint();
    }, this.fail);
  }

  async draw(theme) {
    const webgl = hasWebGL();
    const { count } = this.sides[0].points;
    const order = shuffled(count).slice(0, webgl ? count : MOST_SVG);
    this.order = order;
    this.stacked = theme.stacked;
    const low = [0, (1 - GAP) / 2];
    const high = [(1 + GAP) / 2, 1];
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
        domain: theme.stacked ? [0, 1] : [low, high][k],
      };
      layout[`yaxis${name}`] = {
        range: [y0, y1],
        visible: false,
        anchor: `x${name}`,
        domain: theme.stacked ? [high, low][k] : [0, 1],
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
    this.plot.on("plotly_hover", (event) => this.hover(event.points[0].customdata));
    this.plot.on("plotly_unhover", () => this.hover(null));
    this.plot.on("plotly_click", (event) => this.show(event.points[0].customdata));
    this.plot.on("plotly_doubleclick", () => this.whole());
    this.plot.on("plotly_relayout", () => this.settle());
    for (const name of ["plotly_relayouting", "plotly_afterplot"])
      this.plot.on(name, () => this.follow());
    this.resize = new ResizeObserver(() => this.resized());
    this.resize.observe(this.stage);
  }

  // Beside each other or one below the other, as there is room.
  resized() {
    if (this.stage.clientHeight > this.stage.clientWidth !== this.stacked)
      this.draw(this.theme()).catch(this.fail);
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
    if (!layout?.yaxis2) return;
    this.sides[0].follow([layout.xaxis, layout.yaxis], this.sheet);
    this.sides[1].follow([layout.xaxis2, layout.yaxis2], this.sheet);
    this.place();
  }

  settle() {
    this.follow();
    for (const side of this.sides) if (side.view) side.overlay.settle(side.view);
    this.follow();
  }

  place() {
    for (const side of this.sides) {
      if (!side.view || this.index === null) continue;
      side.put(side.handle, this.index);
      side.put(side.ring, this.hovered);
    }
  }

  // The image whose code is under the mouse, on both maps.
  hover(index) {
    this.hovered = index;
    this.place();
    this.paint();
  }

  only(label) {
    this.alone = label;
    this.fade(label);
  }

  fade(label) {
    const { labels } = this.sides[0].points;
    const opacity =
      label === null ? SOLID : this.order.map((n) => (labels[n] === label ? 0.9 : FAINT));
    this.Plotly.restyle(this.plot, { "marker.opacity": [opacity, opacity] }).catch(this.fail);
  }

  // Another image at both probes.
  show(index) {
    if (index === this.index) return;
    this.index = index;
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
    const { height, width } = this;
    const at = [(index % SHEET_COLUMNS) * width, Math.floor(index / SHEET_COLUMNS) * height];
    original.getContext("2d").drawImage(this.sheet, ...at, width, height, 0, 0, width, height);
    const name = this.data.classes[this.sides[0].points.labels[index]];
    this.part("which").textContent = `${name}, test image ${index}`;
    const exact = index === this.data.index ? this.data.exact : null;
    this.sides.forEach((side, k) => {
      const grey = exact ? bytesOf(exact[k].image) : side.blended(index, this.mixed);
      if (grey) this.grey(reconstructions[k], grey);
      const text = exact ? exact[k].text : "blended while it moves";
      this.part(k ? "right-text" : "left-text").textContent = text;
      const { handle, told } = side;
      const [x, y] = side.place(this.index);
      const its = this.data.classes[side.points.labels[this.index]];
      handle.setAttribute("aria-valuemin", told.window[0].toFixed(2));
      handle.setAttribute("aria-valuemax", told.window[1].toFixed(2));
      handle.setAttribute("aria-valuenow", x.toFixed(2));
      handle.setAttribute(
        "aria-valuetext",
        `${its}, test image ${this.index}, at ${x.toFixed(2)}, ${y.toFixed(2)}`,
      );
    });
    this.root.dataset.index = String(this.index);
  }

  grey(canvas, values) {
    const image = new ImageData(this.width, this.height);
    for (let k = 0; k < this.width * this.height; k++) {
      image.data[4 * k] = image.data[4 * k + 1] = image.data[4 * k + 2] = values[k];
      image.data[4 * k + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  destroy() {
    clearTimeout(this.resting);
    this.resize?.disconnect();
    if (this.bound) this.Plotly.purge(this.plot);
    this.bound = false;
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
