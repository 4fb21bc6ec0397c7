// A picture under a grid of buttons: each hides or shows its patch, and a drag paints over many.

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

class Patches {
  constructor(root) {
    this.root = root;
    this.picture = document.createElement("img");
    this.picture.alt = "";
    this.painting = null; // while the pointer is down: whether it hides or shows
    root.append(this.picture);
    root.addEventListener("pointerdown", (event) => this.begin(event));
    root.addEventListener("pointermove", (event) => {
      if (this.painting !== null) this.paint(this.under(event));
    });
    root.addEventListener("pointerup", () => this.end());
    root.addEventListener("pointercancel", () => this.end());
    root.addEventListener("keydown", (event) => this.key(event));
  }

  show({ picture, hidden, side }, send) {
    this.send = send;
    this.side = side;
    this.picture.src = picture;
    if (this.buttons?.length !== side * side) {
      this.buttons?.forEach((button) => button.remove());
      this.buttons = Array.from({ length: side * side }, (_, k) => {
        const button = document.createElement("button");
        button.type = "button";
        button.tabIndex = k ? -1 : 0; // one stop for the Tab key; arrows lead on
        const place = `row ${Math.floor(k / side) + 1}, column ${(k % side) + 1}`;
        button.setAttribute("aria-label", `Hide the patch in ${place}`);
        return button;
      });
      this.root.style.gridTemplate = `repeat(${side}, 1fr) / repeat(${side}, 1fr)`;
      this.root.append(...this.buttons);
    }
    if (this.painting === null) [...hidden].forEach((one, k) => this.set(k, one === "1"));
  }

  set(k, hidden) {
    this.buttons[k].setAttribute("aria-pressed", hidden);
  }

  isHidden(k) {
    return this.buttons[k].getAttribute("aria-pressed") === "true";
  }

  under(event) {
    const box = this.root.getBoundingClientRect();
    const [row, column] = [
      (event.clientY - box.top) / box.height,
      (event.clientX - box.left) / box.width,
    ].map((share) => Math.floor(share * this.side));
    const inside = [row, column].every((n) => n >= 0 && n < this.side);
    return inside ? row * this.side + column : null;
  }

  paint(k) {
    if (k !== null) this.set(k, this.painting);
  }

  begin(event) {
    const k = this.under(event);
    if (event.button !== 0 || k === null) return;
    this.root.setPointerCapture(event.pointerId);
    this.painting = !this.isHidden(k);
    this.paint(k);
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
    if (event.key === "Enter" || event.key === " ") {
      this.set(k, !this.isHidden(k));
      this.tell();
    } else if (step) {
      const [row, column] = [Math.floor(k / this.side) + step[0], (k % this.side) + step[1]];
      if ([row, column].some((n) => n < 0 || n >= this.side)) return;
      const next = row * this.side + column;
      this.buttons[k].tabIndex = -1;
      this.buttons[next].tabIndex = 0;
      this.buttons[next].focus();
    } else return;
    event.preventDefault();
  }

  tell() {
    this.send("hidden", this.buttons.map((_, k) => Number(this.isHidden(k))).join(""));
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
