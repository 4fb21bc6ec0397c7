// Codes as points on the map, found by their place.

class Codes {
  // xy: two numbers for each of `count` points; labels: the class of each.
  constructor({ xy, labels, count }) {
    Object.assign(this, { xy, labels, count });
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let k = 0; k < count; k++) {
      x0 = Math.min(x0, xy[2 * k]);
      x1 = Math.max(x1, xy[2 * k]);
      y0 = Math.min(y0, xy[2 * k + 1]);
      y1 = Math.max(y1, xy[2 * k + 1]);
    }
    const side = Math.max(1, Math.min(128, Math.round(Math.sqrt(count / 3))));
    Object.assign(this, { x0, y0, side, size: Math.max(x1 - x0, y1 - y0, 1e-9) / side });
    // The points of each bin stand one after the other: those of bin b from first[b] on.
    const bin = new Uint32Array(count);
    this.first = new Uint32Array(side * side + 1);
    for (let k = 0; k < count; k++) {
      const [column, row] = this.binOf(xy[2 * k], xy[2 * k + 1]);
      bin[k] = this.within(row) * side + this.within(column);
      this.first[bin[k] + 1]++;
    }
    for (let b = 0; b < side * side; b++) this.first[b + 1] += this.first[b];
    const next = this.first.slice();
    this.order = new Uint32Array(count);
    for (let k = 0; k < count; k++) this.order[next[bin[k]]++] = k;
  }

  binOf(x, y) {
    return [Math.floor((x - this.x0) / this.size), Math.floor((y - this.y0) / this.size)];
  }

  within(at) {
    return Math.min(Math.max(at, 0), this.side - 1);
  }

  // The nearest points, nearest first, as { index, distance }.
  nearest(x, y, many) {
    const found = [];
    const { side, first, order, xy } = this;
    const [column, row] = this.binOf(x, y).map((at) => this.within(at));
    const inside = (at) => at >= 0 && at < side;
    const look = (i, j) => {
      for (let k = first[i * side + j]; k < first[i * side + j + 1]; k++) {
        const index = order[k];
        const [dx, dy] = [xy[2 * index] - x, xy[2 * index + 1] - y];
        const distance = dx * dx + dy * dy;
        if (found.length === many && distance >= found[many - 1].distance) continue;
        let at = found.length;
        while (at > 0 && found[at - 1].distance > distance) at--;
        found.splice(at, 0, { index, distance });
        if (found.length > many) found.pop();
      }
    };
    // Rings of bins around the place's own, until no nearer point can lie farther out.
    for (let ring = 0; ring < side; ring++) {
      const left = this.x0 + (column - ring + 1) * this.size;
      const right = this.x0 + (column + ring) * this.size;
      const low = this.y0 + (row - ring + 1) * this.size;
      const high = this.y0 + (row + ring) * this.size;
      const gap = Math.max(0, Math.min(x - left, right - x, y - low, high - y));
      if (found.length === many && found[many - 1].distance <= gap * gap) break;
      for (let i = row - ring; i <= row + ring; i++) {
        if (!inside(i)) continue;
        const edge = i === row - ring || i === row + ring;
        for (let j = column - ring; j <= column + ring; j += edge || ring === 0 ? 1 : 2 * ring)
          if (inside(j)) look(i, j);
      }
    }
    for (const one of found) one.distance = Math.sqrt(one.distance);
    return found;
  }

  // Calls `each` with the index of every point in a window.
  among([x0, x1, y0, y1], each) {
    const [low, high] = [this.binOf(x0, y0), this.binOf(x1, y1)];
    const [j0, i0, j1, i1] = [...low, ...high].map((at) => this.within(at));
    for (let i = i0; i <= i1; i++)
      for (let k = this.first[i * this.side + j0]; k < this.first[i * this.side + j1 + 1]; k++) {
        const index = this.order[k];
        const [x, y] = [this.xy[2 * index], this.xy[2 * index + 1]];
        if (x >= x0 && x <= x1 && y >= y0 && y <= y1) each(index, x, y);
      }
  }

  // Where each class is at home in a window: the middle of its densest part, if it has one there.
  homes(view, classes) {
    const bins = 20;
    const [x0, x1, y0, y1] = view;
    const counts = Array.from({ length: classes }, () => new Float32Array(bins * bins));
    const all = new Float32Array(classes);
    this.among(view, (index, x, y) => {
      const column = Math.min(Math.floor(((x - x0) / (x1 - x0)) * bins), bins - 1);
      const row = Math.min(Math.floor(((y - y0) / (y1 - y0)) * bins), bins - 1);
      counts[this.labels[index]][row * bins + column]++;
      all[this.labels[index]]++;
    });
    const seen = all.reduce((sum, many) => sum + many, 0);
    return counts.flatMap((count, label) => {
      if (all[label] < Math.max(3, 0.01 * seen)) return [];
      let best = { value: -1 };
      for (let row = 0; row < bins; row++)
        for (let column = 0; column < bins; column++) {
          let value = 0;
          for (let i = Math.max(row - 1, 0); i <= Math.min(row + 1, bins - 1); i++)
            for (let j = Math.max(column - 1, 0); j <= Math.min(column + 1, bins - 1); j++)
              value += count[i * bins + j] * (i === row && j === column ? 2 : 1);
          if (value > best.value) best = { value, row, column };
        }
      const x = x0 + ((best.column + 0.5) / bins) * (x1 - x0);
      return [{ label, x, y: y0 + ((best.row + 0.5) / bins) * (y1 - y0) }];
    });
  }
}
