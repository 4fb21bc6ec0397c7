// What the components share. `browser.script` puts it in front of a component's own file, so the
// state lies on the window: two components on a page load Plotly once.

const shared = (window.aeviz ??= { plotly: null, downloads: new Map(), webgl: null });

// Streamlit's own Plotly may set window.Plotly later, so this copy is kept by reference.
function loadPlotly(url) {
  shared.plotly ??= new Promise((resolve, reject) => {
    const before = window.Plotly;
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => {
      const own = window.Plotly;
      if (before) window.Plotly = before;
      resolve(own);
    };
    script.onerror = () => {
      shared.plotly = null;
      reject(new Error("The plotting library did not load; reload the page."));
    };
    document.head.append(script);
  });
  return shared.plotly;
}

// Fetch what a script tag or an image will ask for in a moment.
function preload(url, as) {
  if (document.querySelector(`link[rel="preload"][href="${CSS.escape(url)}"]`)) return;
  make("link", { rel: "preload", as, href: url }, document.head);
}

// What `read` makes of the response, once for each address.
function download(url, read) {
  const { downloads } = shared;
  if (!downloads.has(url)) {
    const promise = fetch(url).then((response) => {
      if (!response.ok) throw new Error("A part of the page did not load; reload the page.");
      return read(response);
    });
    promise.catch(() => downloads.delete(url));
    downloads.set(url, promise);
    if (downloads.size > 40) downloads.delete(downloads.keys().next().value);
  }
  return downloads.get(url);
}

// A canvas that is not on the page. Not an OffscreenCanvas: Safari has it since 16.4 only.
function scratchCanvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

// Whether Plotly's WebGL traces can be drawn. The context is given back: a page has few of them.
function hasWebGL() {
  if (shared.webgl === null) {
    const context = scratchCanvas(1, 1).getContext("webgl");
    shared.webgl = context !== null;
    context?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return shared.webgl;
}

// A new element with these properties, put at the end of its parent.
function make(tag, properties = {}, parent = null) {
  const element = Object.assign(document.createElement(tag), properties);
  parent?.append(element);
  return element;
}

// Images on the page and dots on its maps that are of one thing, such as test image 7 or the third
// sample, carry the same `data-dot` and point to each other.
const links = {
  // Calls `each` with what the mouse is over, null where it is over nothing; returns its end.
  follow(each) {
    let last = null;
    const over = (event) => {
      const dot = event.target.closest?.("[data-dot]")?.dataset.dot ?? null;
      if (dot === last) return;
      last = dot;
      each(dot);
    };
    document.addEventListener("pointerover", over);
    return () => document.removeEventListener("pointerover", over);
  },

  // Marks the images of one thing; of none for null.
  mark(dot) {
    for (const one of document.querySelectorAll("[data-linked]")) delete one.dataset.linked;
    if (dot === null) return;
    for (const one of document.querySelectorAll(`[data-dot="${CSS.escape(dot)}"]`))
      one.dataset.linked = "true";
  },

  // The number in what stands for a test image; null for anything else.
  image(dot) {
    return dot?.startsWith("test-") ? Number(dot.slice(5)) : null;
  },
};

// Bytes nested in a component's data arrive as base64 text.
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// The numbers below a count in an order without meaning, the same each time.
function shuffled(count) {
  const order = Array.from({ length: count }, (_, k) => k);
  let seed = 1;
  for (let k = count - 1; k > 0; k--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; // Numerical Recipes, section 7.1
    const at = Math.floor((seed / 2 ** 32) * (k + 1));
    [order[k], order[at]] = [order[at], order[k]];
  }
  return order;
}

// Red, green and blue of any CSS colour.
function colourOf(text) {
  const context = scratchCanvas(1, 1).getContext("2d");
  context.fillStyle = text;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

// Put grey values into an image as ink: black on a light page, white on a dark one, and the paper
// shows through. Style rules that blend a canvas with the page cost a third of the images a second.
function ink({ data }, grey, light) {
  const tone = light ? 0 : 255;
  for (let k = 0; k < grey.length; k++) {
    data[4 * k] = data[4 * k + 1] = data[4 * k + 2] = tone;
    data[4 * k + 3] = grey[k];
  }
}

const SYMBOLS = { Play: "M8 5v14l11-7z", Pause: "M6 5h4v14H6zM14 5h4v14h-4z" };

// A button that plays says what a press of it does.
function showPlaying(button, playing) {
  const name = playing ? "Pause" : "Play";
  if (button.getAttribute("aria-label") === name) return;
  button.setAttribute("aria-label", name);
  button.innerHTML =
    `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${SYMBOLS[name]}"/></svg>`;
}

// The names of classes in their colours, as elements of a parent.
function nameClasses(parent, classes, colours) {
  parent.replaceChildren(
    ...classes.map((name, label) => {
      const span = make("span", { textContent: name });
      span.style.setProperty("--own", colours[label % colours.length]);
      return span;
    }),
  );
}

// Lets a bar have a round length of about 110 px; unit: what one px is.
function showScale(scale, unit) {
  const power = 10 ** Math.floor(Math.log10(110 * unit));
  const length = [5, 2, 1].find((step) => step * power <= 110 * unit) * power;
  scale.querySelector("i").style.width = `${length / unit}px`;
  scale.querySelector("b").textContent = String(Number(length.toPrecision(1)));
}

// Have an element say something; laid out anew only where it is something else.
function putText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Push places apart until none lies on another; each is { left, top }, moved in place.
function pushApart(places, apart) {
  for (let round = 0; round < 40; round++) {
    let moved = false;
    for (let a = 0; a < places.length; a++)
      for (let b = a + 1; b < places.length; b++) {
        const [dx, dy] = [places[b].left - places[a].left, places[b].top - places[a].top];
        const distance = Math.hypot(dx, dy);
        if (distance >= apart) continue;
        const [ux, uy] = distance > 0.01 ? [dx / distance, dy / distance] : [0, 1];
        const push = (apart - distance) / 2 + 0.5;
        places[a].left -= ux * push;
        places[a].top -= uy * push;
        places[b].left += ux * push;
        places[b].top += uy * push;
        moved = true;
      }
    if (!moved) return;
  }
}
