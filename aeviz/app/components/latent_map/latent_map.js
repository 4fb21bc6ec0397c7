// The draggable latent map. The server sends addresses of the points, the real digits and the
// decoder's atlas; everything that follows the pointer happens here, without asking the server.

const SHEET_COLUMNS = 100; // real digits per row of their sheet
const REST_MS = 90; // the pointer rests: ask for the exact decode
const SVG_DOTS = 3000; // without WebGL each dot is an element of the page, and slow to move
const FAR_TEXT = "Far from every code: the decoder was never trained here.";

const instances = new WeakMap();

const readPoints = async (response) => {
  const buffer = await response.arrayBuffer();
  const count = buffer.byteLength / 9; // two float32 and one uint8 a point
  return {
    count,
    xy: new Float32Array(buffer, 0, 2 * count),
    labels: new Uint8Array(buffer, 8 * count, count),
  };
};

const readBitmap = async (response) => createImageBitmap(await response.blob());

// The atlas as one contiguous block of grey values for each node of the grid.
const readAtlas = async (response, height, width) => {
  const bitmap = await createImageBitmap(await response.blob());
  const size = bitmap.width / width;
  const canvas = scratchCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const tiles = new Uint8Array(size * size * height * width);
  let out = 0;
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++)
      for (let y = 0; y < height; y++) {
        let at = 4 * ((i * height + y) * bitmap.width + j * width);
        for (let x = 0; x < width; x++, at += 4) tiles[out++] = rgba[at];
      }
  bitmap.close();
  return { size, tiles };
};

// Bytes nested in a component's data arrive as base64 text.
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// Keys 1981, eq. 15 with a = -1/2: weights of the four nodes around a place t of the way on.
const cubicWeights = (t) => [
  (((2 - t) * t - 1) * t) / 2,
  ((3 * t - 5) * t * t + 2) / 2,
  (((4 - 3 * t) * t + 1) * t) / 2,
  ((t - 1) * t * t) / 2,
];

// Red, green and blue of any CSS colour.
function colourOf(text) {
  const context = scratchCanvas(1, 1).getContext("2d");
  context.fillStyle = text;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

function inside(window_, x, y) {
  return x >= window_[0] && x <= window_[1] && y >= window_[2] && y <= window_[3];
}

class LatentMap {
  constructor(parent) {
    this.root = parent.querySelector(".aeviz-map");
    this.part = (name) => this.root.querySelector(`[data-part="${name}"]`);
    this.plot = this.part("plot");
    this.plot.dataset.twoFingers = "true"; // see touch.js of components/browser
    this.background = this.part("background");
    this.handle = this.part("probe");
    this.canvas = this.part("digit");
    this.context = this.canvas.getContext("2d");
    this.probe = null; // {x, y, index}
    this.dragging = false;
    this.frame = 0;
    this.listen();
    this.pinch();
  }

  // -- data from the server --------------------------------------------------------------

  // Every canvas has the height and width of an image.
  fit([height, width]) {
    [this.height, this.width, this.pixels] = [height, width, height * width];
    for (const canvas of this.root.querySelectorAll(".inspector canvas, .tip canvas"))
      Object.assign(canvas, { height, width });
    this.image = this.context.createImageData(width, height);
    this.image.data.fill(255);
    this.mixed = new Float32Array(this.pixels);
  }

  async update(data, setStateValue) {
    this.send = setStateValue;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const first = !this.data || this.data.points !== data.points;
    const Plotly = await loadPlotly(data.plotly);
    const points = await download(data.points, readPoints);
    if (turn !== this.turn) return; // a newer update overtook this one
    this.Plotly = Plotly;
    if (String(data.shape) !== String(this.data?.shape)) this.fit(data.shape);
    this.data = data;
    if (data.exact) data.exact.grey = bytesOf(data.exact.digit);
    this.points = points;
    if (first || data.move !== this.move) {
      this.move = data.move;
      this.probe = { ...data.probe, index: null };
    }
    this.layers = data.atlases.map((layer) => ({ ...layer, grid: null }));
    // Drawing ten thousand points takes longer than a frame: only when what is shown changed.
    const theme = this.theme();
    const { exact, clicked, probe, ...shown } = data;
    const drawn = JSON.stringify([shown, theme]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      await this.draw(theme);
    }
    this.root.dataset.ready = "true";
    for (const layer of this.layers)
      download(layer.url, (response) => readAtlas(response, ...data.shape)).then((grid) => {
        layer.grid = grid;
        this.schedule();
      }, this.fail);
    download(data.sheet, readBitmap).then((sheet) => {
      this.sheet = sheet;
      this.showNearest();
    }, this.fail);
    this.showClicked();
    this.place();
    this.schedule();
  }

  fail = (error) => {
    const message = this.part("message");
    message.textContent = error.message;
    message.hidden = false;
  };

  // -- the plot --------------------------------------------------------------------------

  theme() {
    const style = getComputedStyle(this.root);
    const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    return {
      text: read("--st-text-color", "#222"),
      background: read("--st-background-color", "#fff"),
      border: read("--st-border-color", "#8884"),
      font: read("--st-font", "sans-serif"),
      size: parseFloat(getComputedStyle(document.documentElement).fontSize),
    };
  }

  traces(theme) {
    const { xy, labels, count } = this.points;
    const groups = this.data.classes.map(() => ({ x: [], y: [], index: [] }));
    for (let i = 0; i < count; i++) {
      const group = groups[labels[i]];
      group.x.push(xy[2 * i]);
      group.y.push(xy[2 * i + 1]);
      group.index.push(i);
    }
    const fewer = !hasWebGL() && count > SVG_DOTS;
    this.part("fewer").hidden = !fewer;
    if (fewer) {
      const shown = (n) => n.toLocaleString("en");
      this.part("fewer").textContent =
        `This browser has no WebGL: ${shown(SVG_DOTS)} of ${shown(count)} dots are drawn, ` +
        "the same share of each class.";
      for (const group of groups) {
        const share = Math.round((group.x.length * SVG_DOTS) / count);
        for (const values of Object.values(group)) values.length = share;
      }
    }
    return groups.map((group, label) => ({
      type: hasWebGL() ? "scattergl" : "scatter",
      mode: "markers",
      x: group.x,
      y: group.y,
      customdata: group.index,
      name: this.data.classes[label],
      hoverinfo: "none",
      marker: { color: this.data.colours[label], size: 0.3 * theme.size, opacity: 0.75 },
    }));
  }

  // Pictures of the page under the plot, not Plotly's own images: a CSS filter turns them into ink
  // on paper, and WebKit draws a slab where the filter is on an image inside an SVG.
  layBackground() {
    const layers = this.data.background ? this.layers : [];
    this.background.replaceChildren(
      ...layers.map(({ url }) => {
        const image = Object.assign(document.createElement("img"), { src: url, alt: "" });
        image.style.opacity = this.data.opacity;
        return image;
      }),
    );
  }

  // Each image of a grid lies around its node, so the sheet is wider than the window.
  placeBackground() {
    const [xaxis, yaxis] = this.axes();
    const put = (element, left, top, width, height) =>
      Object.assign(element.style, {
        left: `${left}px`,
        top: `${top}px`,
        width: `${width}px`,
        height: `${height}px`,
      });
    put(this.background, xaxis._offset, yaxis._offset, xaxis._length, yaxis._length);
    [...this.background.children].forEach((image, k) => {
      const { window: [x0, x1, y0, y1], size } = this.layers[k];
      const [dx, dy] = [(x1 - x0) / (size - 1) / 2, (y1 - y0) / (size - 1) / 2];
      const [left, top] = [xaxis.d2p(x0 - dx), yaxis.d2p(y1 + dy)];
      put(image, left, top, xaxis.d2p(x1 + dx) - left, yaxis.d2p(y0 - dy) - top);
    });
  }

  async draw(theme) {
    const [red, green, blue] = colourOf(theme.background);
    this.root.dataset.light = String(red + green + blue > 384);
    const [x0, x1, y0, y1] = this.data.view ?? this.data.window;
    const axis = (title, range) => ({
      title: { text: title, standoff: 8 },
      range,
      zeroline: false,
      gridcolor: theme.border,
      tickfont: { color: theme.text },
    });
    const layout = {
      autosize: true,
      margin: { l: 3.4 * theme.size, r: 8, t: 8, b: 3 * theme.size },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: theme.font, color: theme.text, size: 0.85 * theme.size },
      xaxis: axis(this.data.axes[0], [x0, x1]),
      yaxis: axis(this.data.axes[1], [y0, y1]),
      legend: {
        orientation: "h",
        y: 1.01,
        yanchor: "bottom",
        x: 0,
        itemsizing: "constant",
        font: { size: 0.85 * theme.size },
      },
      modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: theme.text },
      hovermode: "closest",
      hoverdistance: 8,
      dragmode: "pan",
      uirevision: this.data.points, // zoom and legend stay when anything else changes
    };
    const config = {
      responsive: true,
      displaylogo: false,
      showSendToCloud: false,
      scrollZoom: this.data.wheel,
      doubleClick: false, // see whole(): the first view may be a shared, zoomed one
      modeBarButtonsToRemove: ["toImage", "autoScale2d"],
      modeBarButtonsToAdd: ["select2d", "lasso2d"],
    };
    this.layBackground();
    await this.Plotly.react(this.plot, this.traces(theme), layout, config);
    this.placeBackground();
    if (this.bound) return;
    this.bound = true;
    this.plot.on("plotly_hover", (event) => this.hover(event.points[0]));
    this.plot.on("plotly_unhover", () => (this.part("tip").hidden = true));
    this.plot.on("plotly_click", (event) => this.click(event.points[0]));
    this.plot.on("plotly_selected", (event) => this.select(event));
    this.plot.on("plotly_deselect", () => this.select(null));
    this.plot.on("plotly_doubleclick", () => this.whole());
    this.plot.on("plotly_relayout", () => this.zoomed());
    this.plot.on("plotly_webglcontextlost", () => this.withoutWebGL());
    for (const name of ["plotly_relayouting", "plotly_afterplot"])
      this.plot.on(name, () => {
        this.placeBackground();
        this.place();
      });
  }

  // The browser took the context away, as it does when a page has too many.
  withoutWebGL() {
    if (!this.bound) return;
    shared.webgl = false;
    this.draw(this.theme()).catch(this.fail);
  }

  whole() {
    const [x0, x1, y0, y1] = this.data.window;
    this.Plotly.relayout(this.plot, { "xaxis.range": [x0, x1], "yaxis.range": [y0, y1] });
  }

  axes() {
    const layout = this.plot._fullLayout;
    return layout ? [layout.xaxis, layout.yaxis] : null;
  }

  place() {
    const axes = this.axes();
    if (!axes || !this.probe) return;
    const [xaxis, yaxis] = axes;
    const x = xaxis.d2p(this.probe.x);
    const y = yaxis.d2p(this.probe.y);
    const visible = x >= -1 && x <= xaxis._length + 1 && y >= -1 && y <= yaxis._length + 1;
    this.handle.hidden = !visible;
    this.handle.style.transform = `translate(${x + xaxis._offset}px, ${y + yaxis._offset}px)`;
  }

  // -- the probe -------------------------------------------------------------------------

  listen() {
    const at = (event) => {
      const [xaxis, yaxis] = this.axes();
      const box = this.plot.getBoundingClientRect();
      const clamp = (value, high) => Math.min(Math.max(value, 0), high);
      return {
        x: xaxis.p2d(clamp(event.clientX - box.left - xaxis._offset, xaxis._length)),
        y: yaxis.p2d(clamp(event.clientY - box.top - yaxis._offset, yaxis._length)),
        index: null,
      };
    };
    this.handle.addEventListener("pointerdown", (event) => {
      this.handle.setPointerCapture(event.pointerId);
      this.dragging = true;
      event.preventDefault();
      this.handle.focus({ preventScroll: true });
    });
    this.handle.addEventListener("pointermove", (event) => {
      if (!this.dragging) return;
      this.moveTo(at(event));
      this.rest(REST_MS);
    });
    const release = () => {
      if (!this.dragging) return;
      this.dragging = false;
      this.rest(0);
    };
    this.handle.addEventListener("pointerup", release);
    this.handle.addEventListener("lostpointercapture", release);
    this.handle.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      const [dx, dy] = way[event.key] ?? [0, 0];
      if (!dx && !dy) return;
      event.preventDefault();
      const step = event.shiftKey ? 0.05 : 0.01;
      const [[x0, x1], [y0, y1]] = this.axes().map((axis) => axis.range);
      const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
      this.moveTo({
        x: clamp(this.probe.x + dx * step * (x1 - x0), x0, x1),
        y: clamp(this.probe.y + dy * step * (y1 - y0), y0, y1),
        index: null,
      });
      this.rest(REST_MS);
    });
    // A click beside every point moves the probe there; Plotly tells only of clicks on points.
    this.plot.addEventListener("pointerdown", (event) => {
      this.pressed = { x: event.clientX, y: event.clientY, target: event.target };
    });
    this.plot.addEventListener(
      "pointerup",
      (event) => {
        const from = this.pressed;
        if (!from || !from.target.classList?.contains("drag")) return;
        if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > 4) return;
        if (this.plot._fullLayout.dragmode !== "pan") return;
        const place = at(event);
        this.clickedPoint = false;
        setTimeout(() => {
          if (this.clickedPoint) return;
          this.moveTo(place);
          this.rest(0);
        }, 60);
      },
      true,
    );
  }

  // Two fingers move and zoom the map: the places between them stay between them. One finger
  // scrolls the page: see touch.js of components/browser.
  pinch() {
    const grip = (event) => {
      const fingers = [...event.touches].filter(({ target }) => this.plot.contains(target));
      if (fingers.length !== 2) return null;
      const [[x, y], [u, v]] = fingers.map(({ clientX, clientY }) => [clientX, clientY]);
      const box = this.plot.getBoundingClientRect();
      const [xaxis, yaxis] = this.axes();
      return {
        apart: Math.max(Math.hypot(u - x, v - y), 1),
        // how far the middle is along each axis, in [0, 1]
        across: ((x + u) / 2 - box.left - xaxis._offset) / xaxis._length,
        up: 1 - ((y + v) / 2 - box.top - yaxis._offset) / yaxis._length,
      };
    };
    let start = null;
    const keep = (event) => {
      if (event.cancelable) event.preventDefault();
      event.stopPropagation();
    };
    const how = { capture: true, passive: false };
    this.plot.addEventListener(
      "touchstart",
      (event) => {
        start = ["lasso", "select"].includes(this.plot._fullLayout?.dragmode) ? null : grip(event);
        if (!start) return;
        keep(event);
        this.pressed = null; // not a click
        start.ranges = this.axes().map((axis) => [...axis.range]);
      },
      how,
    );
    this.plot.addEventListener(
      "touchmove",
      (event) => {
        const now = start && grip(event);
        if (!now) return;
        keep(event);
        const zoom = start.apart / now.apart;
        const [x, y] = ["across", "up"].map((way, k) => {
          const [low, high] = start.ranges[k];
          const first = low + start[way] * (high - low) - now[way] * zoom * (high - low);
          return [first, first + zoom * (high - low)];
        });
        this.wanted = { "xaxis.range": x, "yaxis.range": y };
        this.follow();
      },
      how,
    );
    const done = (event) => {
      if (event.touches.length < 2) start = null;
    };
    for (const kind of ["touchend", "touchcancel"]) this.plot.addEventListener(kind, done, true);
  }

  // At most one drawing a frame, of the newest place that the fingers asked for.
  follow() {
    this.following ??= requestAnimationFrame(async () => {
      const { wanted } = this;
      await this.Plotly.relayout(this.plot, wanted);
      this.following = null;
      if (wanted !== this.wanted) this.follow();
    });
  }

  moveTo(probe) {
    this.probe = probe;
    this.schedule();
  }

  schedule() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.probe) return;
      this.place();
      this.paint();
      this.showNearest();
    });
  }

  rest(delay) {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      const { x, y, index } = this.probe;
      this.tell("probe", { x, y, index });
    }, delay);
  }

  // With the map that it was done on: of another one it would mean another place.
  tell(name, what) {
    this.send?.(name, { ...what, of: this.data.move });
  }

  exactHere() {
    const exact = this.data.exact;
    const [x0, x1, y0, y1] = this.data.window;
    return (
      exact &&
      Math.abs(exact.x - this.probe.x) < 1e-5 * (x1 - x0) &&
      Math.abs(exact.y - this.probe.y) < 1e-5 * (y1 - y0)
    );
  }

  paint() {
    const { x, y } = this.probe;
    const bytes = this.image.data;
    const exact = this.exactHere();
    let painted = exact ? "exact" : "";
    if (exact) {
      const digit = this.data.exact.grey;
      for (let k = 0; k < this.pixels; k++) bytes[4 * k] = bytes[4 * k + 1] = bytes[4 * k + 2] = digit[k];
    } else {
      // The finest grid that covers the place; the first layer is the whole window.
      const layer = this.layers.filter((one) => one.grid && inside(one.window, x, y)).pop();
      if (layer) {
        this.blend(layer, x, y, bytes);
        painted = "blend";
      }
    }
    if (painted) this.context.putImageData(this.image, 0, 0);
    this.canvas.dataset.shows = painted || "earlier place";
    this.part("kind").textContent =
      painted === "exact" ? "decoded" : painted ? "blended while it moves" : "not decoded yet";
    const text = `${x.toFixed(2)}, ${y.toFixed(2)}`;
    this.part("coordinates").textContent = text;
    this.handle.setAttribute("aria-valuetext", text);
  }

  // Cubic mix of the sixteen images around the place; planes.Atlas.blend does the same.
  blend({ grid: { size, tiles }, window: [x0, x1, y0, y1] }, x, y, bytes) {
    const last = size - 1;
    const column = ((x - x0) / (x1 - x0)) * last;
    const row = ((y1 - y) / (y1 - y0)) * last;
    const j = Math.min(Math.floor(column), last - 1);
    const i = Math.min(Math.floor(row), last - 1);
    const across = cubicWeights(column - j);
    const down = cubicWeights(row - i);
    const node = (k) => Math.min(Math.max(k, 0), last); // the border's own node stands in
    const { pixels } = this;
    const mixed = this.mixed.fill(0);
    for (let p = 0; p < 4; p++)
      for (let q = 0; q < 4; q++) {
        const weight = down[p] * across[q];
        const start = (node(i + p - 1) * size + node(j + q - 1)) * pixels;
        for (let k = 0; k < pixels; k++) mixed[k] += weight * tiles[start + k];
      }
    for (let k = 0; k < pixels; k++) bytes[4 * k] = bytes[4 * k + 1] = bytes[4 * k + 2] = mixed[k];
  }

  // The five nearest real digits: on the plane while the probe moves, in code space at rest.
  showNearest() {
    if (!this.probe || !this.points) return;
    let found;
    let far;
    let measure;
    if (this.exactHere()) {
      ({ nearest: found, far, measure } = this.data.exact);
    } else {
      const { xy, count } = this.points;
      found = [];
      for (let i = 0; i < count; i++) {
        const dx = xy[2 * i] - this.probe.x;
        const dy = xy[2 * i + 1] - this.probe.y;
        const distance = dx * dx + dy * dy;
        if (found.length < 5 || distance < found[4].distance) {
          let at = found.length;
          while (at > 0 && found[at - 1].distance > distance) at--;
          found.splice(at, 0, { index: i, distance });
          if (found.length > 5) found.pop();
        }
      }
      for (const one of found) one.distance = Math.sqrt(one.distance);
      far = found.length > 0 && found[0].distance > this.data.far;
      measure = "on the map";
    }
    this.part("far").textContent = far ? FAR_TEXT : "";
    this.part("measure").textContent = `Nearest real ${this.data.noun}, distance ${measure}`;
    const cells = this.part("nearest").children;
    found.forEach(({ index, distance }, k) => {
      const cell = cells[k];
      if (cell.dataset.index !== String(index) || !cell.dataset.drawn) {
        cell.dataset.index = index;
        this.drawReal(cell.querySelector("canvas"), index);
        if (this.sheet) cell.dataset.drawn = "true";
        const label = this.data.classes[this.points.labels[index]];
        cell.querySelector("b").textContent = label;
        cell.querySelector("canvas").setAttribute("aria-label", `${label}, test image ${index}`);
      }
      cell.querySelector("small").textContent = distance.toFixed(2);
    });
  }

  drawReal(canvas, index) {
    if (!this.sheet) return;
    const { height, width } = this;
    const sx = (index % SHEET_COLUMNS) * width;
    const sy = Math.floor(index / SHEET_COLUMNS) * height;
    canvas.getContext("2d").drawImage(this.sheet, sx, sy, width, height, 0, 0, width, height);
  }

  drawGrey(canvas, grey) {
    const image = new ImageData(this.width, this.height);
    for (let k = 0; k < this.pixels; k++) {
      image.data[4 * k] = image.data[4 * k + 1] = image.data[4 * k + 2] = grey[k];
      image.data[4 * k + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  // -- looking at single points ----------------------------------------------------------

  hover(point) {
    const index = point.customdata;
    const tip = this.part("tip");
    this.drawReal(tip.querySelector("canvas"), index);
    const label = this.data.classes[this.points.labels[index]];
    tip.querySelector("span").textContent = `${label}  (test image ${index})`;
    const x = point.xaxis.d2p(point.x) + point.xaxis._offset;
    const y = point.yaxis.d2p(point.y) + point.yaxis._offset;
    tip.hidden = false;
    const left = x + tip.offsetWidth + 20 > this.plot.clientWidth ? x - tip.offsetWidth - 12 : x + 12;
    const top = Math.max(y - tip.offsetHeight - 8, 0);
    tip.style.transform = `translate(${left}px, ${top}px)`;
  }

  click(point) {
    this.clickedPoint = true;
    const index = point.customdata;
    this.moveTo({ x: this.points.xy[2 * index], y: this.points.xy[2 * index + 1], index });
    this.rest(0);
  }

  showClicked() {
    const clicked = this.data.clicked;
    const part = this.part("clicked");
    part.hidden = !clicked;
    if (!clicked) return;
    const [original, reconstruction, error] = part.querySelectorAll("canvas");
    this.drawGrey(original, bytesOf(clicked.original));
    this.drawGrey(reconstruction, bytesOf(clicked.reconstruction));
    const colours = bytesOf(clicked.error);
    const image = new ImageData(this.width, this.height);
    for (let k = 0; k < this.pixels; k++)
      for (let c = 0; c < 4; c++) image.data[4 * k + c] = c < 3 ? colours[3 * k + c] : 255;
    error.getContext("2d").putImageData(image, 0, 0);
    part.querySelector("p").textContent = clicked.text;
  }

  select(event) {
    this.tell("selection", { numbers: event ? event.points.map((p) => p.customdata) : [] });
  }

  zoomed() {
    this.place();
    clearTimeout(this.zooming);
    this.zooming = setTimeout(() => {
      const axes = this.axes();
      if (!axes) return;
      const view = axes.flatMap((axis) => axis.range.map(Number));
      const text = JSON.stringify(view);
      if (text === this.sentView) return;
      this.sentView = text;
      this.tell("view", { window: view });
    }, 250);
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    for (const timer of [this.resting, this.zooming]) clearTimeout(timer);
    if (this.bound) this.Plotly.purge(this.plot);
    this.bound = false;
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let map = instances.get(parentElement);
  if (!map) {
    map = new LatentMap(parentElement);
    instances.set(parentElement, map);
  }
  map.update(data, setStateValue).catch(map.fail);
  return () => {
    map.destroy();
    instances.delete(parentElement);
  };
}
