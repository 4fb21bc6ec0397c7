// An image under a grid of buttons: each hides or shows its cell, and a drag paints over many.

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

class Patches {
  constructor(root) {
    this.root = root;
    this.image = document.createElement("img");
    this.image.alt = "";
    this.painting = null; // while the pointer is down: whether it hides or shows
    this.last = null; // where it was, in cells from the top left
    this.at = 0; // when the page was last told
    root.append(this.image);
    root.addEventListener("pointerdown", (event) => this.begin(event));
    root.addEventListener("pointermove", (event) => {
      if (this.painting !== null) this.stroke(this.place(event));
    });
    root.addEventListener("pointerup", () => this.end());
    root.addEventListener("pointercancel", () => this.end());
    root.addEventListener("keydown", (event) => this.key(event));
  }

  show({ image, hidden, side, brush, at }, send) {
    this.send = send;
    this.side = side;
    this.brush = brush;
    this.image.src = image;
    this.root.classList.toggle("fine", brush > 0);
    // An answer to an earlier click must not take back the later ones.
    let late = this.painting !== null || at < this.at;
    if (this.buttons?.length !== side * side) {
      this.buttons?.forEach((button) => button.remove());
      this.buttons = Array.from({ length: side * side }, (_, k) => {
        const button = document.createElement("button");
        button.type = "button";
        button.tabIndex = k ? -1 : 0; // one stop for the Tab key; arrows lead on
        const place = `row ${Math.floor(k / side) + 1}, column ${(k % side) + 1}`;
        const what = brush > 0 ? "Hide what is around" : "Hide the patch in";
        button.setAttribute("aria-label", `${what} ${place}`);
        return button;
      });
      this.root.style.gridTemplate = `repeat(${side}, 1fr) / repeat(${side}, 1fr)`;
      this.root.append(...this.buttons);
      late = false;
    }
    if (!late) [...hidden].forEach((one, k) => this.set(k, one === "1"));
  }

  set(k, hidden) {
    this.buttons[k].setAttribute("aria-pressed", hidden);
  }

  isHidden(k) {
    return this.buttons[k].getAttribute("aria-pressed") === "true";
  }

  place(event) {
    const box = this.root.getBoundingClientRect();
    return [
      ((event.clientY - box.top) / box.height) * this.side,
      ((event.clientX - box.left) / box.width) * this.side,
    ];
  }

  cell([row, column]) {
    const [down, right] = [Math.floor(row), Math.floor(column)];
    const inside = [down, right].every((n) => n >= 0 && n < this.side);
    return inside ? down * this.side + right : null;
  }

  dab([row, column], hidden) {
    const reach = Math.ceil(this.brush);
    for (let down = Math.floor(row) - reach; down <= row + reach; down++) {
      for (let right = Math.floor(column) - reach; right <= column + reach; right++) {
        const far = Math.hypot(down + 0.5 - row, right + 0.5 - column);
        const k = this.cell([down, right]);
        if (k !== null && far <= this.brush) this.set(k, hidden);
      }
    }
    const under = this.cell([row, column]);
    if (under !== null) this.set(under, hidden);
  }

  stroke(to) {
    // A quick pointer is seen here and there only: what lies between is painted too.
    const [from, steps] = [this.last, Math.ceil(2 * Math.hypot(to[0] - this.last[0], to[1] - this.last[1]))];
    for (let n = 1; n <= steps; n++) {
      this.dab(from.map((start, k) => start + ((to[k] - start) * n) / steps), this.painting);
    }
    this.last = to;
  }

  begin(event) {
    const place = this.place(event);
    const k = this.cell(place);
    if (event.button !== 0 || k === null) return;
    this.root.setPointerCapture(event.pointerId);
    this.painting = !this.isHidden(k);
    this.last = place;
    this.dab(place, this.painting);
  }

  end() {
    if (this.painting === null) return;
    this.painting = null;
    this.tell();
  }

  key(event) {
    const k = this.buttons.indexOf(event.target);
    const step = STEPS[event.key];
    if (k < 0) return;
    const [row, column] = [Math.floor(k / this.side), k % this.side];
    if (event.key === "Enter" || event.key === " ") {
      this.dab([row + 0.5, column + 0.5], !this.isHidden(k));
      this.tell();
    } else if (step) {
      const next = this.cell([row + step[0], column + step[1]]);
      if (next === null) return;
      this.buttons[k].tabIndex = -1;
      this.buttons[next].tabIndex = 0;
      this.buttons[next].focus();
    } else return;
    event.preventDefault();
  }

  tell() {
    const cells = this.buttons.map((_, k) => Number(this.isHidden(k))).join("");
    this.at = Date.now();
    this.send("hidden", { cells, at: this.at }); // the same again counts too
  }
}

const grids = new WeakMap(); // called again with the same element when its data changes

export default function ({ data, parentElement, setStateValue }) {
  let grid = grids.get(parentElement);
  if (!grid) {
    grid = new Patches(parentElement.querySelector(".patches"));
    grids.set(parentElement, grid);
  }
  grid.show(data, setStateValue);
  return () => grids.delete(parentElement);
}
