// A path on the map. Its ends and waypoints are dragged from code to code; it is dark where codes
// are near and takes the colour of a warning where it is far from all of them.

const KEYS_MS = 400; // after the last key: tell the server
const SVG = "http://www.w3.org/2000/svg";

const instances = new WeakMap();

class PathMap extends Maps {
  constructor(parent) {
    super(parent);
    [this.side] = this.sides;
    this.lines = this.side.part("path");
    this.lines.addEventListener("click", (event) => this.insert(event));
    this.pins = [];
    this.stations = []; // images, in order
  }

  async update(data, send) {
    this.send = send;
    if (!(await this.receive(data))) return;
    if (data.at < this.at) return; // of stations that have been moved since
    this.stations = [...data.stations];
    this.path = data.path;
    this.letter();
    this.layPath();
    this.place();
  }

  // A pin for each station, called A, 1, 2, ..., B.
  letter() {
    const last = this.stations.length - 1;
    if (this.pins.length !== this.stations.length) {
      this.pins.forEach((pin) => pin.remove());
      this.pins = this.stations.map((_, k) => {
        const name = k === 0 ? "A" : k === last ? "B" : String(k);
        const pin = make("div", { className: "pin", textContent: name, tabIndex: 0 });
        pin.setAttribute("role", "slider");
        pin.setAttribute("aria-label", `${name}: drag it, or move it with the arrow keys`);
        pin.dataset.testid = `pin-${name}`;
        this.draggable(this.side, pin, {
          at: () => this.stations[k],
          move: (index) => this.move(k, index),
          rest: () => this.tell(),
        });
        return pin;
      });
      this.side.part("pins").replaceChildren(...this.pins);
    }
    this.pins.forEach((pin, k) => this.say(this.side, pin, this.stations[k]));
  }

  move(k, index) {
    if (index === this.stations[k]) return;
    this.stations[k] = index;
    this.moved = true;
    this.path = null; // not known before the server answers
    this.say(this.side, this.pins[k], index);
    this.layPath();
    this.place();
  }

  tell() {
    if (!this.moved) return;
    this.at = Date.now();
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      this.moved = false;
      this.send("stations", { indices: this.stations, at: this.at });
    }, KEYS_MS);
  }

  // A click on a dot puts the end there that is nearer to it.
  click(index) {
    const [x, y] = this.side.screen(this.side.place(index));
    const far = this.stations.map((one) => {
      const [u, v] = this.side.screen(this.side.place(one));
      return Math.hypot(u - x, v - y);
    });
    const ends = [0, this.stations.length - 1];
    this.move(far[ends[0]] <= far[ends[1]] ? ends[0] : ends[1], index);
    this.tell();
  }

  // A click on the path puts a waypoint there, on the nearest code.
  insert(event) {
    const piece = [...this.lines.children].indexOf(event.target);
    if (!this.path || piece < 0) return;
    const share = (piece + 0.5) / this.lines.childElementCount;
    const leg = this.path.milestones.filter((one) => one < share).length;
    this.stations.splice(leg, 0, this.side.nearest(this.side.at(event)));
    this.moved = true;
    this.path = null;
    this.letter();
    this.layPath();
    this.place();
    this.tell();
  }

  // The path in pieces, each as dark as codes are near; straight and dashed while it is not known.
  layPath() {
    const known = this.path !== null;
    const pieces = known ? this.path.places.length - 1 : this.stations.length - 1;
    this.lines.dataset.known = String(known);
    if (this.lines.childElementCount !== pieces)
      this.lines.replaceChildren(
        ...Array.from({ length: pieces }, () => document.createElementNS(SVG, "line")),
      );
    [...this.lines.children].forEach((line, k) => {
      const far = known && Math.max(this.path.away[k], this.path.away[k + 1]) > 1;
      line.setAttribute("class", far ? "far" : "");
    });
  }

  place() {
    if (!this.side.view || !this.pins.length) return;
    this.pins.forEach((pin, k) => this.side.hold(pin, this.stations[k]));
    const places = this.path?.places ?? this.stations.map((one) => this.side.place(one));
    const points = places.map((place) => this.side.screen(place));
    [...this.lines.children].forEach((line, k) => {
      const [[x1, y1], [x2, y2]] = [points[k], points[k + 1]];
      for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) line.setAttribute(name, value);
    });
  }

  destroy() {
    clearTimeout(this.telling);
    super.destroy();
  }
}

export default function ({ data, parentElement, setStateValue }) {
  let map = instances.get(parentElement);
  if (!map) {
    map = new PathMap(parentElement);
    instances.set(parentElement, map);
  }
  map.update(data, setStateValue).catch(map.fail);
  return () => {
    map.destroy();
    instances.delete(parentElement);
  };
}
