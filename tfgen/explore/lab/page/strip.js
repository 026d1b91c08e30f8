// Points of a line: densities, D beside p / (p + q), arrows, and what G makes of z below.

import { colours, probable } from "/lab/colours.js";

const FOOT = 0.24; // Share of the height for the map from z to x.

function curves(board, low, high, count, rows, foot = FOOT) {
  const { context } = board, top = 14, base = board.height * (1 - foot) - 16;
  const middle = (i) => (i + 0.5) / count * board.width;
  const most = 1.25 * Math.max(...rows.p.slice(1, -1), 1e-9);
  board.x = (value) => (value - low) / (high - low) * board.width;
  const y = (value) => base - Math.min(value / most, 1.1) * (base - top);
  const said = (value) => base - value * (base - top);
  const along = (values, place) => values.map((value, i) => [middle(i), value === null ? NaN : place(value)]);
  // The outermost cells hold all that lies outside: no density of theirs is drawn.
  const within = (values, place) => along(values, place).slice(1, -1);
  const { data, model, d, exact, line, soft } = colours();
  board.line([[0, base], [board.width, base]], line);
  if (rows.p) {
    context.globalAlpha = 0.18;
    context.fillStyle = data;
    context.beginPath();
    context.moveTo(middle(1), base);
    for (const [x, value] of within(rows.p, y)) context.lineTo(x, value);
    context.lineTo(middle(count - 2), base);
    context.fill();
    context.globalAlpha = 1;
    board.line(within(rows.p, y), data, 1.5);
  }
  if (rows.q) board.line(within(rows.q, y), model, 2);
  if (rows.d) {
    board.line([[0, said(0.5)], [board.width, said(0.5)]], line, 1, [2, 3]);
    if (rows.best) board.line(along(rows.best, said), exact, 1.5, [6, 4]);
    board.line(along(rows.d, said), d, 2);
    context.fillStyle = soft;
    context.font = "10px system-ui, sans-serif";
    context.textAlign = "right";
    if (rows.probable) for (const [value, name] of [[0, "0"], [0.5, "½"], [1, "1"]]) context.fillText(name, board.width - 3, said(value) - 3);
  }
  return base;
}

function numbered(board, low, high, base) {
  const { context } = board;
  context.fillStyle = colours().soft;
  context.font = "10px system-ui, sans-serif";
  context.textAlign = "center";
  for (let value = Math.ceil(low); value <= high; value += high - low > 9 ? 2 : 1) {
    if (board.x(value) > 8 && board.x(value) < board.width - 8) context.fillText(String(value).replace("-", "−"), board.x(value), base + 12);
  }
}

function pushed(board, points, push, base) {
  const { context } = board, { model, ink } = colours();
  context.fillStyle = model;
  points.slice(0, 120).forEach(([x], i) => context.fillRect(board.x(x) - 1, base - 5 - 3 * (i % 4), 2, 3));
  if (!push) return;
  context.strokeStyle = ink;
  context.globalAlpha = 0.8;
  context.lineWidth = 1;
  context.beginPath();
  points.slice(0, 48).forEach(([x], i) => {
    const by = Math.max(-1.5, Math.min(1.5, 0.4 * push[i][0])), height = base - 8 - 5 * (i % 8);
    board.arrow(board.x(x), height, board.x(x + by), height);
  });
  context.stroke();
  context.globalAlpha = 1;
}

// Lines from z, evenly dense under the prior, to G(z): figure 1 of the GAN paper.
function mapped(board, density, grid) {
  const { context } = board, { model, soft } = colours();
  const from = board.height - 12, to = board.height * (1 - FOOT) + 4;
  context.globalAlpha = 0.6;
  density.lattice.forEach(([z], i) => {
    const start = board.width * (0.5 + z / 6.5);
    board.line([[start, from], [board.x(grid[i][0]), to]], model, 0.8);
  });
  context.globalAlpha = 1;
  context.fillStyle = soft;
  context.font = "10px system-ui, sans-serif";
  context.textAlign = "left";
  context.fillText("x = G(z)", 3, to + 8);
  context.fillText("z", 3, from + 2);
}

export function data(board, density, game, one, layers, now) {
  board.start();
  const say = one.d ? probable(game, one.numbers, one.d) : null;
  const base = curves(board, density.low, density.high, density.cells, {
    p: density.p,
    q: layers.samples ? one.q : null,
    d: layers.d && one.d ? one.d.map(say) : null,
    best: layers.best ? one.best : null,
    probable: one.numbers.value !== undefined || game.loss === "least_squares",
  });
  if (layers.samples) pushed(board, now.points, layers.arrows ? now.push : null, base);
  numbered(board, density.low, density.high, base);
  if (layers.grid) mapped(board, density, now.grid);
}

// Prior and codes of data, and D on codes where there is one.
export function codes(board, density, game, one, layers) {
  board.start();
  const say = one.codes.d ? probable(game, one.numbers, one.codes.d) : null, end = density.code_end;
  const base = curves(board, -end, end, density.cells, {
    p: density.prior,
    q: layers.samples ? one.codes.q : null,
    d: layers.d && say ? one.codes.d.map(say) : null,
    best: layers.best && one.codes.best ? one.codes.best : null,
    probable: one.numbers.value !== undefined || game.loss === "least_squares",
  }, 0);
  if (layers.samples) pushed(board, one.codes.points, layers.arrows ? one.codes.push : null, base);
  numbered(board, -end, end, base);
}
