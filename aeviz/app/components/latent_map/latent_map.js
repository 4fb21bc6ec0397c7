// The draggable latent map. The server sends addresses of the points, the real digits and the
// decoder's atlas; everything that follows the pointer happens here, without asking the server.
// Plotly draws the dots and moves the view; canvases under it and over it follow its axes.

const REST_MS = 90; // the pointer rests: ask for the exact decode
const SVG_DOTS = 3000; // without WebGL each dot is an element of the page, and slow to move
const FLIGHT_MS = 700; // dots on their way to another model's map
const OPACITY = 0.65; // of a dot
const ON_LAYER = 0.3; // of a dot that lies on a layer, so that this is seen
const FADED = 0.12; // dots of the other classes, while the mouse is over a name
const STRIDE_MS = 45; // less than a pixel of that walk: more steps would only warm the laptop
const LOOP_MS = 24000; // the probe's walk before anybody touches it
const FAR_TEXT = "Far from every code: the decoder was never trained here.";

const instances = new WeakMap();

class LatentMap {
  constructor(parent) {
    this.root = parent.querySelector(".aeviz-map");
    this.part = (name) => this.root.querySelector(`[data-part="${name}"]`);
    this.plot = this.part("plot");
    this.plot.dataset.twoFingers = "true"; // see touch.js of components/browser
    this.handle = this.part("probe");
    this.canvas = this.part("digit");
    this.context = this.canvas.getContext("2d");
    this.ground = new Ground(this.part("ground"));
    this.ground.onready = () => this.follow();
    this.layer = new Layer(this.part("layer"), this.part("legend"));
    this.layer.onready = () => this.follow();
    this.layer.onfail = (error) => this.fail(error);
    this.overlay = new Overlay({
      names: this.part("names"),
      scale: this.part("scale"),
      minimap: this.part("minimap"),
      images: this.part("images"),
    });
    this.overlay.onname = (label) => this.selectClass(label);
    this.overlay.onhover = (label) => this.fade(label);
    this.probe = null; // {x, y, index}
    this.dragging = false;
    this.hovered = null; // number of the dot under the mouse
    this.frame = 0;
    this.count = 0; // of what was told: the newest holds
    // Plotly fits the axes to a new size by itself; what lies beside it must be told.
    this.resize = new ResizeObserver(() => (this.bound ? this.zoomed() : this.settle()));
    this.resize.observe(this.plot);
    this.listen();
    this.peeking();
    this.pinch();
    this.input = new Input(this);
    this.ringed = null; // the test image whose dot has a ring
    this.unlink = links.follow((dot) => {
      this.ringed = links.image(dot);
      this.place();
    });
  }

  // -- data from the server --------------------------------------------------------------

  // Every canvas has the height and width of an image.
  fit([height, width]) {
    [this.height, this.width, this.pixels] = [height, width, height * width];
    for (const canvas of this.root.querySelectorAll(".inspector canvas, .tip canvas, .three canvas"))
      Object.assign(canvas, { height, width });
    this.part("pixels").textContent = `the image, ${this.pixels} pixels`;
    this.image = this.context.createImageData(width, height);
    this.mixed = new Float32Array(this.pixels);
  }

  async update(data, setStateValue) {
    this.send = setStateValue;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const grids = data.atlases.map(({ url }) => this.decoded(url, data.shape).catch(this.fail));
    if (!this.Plotly) preload(data.plotly, "script");
    if (this.data && this.data.points !== data.points) this.root.dataset.ready = "false";
    const points = await download(data.points, readPoints);
    if (turn !== this.turn) return; // a newer update overtook this one
    const before = this.data && this.data.points !== data.points ? this.points : null;
    const first = !this.data || before;
    if (String(data.shape) !== String(this.data?.shape)) this.fit(data.shape);
    this.data = data;
    if (data.exact) data.exact.grey = bytesOf(data.exact.digit);
    if (first) this.codes = new Codes(points);
    this.root.dataset.ready = String(!first);
    this.points = points;
    const moved = first || data.move !== this.move;
    if (moved) {
      this.move = data.move;
      this.probe = { ...data.probe, index: null };
      this.canvas.dataset.shows = "earlier place"; // until it is painted
    }
    this.layers = data.atlases.map((layer) => ({ ...layer, grid: null }));
    // Drawing ten thousand points takes longer than a frame: only when what is shown changed.
    const theme = this.theme();
    const { exact, clicked, probe, input, ...shown } = data;
    const laid = JSON.stringify([shown, theme]);
    const fresh = laid !== this.laid;
    if (fresh) {
      this.laid = laid;
      this.lay(theme);
    }
    const show = () => {
      this.fetch();
      this.showClicked();
      this.input.show(input);
      if (fresh) this.settle();
      else this.follow();
      this.schedule();
      if (moved && data.walk) this.walk();
    };
    // It is large, and the browser busy with it: the probe can be dragged before it is there.
    const sketched = !this.Plotly;
    if (sketched) {
      show();
      await Promise.all(grids);
    }
    this.Plotly = await loadPlotly(data.plotly);
    if (turn !== this.turn) return;
    // A finger that is on the map when Plotly draws anew is on an element that is gone: a finer grid
    // or another part in view are no reason to.
    const { points: file, window, colours, dots, wheel, equal } = data;
    const drawn = JSON.stringify([file, window, colours, dots, wheel, equal, theme]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      if (before) await this.fly(before);
      if (turn !== this.turn) return;
      await this.draw(theme);
    }
    if (!sketched) show();
    this.root.dataset.ready = "true";
  }

  decoded(url, shape) {
    return download(url, (response) => readAtlas(response, ...shape));
  }

  // Grids of decoded images, and the real ones.
  fetch() {
    for (const layer of this.layers)
      this.decoded(layer.url, this.data.shape).then((grid) => {
        layer.grid = grid;
        if (!this.layers.includes(layer)) return;
        this.root.dataset.draggable = "true";
        this.ground.changed();
        this.follow();
        this.schedule();
      }, this.fail);
    download(this.data.sheet, (response) => readSheet(response, ...this.data.shape)).then((sheet) => {
      this.sheet = sheet;
      this.showNearest();
      this.follow();
    }, this.fail);
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

  // What lies under the dots and over them, in the colours of the theme.
  lay(theme) {
    const paper = colourOf(theme.background);
    const light = paper[0] + paper[1] + paper[2] > 384;
    this.root.dataset.light = String(light);
    if (light !== this.light) for (const cell of this.part("nearest").children) delete cell.dataset.drawn;
    this.light = light;
    const { window, shape, classes, equal, axes: titles, noun } = this.data;
    const colours = this.data.colours.map(colourOf);
    const all = { codes: this.codes, window, shape, classes, colours, paper, light, equal, noun };
    this.layer.lay({ ...all, layer: this.data.layer });
    this.ground.lay({ ...all, layers: this.layers, plain: Boolean(this.data.layer) });
    this.overlay.lay({ ...all, titles });
    this.part("ground").hidden = !this.data.background;
  }

  // All in one, in an order without meaning, so that no class lies over another.
  traces(theme) {
    const { xy, labels, count } = this.points;
    const fewer = !hasWebGL() && count > SVG_DOTS;
    const shown = shuffled(count).slice(0, fewer ? SVG_DOTS : count);
    this.part("fewer").hidden = !fewer;
    if (fewer) {
      const text = (n) => n.toLocaleString("en");
      this.part("fewer").textContent =
        `This browser has no WebGL: ${text(SVG_DOTS)} of ${text(count)} dots are drawn.`;
    }
    this.shown = shown;
    return [
      {
        type: hasWebGL() ? "scattergl" : "scatter",
        mode: "markers",
        x: shown.map((k) => xy[2 * k]),
        y: shown.map((k) => xy[2 * k + 1]),
        customdata: shown,
        hoverinfo: "none",
        visible: this.data.dots,
        marker: {
          color: shown.map((k) => this.data.colours[labels[k] % this.data.colours.length]),
          size: this.dotSize(theme),
          opacity: this.dotOpacity(),
        },
      },
    ];
  }

  // Of a dot, px: the more of the map is in view, the smaller.
  dotSize(theme) {
    const [x0, x1] = this.view ?? this.data.window;
    const zoom = (this.data.window[1] - this.data.window[0]) / (x1 - x0);
    return theme.size * Math.min(Math.max(0.14 * Math.sqrt(zoom), 0.14), 0.45);
  }

  dotOpacity() {
    return this.data.layer ? ON_LAYER : OPACITY;
  }

  async draw(theme) {
    const [x0, x1, y0, y1] = this.data.view ?? this.data.window;
    const axis = (range) => ({ range, visible: false });
    const layout = {
      autosize: true,
      margin: { l: 0, r: 0, t: 0, b: 0 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: theme.font, color: theme.text, size: 0.85 * theme.size },
      xaxis: axis([x0, x1]),
      yaxis: { ...axis([y0, y1]), ...(this.data.equal ? { scaleanchor: "x" } : {}) },
      showlegend: false,
      modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: theme.text },
      hovermode: "closest",
      hoverdistance: 6,
      dragmode: "pan",
      uirevision: this.data.points, // the zoom stays when anything else changes
    };
    const config = {
      responsive: true,
      displaylogo: false,
      showSendToCloud: false,
      scrollZoom: this.data.wheel,
      doubleClick: false, // see whole(): the first view may be a shared, zoomed one
      displayModeBar: this.data.wheel || "hover", // where the map is all of the page
      modeBarButtonsToRemove: ["toImage", "autoScale2d"],
      modeBarButtonsToAdd: ["select2d", "lasso2d"],
    };
    await this.Plotly.react(this.plot, this.traces(theme), layout, config);
    this.settle();
    if (this.bound) return;
    this.bound = true;
    this.plot.on("plotly_hover", (event) => this.hover(event.points[0]));
    this.plot.on("plotly_unhover", () => {
      this.hovered = null;
      links.mark(null);
    });
    this.plot.on("plotly_click", (event) => this.click(event.points[0]));
    this.plot.on("plotly_selected", (event) => this.select(event));
    this.plot.on("plotly_deselect", () => this.select(null));
    this.plot.on("plotly_doubleclick", () => this.whole());
    this.plot.on("plotly_relayout", () => this.zoomed());
    this.plot.on("plotly_webglcontextlost", () => this.withoutWebGL());
    for (const name of ["plotly_relayouting", "plotly_afterplot"])
      this.plot.on(name, () => this.follow());
  }

  // All that follows the axes.
  follow() {
    const axes = this.axes();
    if (!axes || !this.codes) return;
    const [xaxis, yaxis] = axes;
    const view = [...xaxis.range, ...yaxis.range].map(Number);
    this.view = view;
    this.root.dataset.view = JSON.stringify(view);
    const [width, height] = [xaxis._length, yaxis._length];
    this.layer.draw(view, width, height);
    if (this.data.background) this.ground.draw(view, width, height);
    this.overlay.place(view, width, height, this.data.window);
    this.overlay.drawImages(view, width, height, this.sheet);
    this.place();
  }

  // A view at rest: names find their places, dots their size.
  settle() {
    this.follow();
    const axes = this.axes(); // none where the page is being left before Plotly came
    if (!this.view || !axes) return;
    this.overlay.settle(this.view);
    const [xaxis, yaxis] = axes;
    this.layer.settle(this.view, xaxis._length, yaxis._length);
    this.follow();
    if (!this.bound) return; // nothing is drawn yet
    const size = this.dotSize(this.theme());
    const [trace] = this.plot.data;
    if (Math.abs(trace.marker.size / size - 1) < 0.1) return;
    this.Plotly.restyle(this.plot, { "marker.size": size }).catch(this.fail);
  }

  // Dots on their way from the places of another model, by hand: Plotly is too slow for it.
  fly(before) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || !this.data.dots;
    if (still || before.count !== this.points.count || !this.view) return null;
    const canvas = this.part("images");
    const context = canvas.getContext("2d");
    const [from, to] = [this.view, this.data.view ?? this.data.window];
    const colours = this.data.colours;
    const start = performance.now();
    this.plot.style.opacity = 0;
    this.ground.clear();
    this.part("layer").style.opacity = 0; // another model's layer lies there already
    this.follow();
    return new Promise((resolve) => {
      const step = (now) => {
        const t = Math.min((now - start) / FLIGHT_MS, 1);
        const way = t * t * (3 - 2 * t);
        const { width, height } = canvas;
        context.setTransform(1, 0, 0, 1, 0, 0);
        context.clearRect(0, 0, width, height);
        const put = (xy, k, [x0, x1, y0, y1]) => [
          ((xy[2 * k] - x0) / (x1 - x0)) * width,
          ((y1 - xy[2 * k + 1]) / (y1 - y0)) * height,
        ];
        for (let k = 0; k < before.count; k++) {
          const [x, y] = put(before.xy, k, from);
          const [u, v] = put(this.points.xy, k, to);
          context.fillStyle = colours[this.points.labels[k] % colours.length];
          context.fillRect(x + way * (u - x), y + way * (v - y), 2, 2);
        }
        if (t < 1) {
          requestAnimationFrame(step);
          return;
        }
        this.plot.style.opacity = this.part("layer").style.opacity = "";
        resolve();
      };
      requestAnimationFrame(step);
    });
  }

  // The browser took the context away, as it does when a page has too many.
  withoutWebGL() {
    if (!this.bound) return;
    shared.webgl = false;
    this.draw(this.theme()).catch(this.fail);
  }

  whole() {
    if (!this.bound) return;
    const [x0, x1, y0, y1] = this.data.window;
    this.Plotly.relayout(this.plot, { "xaxis.range": [x0, x1], "yaxis.range": [y0, y1] });
  }

  axes() {
    const layout = this.plot._fullLayout;
    if (layout) return [layout.xaxis, layout.yaxis];
    return this.data && this.plot.clientHeight ? axesOf(this.plot, this.data) : null;
  }

  // The probe, at the edge where its place is out of view, and the mark of one's own image.
  place() {
    const axes = this.axes();
    if (!axes || !this.probe) return;
    const [xaxis, yaxis] = axes;
    const [x, y] = [xaxis.d2p(this.probe.x), yaxis.d2p(this.probe.y)];
    const edge = (value, length) => Math.min(Math.max(value, 0), length);
    const [left, top] = [edge(x, xaxis._length), edge(y, yaxis._length)];
    const outside = Math.abs(left - x) > 1 || Math.abs(top - y) > 1;
    this.handle.hidden = false;
    this.handle.dataset.outside = String(outside);
    this.handle.style.setProperty("--towards", `${Math.atan2(y - top, x - left)}rad`);
    this.handle.style.transform = `translate(${left + xaxis._offset}px, ${top + yaxis._offset}px)`;
    this.input.put(xaxis, yaxis);
    this.circle(xaxis, yaxis);
  }

  // A ring around the dot of an image that the mouse is over elsewhere on the page.
  circle(xaxis, yaxis) {
    const ring = this.part("ring");
    ring.hidden = this.ringed === null || this.ringed >= this.points.count;
    if (ring.hidden) return;
    const { xy } = this.points;
    const left = xaxis.d2p(xy[2 * this.ringed]);
    const top = yaxis.d2p(xy[2 * this.ringed + 1]);
    ring.hidden = left < 0 || top < 0 || left > xaxis._length || top > yaxis._length;
    ring.style.transform = `translate(${left + xaxis._offset}px, ${top + yaxis._offset}px)`;
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
    this.root.addEventListener("pointerdown", () => this.halt(), true);
    this.root.addEventListener("keydown", () => this.halt(), true);
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
    // It is let go over a sheet that Plotly lays over all of the page meanwhile.
    this.released = (event) => {
      const from = this.pressed;
      this.pressed = null;
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
    };
    document.addEventListener("pointerup", this.released, true);
  }

  // Two fingers move and zoom the map: the places between them stay between them. One finger
  // scrolls the page: see touch.js of components/browser.
  pinch() {
    const stage = this.plot.parentElement; // names lie over the plot
    const grip = (event) => {
      const fingers = [...event.touches].filter(({ target }) => stage.contains(target));
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
    stage.addEventListener(
      "touchstart",
      (event) => {
        const drawing = ["lasso", "select"].includes(this.plot._fullLayout?.dragmode);
        start = !this.bound || drawing ? null : grip(event);
        if (!start) return;
        keep(event);
        this.pressed = null; // not a click
        start.ranges = this.axes().map((axis) => [...axis.range]);
      },
      how,
    );
    stage.addEventListener(
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
        this.pinched();
      },
      how,
    );
    const done = (event) => {
      if (event.touches.length < 2) start = null;
    };
    for (const kind of ["touchend", "touchcancel"]) stage.addEventListener(kind, done, true);
  }

  // At most one drawing a frame, of the newest place that the fingers asked for.
  pinched() {
    this.following ??= requestAnimationFrame(async () => {
      const { wanted } = this;
      try {
        await this.Plotly.relayout(this.plot, wanted);
      } finally {
        this.following = null;
      }
      if (wanted !== this.wanted) this.pinched();
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
    this.send?.(name, { ...what, count: this.stamp(), of: this.data.move });
  }

  // What was told later has the larger number, also from a map that is mounted again.
  stamp() {
    this.count = Math.max(this.count + 1, Date.now());
    return this.count;
  }

  // Until somebody touches it the probe walks a loop around where it started.
  walk() {
    const far = this.data.walk;
    this.halt();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const { x, y } = this.probe;
    const start = performance.now();
    let before = start;
    const step = (now) => {
      if (!this.root.isConnected) return;
      this.walking = requestAnimationFrame(step);
      if (now - before < STRIDE_MS || document.hidden || this.plot.style.opacity === "0") return;
      before = now;
      const t = (2 * Math.PI * (now - start)) / LOOP_MS;
      this.probe = { x: x + far * Math.sin(t), y: y + far * Math.sin(2 * t) * 0.6, index: null };
      this.schedule();
    };
    this.walking = requestAnimationFrame(step);
  }

  halt() {
    if (!this.walking) return;
    cancelAnimationFrame(this.walking);
    this.walking = null;
    this.rest(REST_MS);
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
    const exact = this.exactHere();
    const layer = finest(this.layers, x, y);
    const painted = exact ? "exact" : layer ? "blend" : "";
    if (painted) ink(this.image, exact ? this.data.exact.grey : blend(layer, x, y, this.mixed), this.light);
    if (painted) this.context.putImageData(this.image, 0, 0);
    this.canvas.dataset.shows = painted || "earlier place";
    const kind = painted === "exact" ? "decoded" : painted ? "blended while it moves" : "not decoded yet";
    putText(this.part("kind"), kind);
    const text = `${x.toFixed(2)}, ${y.toFixed(2)}`;
    putText(this.part("coordinates"), text);
    this.handle.setAttribute("aria-valuenow", x.toFixed(2));
    const [x0, x1] = this.data.window;
    this.handle.setAttribute("aria-valuemin", x0.toFixed(2));
    this.handle.setAttribute("aria-valuemax", x1.toFixed(2));
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
      found = this.codes.nearest(this.probe.x, this.probe.y, 5);
      far = found.length > 0 && found[0].distance > this.data.far;
      measure = "on the map";
    }
    putText(this.part("far"), far ? FAR_TEXT : "");
    const kinds = [...new Set(found.map(({ index }) => this.data.classes[this.points.labels[index]]))];
    this.handle.setAttribute(
      "aria-valuetext",
      `${this.part("coordinates").textContent}; ` +
        (far ? "far from every code, the nearest is of " : "near codes of ") +
        `${kinds.join(", ")}; nearest at ${found[0]?.distance.toFixed(2)}`,
    );
    putText(this.part("measure"), `Nearest real ${this.data.noun}, distance ${measure}`);
    const cells = this.part("nearest").children;
    found.forEach(({ index, distance }, k) => {
      const cell = cells[k];
      if (cell.dataset.index !== String(index) || !cell.dataset.drawn) {
        cell.dataset.index = index;
        cell.dataset.dot = `test-${index}`;
        this.drawReal(cell.querySelector("canvas"), index);
        if (this.sheet) cell.dataset.drawn = "true";
        const label = this.data.classes[this.points.labels[index]];
        cell.querySelector("b").textContent = label;
        cell.querySelector("canvas").setAttribute("aria-label", `${label}, test image ${index}`);
      }
      putText(cell.querySelector("small"), distance.toFixed(2));
    });
  }

  drawReal(canvas, index) {
    if (this.sheet) this.drawGrey(canvas, this.sheet.of(index));
  }

  drawGrey(canvas, grey) {
    ink(this.image, grey, this.light);
    canvas.getContext("2d").putImageData(this.image, 0, 0);
  }

  // -- looking at single points ----------------------------------------------------------

  // The mouse shows what is under it: a ghost of what the decoder draws there, or a real digit.
  peeking() {
    const tip = this.part("tip");
    let wanted = null;
    const show = () => {
      const place = wanted;
      wanted = null;
      if (!place || !this.view || this.dragging) return;
      if (this.hovered === null) {
        const layer = finest(this.layers, place.x, place.y);
        tip.hidden = !layer;
        if (!layer) return;
        this.drawGrey(tip.querySelector("canvas"), blend(layer, place.x, place.y, this.mixed));
        tip.querySelector("span").textContent = "";
        tip.dataset.kind = "decoded";
      }
      const left = place.left + tip.offsetWidth + 24 > this.plot.clientWidth
        ? place.left - tip.offsetWidth - 16 : place.left + 16;
      tip.style.transform = `translate(${left}px, ${Math.max(place.top - tip.offsetHeight - 10, 0)}px)`;
    };
    this.plot.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse" || event.buttons || !this.axes()) return;
      const [xaxis, yaxis] = this.axes();
      const box = this.plot.getBoundingClientRect();
      const [left, top] = [event.clientX - box.left, event.clientY - box.top];
      if (wanted === null) requestAnimationFrame(show);
      wanted = { left, top, x: xaxis.p2d(left - xaxis._offset), y: yaxis.p2d(top - yaxis._offset) };
    });
    for (const kind of ["pointerleave", "pointerdown"])
      this.plot.addEventListener(kind, () => {
        wanted = null;
        this.hovered = null;
        tip.hidden = true;
      });
  }

  hover(point) {
    const index = point.customdata;
    const tip = this.part("tip");
    this.hovered = index;
    links.mark(`test-${index}`);
    this.drawReal(tip.querySelector("canvas"), index);
    const label = this.data.classes[this.points.labels[index]];
    tip.querySelector("span").textContent = `${label}, test image ${index}`;
    tip.dataset.kind = "real";
    tip.hidden = false;
  }

  // The dots of one class alone, while the mouse is over its name.
  fade(label) {
    if (!this.data.dots || !this.bound) return;
    const opacity =
      label === null ? this.dotOpacity() : this.shown.map((k) => (this.points.labels[k] === label ? 0.9 : FADED));
    this.Plotly.restyle(this.plot, { "marker.opacity": [opacity] }).catch(this.fail);
  }

  selectClass(label) {
    const numbers = [];
    for (let k = 0; k < this.points.count; k++)
      if (this.points.labels[k] === label) numbers.push(k);
    this.tell("selection", { numbers });
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
    this.follow();
    clearTimeout(this.zooming);
    this.zooming = setTimeout(() => {
      if (!this.axes() || !this.root.isConnected) return;
      this.settle();
      const text = JSON.stringify(this.view);
      if (text === this.sentView) return;
      this.sentView = text;
      this.tell("view", { window: this.view });
    }, 250);
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.walking);
    this.resize.disconnect();
    this.unlink();
    document.removeEventListener("pointerup", this.released, true);
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
