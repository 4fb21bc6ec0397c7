// Places marked on the map. The mouse over one marks its image on the page, and back.

const SVG = "http://www.w3.org/2000/svg";
const FEW = 100; // more marks than these are small

const instances = new WeakMap();

class MarkedMap extends Maps {
  constructor(parent) {
    super(parent);
    [this.side] = this.sides;
    this.ring = this.side.part("ring");
    this.svg = this.side.part("marks");
    this.marks = [];
    this.ringed = null; // the place with a ring
  }

  async update(data) {
    if (!(await this.receive(data))) return;
    const size = data.places.length > FEW ? 2.5 : 5;
    this.marks = data.places.map((_, k) => {
      const mark = document.createElementNS(SVG, "circle");
      mark.setAttribute("r", size);
      if (data.dots.length) mark.dataset.dot = data.dots[k];
      mark.addEventListener("pointerenter", () => links.mark(mark.dataset.dot ?? null));
      mark.addEventListener("pointerleave", () => links.mark(null));
      return mark;
    });
    this.svg.replaceChildren(...this.marks);
    const many = data.places.length.toLocaleString("en");
    this.svg.setAttribute("aria-label", `Map of test codes with ${many} marked places`);
    this.place();
  }

  linked(dot) {
    const at = this.data?.dots.indexOf(dot) ?? -1;
    this.ringed = at < 0 ? null : at;
    this.place();
  }

  click() {}

  place() {
    if (!this.side.view || !this.data) return;
    this.marks.forEach((mark, k) => {
      const [left, top] = this.side.screen(this.data.places[k]);
      mark.setAttribute("cx", left);
      mark.setAttribute("cy", top);
    });
    this.ring.hidden = this.ringed === null;
    if (this.ringed === null) return;
    const [left, top] = this.side.screen(this.data.places[this.ringed]);
    this.ring.style.transform = `translate(${left}px, ${top}px)`;
  }
}

export default function ({ data, parentElement }) {
  let map = instances.get(parentElement);
  if (!map) {
    map = new MarkedMap(parentElement);
    instances.set(parentElement, map);
  }
  map.update(data).catch(map.fail);
  return () => {
    map.destroy();
    instances.delete(parentElement);
  };
}
