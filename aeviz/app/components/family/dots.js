// The map of a family: codes on their way from one member's map to the next one's. The dots are
// painted as pixels, ten thousand of them in a few milliseconds, each no larger than it must be.

const DOT = 1.5; // px, radius
const OPACITY = 0.62;
const APART = 30; // px between names of classes
const REACH = 14; // px around a dot in which it is meant

class Dots {
  constructor({ canvas, names, scale }) {
    Object.assign(this, { canvas, names, scale });
    this.context = canvas.getContext("2d");
  }

  // codes: one Float32Array of pairs for each member; homes: the same of the classes.
  lay({ codes, labels, homes, classes, colours, order }) {
    Object.assign(this, { codes, labels, homes, order });
    this.screen = new Float32Array(2 * labels.length);
    this.colours = colours.map(colourOf);
    nameClasses(this.names, classes, colours);
  }

  resize() {
    const side = this.canvas.clientWidth;
    this.ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    const pixels = Math.round(side * this.ratio);
    if (pixels && this.canvas.width !== pixels) {
      Object.assign(this.canvas, { width: pixels, height: pixels });
      this.image = this.context.createImageData(pixels, pixels);
      this.words = new Uint32Array(this.image.data.buffer);
    }
    this.side = side;
    return pixels > 0;
  }

  // A mix of two members: shares of both, where each draws its codes, half the width of the map.
  // look: colours of the theme; rings: [{ index, colour }] of dots that stand out.
  draw([a, b, share], [placeA, placeB], half, look, rings) {
    const { width } = this.canvas;
    const { ink } = look;
    const { paper } = look.rgb;
    this.words.fill((255 << 24) | (paper[2] << 16) | (paper[1] << 8) | paper[0]);
    this.shift(this.codes[a], placeA, this.codes[b], placeB, share, half, this.screen);
    for (const k of this.order) this.dot(k, width);
    this.context.putImageData(this.image, 0, 0);
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.prior([placeA, placeB, share], half, ink, look);
    for (const { index, colour } of rings) this.ring(index, colour, look.paper);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.place(a, b, [placeA, placeB, share], half, rings);
    showScale(this.scale, (2 * half) / this.side);
  }

  // Where points lie on the map, in px of the page.
  shift(from, [a, b, c, d, e, f], to, [g, h, i, j, k, l], share, half, into) {
    const [unit, middle, rest] = [this.side / (2 * half), this.side / 2, 1 - share];
    for (let n = 0; n < into.length; n += 2) {
      const x = rest * (from[n] * a + from[n + 1] * c + e) + share * (to[n] * g + to[n + 1] * i + k);
      const y = rest * (from[n] * b + from[n + 1] * d + f) + share * (to[n] * h + to[n + 1] * j + l);
      into[n] = middle + x * unit;
      into[n + 1] = middle - y * unit;
    }
  }

  // Paint one, its edge as soft as a pixel.
  dot(k, width) {
    const x = this.screen[2 * k] * this.ratio; // no arrays here: ten thousand a frame are litter
    const y = this.screen[2 * k + 1] * this.ratio;
    const reach = DOT * this.ratio + 0.5;
    if (!(x > -reach && y > -reach && x < width + reach && y < width + reach)) return;
    const colour = this.colours[this.labels[k] % this.colours.length];
    const { data } = this.image;
    const left = Math.max(Math.ceil(x - reach - 0.5), 0);
    const right = Math.min(x + reach - 0.5, width - 1);
    const top = Math.max(Math.ceil(y - reach - 0.5), 0);
    const bottom = Math.min(y + reach - 0.5, width - 1);
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++) {
        const dx = column + 0.5 - x;
        const dy = row + 0.5 - y;
        const cover = OPACITY * Math.min(Math.max(reach - Math.sqrt(dx * dx + dy * dy), 0), 1);
        const at = 4 * (row * width + column);
        data[at] += (colour[0] - data[at]) * cover;
        data[at + 1] += (colour[1] - data[at + 1]) * cover;
        data[at + 2] += (colour[2] - data[at + 2]) * cover;
      }
  }

  // One and two standard deviations of the prior, as circles about where its mean is drawn.
  prior([a, b, share], half, ink, look) {
    const { context } = this;
    const mixed = (k) => (1 - share) * a[k] + share * b[k];
    const length = ([p, q, r, s]) => Math.sqrt(Math.abs(p * s - q * r));
    const unit = this.side / (2 * half);
    const radius = ((1 - share) * length(a) + share * length(b)) * unit;
    const [x, y] = [this.side / 2 + mixed(4) * unit, this.side / 2 - mixed(5) * unit];
    context.lineWidth = 1.25;
    context.strokeStyle = context.fillStyle = ink;
    for (const many of [1, 2]) {
      context.setLineDash(many === 2 ? [5, 4] : []);
      context.beginPath();
      context.arc(x, y, many * radius, 0, 2 * Math.PI);
      context.stroke();
    }
    context.setLineDash([]);
    context.font = `600 ${0.8 * look.size}px ${look.font}`;
    context.textAlign = "center";
    context.lineWidth = 4;
    context.strokeStyle = look.paper;
    // Above the outer circle, or within it where there is no room: its line goes through no word.
    const top = y - 2 * radius;
    const at = [x, top - 6 >= look.size ? top - 6 : Math.max(top + 1.4 * look.size, look.size)];
    context.strokeText("prior: 1 and 2 sd", ...at);
    context.fillText("prior: 1 and 2 sd", ...at);
    const middle = at[1] - 0.3 * look.size;
    this.label = { left: x, top: middle, across: 4.2 * look.size, up: 1.35 * look.size };
  }

  ring(index, colour, paper) {
    const { context } = this;
    const [x, y] = [this.screen[2 * index], this.screen[2 * index + 1]];
    for (const [width, stroke] of [[6, paper], [3, colour]]) {
      Object.assign(context, { lineWidth: width, strokeStyle: stroke });
      context.beginPath();
      context.arc(x, y, 8, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  // The names of the classes, each at its home, pushed apart and off the dots that stand out.
  place(a, b, [placeA, placeB, share], half, rings) {
    const places = new Float32Array(this.homes[a].length);
    this.shift(this.homes[a], placeA, this.homes[b], placeB, share, half, places);
    const spots = Array.from(this.names.children, (_, k) => ({
      left: places[2 * k],
      top: places[2 * k + 1],
    }));
    pushApart(spots, APART);
    const { label } = this;
    for (const spot of spots) {
      const up = spot.top - label.top;
      if (Math.abs(spot.left - label.left) < label.across && Math.abs(up) < label.up)
        spot.top = label.top + (up < 0 && label.top > 2 * label.up ? -1 : 1) * label.up;
    }
    for (const { index } of rings)
      for (const spot of spots) {
        const [dx, dy] = [spot.left - this.screen[2 * index], spot.top - this.screen[2 * index + 1]];
        const far = Math.hypot(dx, dy);
        if (far >= APART) continue;
        spot.left += (far > 0.01 ? dx / far : 0) * (APART - far);
        spot.top += (far > 0.01 ? dy / far : 1) * (APART - far);
      }
    [...this.names.children].forEach((name, k) => {
      const { left, top } = spots[k];
      name.style.transform = `translate(-50%, -50%) translate(${left}px, ${top}px)`;
    });
  }

  // The dot at a place of the page's px, or -1.
  at(x, y) {
    let [best, found] = [REACH * REACH, -1];
    for (let k = 0; k < this.labels.length; k++) {
      const [dx, dy] = [this.screen[2 * k] - x, this.screen[2 * k + 1] - y];
      if (dx * dx + dy * dy < best) [best, found] = [dx * dx + dy * dy, k];
    }
    return found;
  }
}
