// A density drawn by hand: levels 0 to 9 of equal cells, with the pointer or with the keys.

import { Board } from "/lab/canvas.js";
import { colours } from "/lab/colours.js";
import { button, el, hint } from "/lab/dom.js";

const KINDS = { line: { cells: 40, dim: 1 }, plane: { cells: 24, dim: 2 } };
const LETTERS = "abcdefghij";

export function encoded(levels) {
  let text = "";
  for (let i = 0; i < levels.length;) {
    let times = 1;
    while (levels[i + times] === levels[i] && times < 9999) times++;
    text += LETTERS[levels[i]] + (times > 1 ? times : "");
    i += times;
  }
  return text;
}

export function decoded(text, size) {
  const levels = [...text.matchAll(/([a-j])(\d*)/g)].flatMap(([, letter, times]) => Array(Number(times || 1)).fill(LETTERS.indexOf(letter)));
  return levels.length === size ? levels : Array(size).fill(0);
}

// Something to begin with: two hills, or a smile.
export function example(kind) {
  const { cells, dim } = KINDS[kind];
  if (dim === 1) return encoded(Array.from({ length: cells }, (_, i) => Math.round(8 * Math.exp(-(((i - 9) / 3) ** 2)) + 5 * Math.exp(-(((i - 28) / 4) ** 2)))));
  return encoded(Array.from({ length: cells * cells }, (_, i) => {
    const x = i % cells - 11.5, y = Math.floor(i / cells) - 11.5;
    const isEye = Math.hypot(Math.abs(x) - 4, y - 4) < 1.5, isMouth = y < -1 && Math.abs(Math.hypot(x, y - 1) - 7) < 1;
    return isEye || isMouth ? 6 : 0;
  }));
}

export class Drawing {
  constructor(place, done) { Object.assign(this, { place, done, isRubbing: false, at: 0 }); }

  show(kind, text) {
    const isNew = this.kind !== kind;
    this.place.hidden = !(kind in KINDS);
    this.kind = kind;
    if (this.place.hidden) return;
    const { cells, dim } = KINDS[kind];
    this.levels = decoded(text, cells ** dim);
    if (isNew) this.build(dim, cells);
    this.draw();
  }

  build(dim, cells) {
    this.board = new Board(`A density on a ${dim === 1 ? "line" : "plane"}, drawn by hand`, dim === 1 ? 0.5 : 1);
    const { canvas } = this.board;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-roledescription", "drawing");
    this.at = dim === 1 ? cells / 2 : cells * (cells / 2) + cells / 2;
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); this.last = null; this.touch(event); });
    canvas.addEventListener("pointermove", (event) => { if (event.buttons) this.touch(event); });
    canvas.addEventListener("pointerup", () => this.finish(0));
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const kind of ["focus", "blur"]) canvas.addEventListener(kind, () => this.draw());
    const rub = button("Rub out", () => { this.isRubbing = !this.isRubbing; rub.setAttribute("aria-pressed", this.isRubbing); }, { "aria-pressed": "false" });
    this.rub = rub;
    const clear = button("Clear", () => { this.levels.fill(0); this.draw(); });
    this.spoken = el("p", { className: "heard", role: "status" });
    const keys = dim === 1 ? "Left and right move, up and down change the height." : "Arrows move, space adds, Delete clears.";
    this.place.replaceChildren(el("h2", {}, "Draw the density"), canvas, el("p", { className: "row" }, rub, clear), hint(dim === 1 ? "Drag the heights. " : "Paint where data lie. ", keys), this.spoken);
  }

  touch(event) {
    const { canvas } = this.board, box = canvas.getBoundingClientRect(), { cells, dim } = KINDS[this.kind];
    const place = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
    const from = this.last ?? place, count = Math.ceil(Math.hypot(place[0] - from[0], place[1] - from[1]) * cells * 2) + 1;
    for (let i = 1; i <= count; i++) this.paint(from.map((value, axis) => value + i / count * (place[axis] - value)), cells, dim);
    this.last = place;
    this.draw();
  }

  paint([x, y], cells, dim) {
    const column = Math.floor(x * cells), row = Math.floor(y * cells);
    if (column < 0 || column >= cells) return;
    if (dim === 1) {
      this.levels[column] = this.isRubbing ? 0 : Math.max(0, Math.min(9, Math.round(y * 10)));
      return;
    }
    for (let v = row - 1; v <= row + 1; v++) {
      for (let u = column - 1; u <= column + 1; u++) {
        if (u < 0 || v < 0 || u >= cells || v >= cells) continue;
        const isMiddle = u === column && v === row, i = v * cells + u;
        if (this.isRubbing) this.levels[i] = 0;
        else if (isMiddle || u === column || v === row) this.levels[i] = Math.max(this.levels[i], isMiddle ? 6 : 3);
      }
    }
  }

  key(event) {
    const { cells, dim } = KINDS[this.kind], move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: cells, ArrowDown: -cells }[event.key];
    const change = dim === 1 ? { ArrowUp: 1, ArrowDown: -1, Delete: -9 }[event.key] : { " ": 3, Enter: 3, Delete: -9 }[event.key];
    if (change !== undefined) {
      this.levels[this.at] = Math.max(0, Math.min(9, this.levels[this.at] + change));
      this.finish(900);
    } else if (move !== undefined) {
      const next = this.at + move, wraps = Math.abs(move) === 1 && Math.floor(next / cells) !== Math.floor(this.at / cells);
      if (next >= 0 && next < this.levels.length && !wraps) this.at = next;
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.spoken.textContent = `${dim === 1 ? `Place ${this.at + 1}` : `Column ${this.at % cells + 1}, row ${Math.floor(this.at / cells) + 1}`}: level ${this.levels[this.at]}`;
    this.draw();
  }

  finish(delay) {
    clearTimeout(this.timer);
    if (this.levels.some(Boolean)) this.timer = setTimeout(() => this.done(encoded(this.levels)), delay);
  }

  draw() {
    const { board } = this, context = board.start(), { cells, dim } = KINDS[this.kind], size = board.width / cells, { data, line, ink } = colours();
    this.levels.forEach((level, i) => {
      const column = i % cells, row = Math.floor(i / cells);
      context.fillStyle = data;
      context.globalAlpha = dim === 1 ? 0.8 : level / 9;
      if (dim === 1) context.fillRect(column * size + 0.5, board.height * (1 - level / 10), size - 1, board.height * level / 10);
      else if (level) context.fillRect(column * size, board.height - (row + 1) * size, size + 0.3, size + 0.3);
    });
    context.globalAlpha = 1;
    for (let i = 0; i <= 4; i++) {
      const place = i / 4 * board.width;
      board.line([[place, 0], [place, board.height]], line, 0.5);
      board.line([[0, i / 4 * board.height], [board.width, i / 4 * board.height]], line, 0.5);
    }
    if (document.activeElement === board.canvas) {
      context.strokeStyle = ink;
      context.lineWidth = 2;
      const row = Math.floor(this.at / cells);
      if (dim === 1) context.strokeRect(this.at * size, 1, size, board.height - 2);
      else context.strokeRect(this.at % cells * size, board.height - (row + 1) * size, size, size);
    }
  }
}
