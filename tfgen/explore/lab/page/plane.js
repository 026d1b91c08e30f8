// Points of a plane: D as a heat map, samples, arrows, the warped grid.

import { colours, picture, probable, shade, tint } from "/lab/colours.js";

const REACH = 0.4, LONGEST = 0.9; // Of an arrow: by its gradient, and at most; in units of the data.
const ARROWS = 150;

function cells(board, values, side, colour) {
  const { context } = board;
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture(values, side, colour), 0, 0, board.width, board.height);
}

function warped(board, grid, side) {
  const { context } = board, { model } = colours();
  const at = (row, column) => grid[row * side + column];
  context.fillStyle = model;
  for (let row = 0; row + 1 < side; row++) {
    for (let column = 0; column + 1 < side; column++) {
      // Every cell holds the same share of samples: the smaller, the denser.
      const corners = [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)];
      const places = corners.map(([x, y]) => [board.x(x), board.y(y)]);
      let area = 0;
      places.forEach(([x, y], i) => { const [u, v] = places[(i + 1) % 4]; area += 0.5 * (x * v - u * y); });
      context.globalAlpha = Math.min(0.45, 14 / (Math.abs(area) + 30));
      context.beginPath();
      places.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.fill();
    }
  }
  context.globalAlpha = 0.55;
  for (let i = 0; i < side; i++) {
    const along = Array.from({ length: side }, (_, j) => [at(i, j), at(j, i)]);
    for (const way of [0, 1]) board.line(along.map((pair) => [board.x(pair[way][0]), board.y(pair[way][1])]), model, 0.7);
  }
  context.globalAlpha = 1;
}

function arrows(board, points, push, count = ARROWS) {
  const { context } = board;
  context.strokeStyle = colours().ink;
  context.lineWidth = 1;
  context.globalAlpha = 0.75;
  context.beginPath();
  for (let i = 0; i < Math.min(points.length, count); i++) {
    const [x, y] = points[i], [dx, dy] = push[i];
    const size = Math.hypot(dx, dy), by = Math.min(REACH, LONGEST / size);
    board.arrow(board.x(x), board.y(y), board.x(x + by * dx), board.y(y + by * dy));
  }
  context.stroke();
  context.globalAlpha = 1;
}

function axes(board, low, high) {
  const { context } = board, { soft, line } = colours();
  context.fillStyle = soft;
  context.font = "10px system-ui, sans-serif";
  context.textAlign = "center";
  const every = high - low > 5 ? 2 : 1;
  for (let value = Math.ceil(low / every) * every; value <= high; value += every) {
    board.line([[board.x(value), board.height], [board.x(value), board.height - 4]], line);
    board.line([[0, board.y(value)], [4, board.y(value)]], line);
    if (board.x(value) > 12 && board.x(value) < board.width - 12) context.fillText(String(value).replace("-", "−"), board.x(value), board.height - 6);
  }
}

// The plane of the data. `now` has the samples and arrows of this moment.
export function data(board, density, game, one, layers, now) {
  board.start();
  board.square(density.low, density.high);
  const { data: real, model } = colours();
  if (one.d && layers.d) {
    const say = probable(game, one.numbers, one.d);
    cells(board, one.d, density.cells, (value) => shade(say(value)));
  }
  if (!one.d && layers.d) {
    const most = Math.max(...density.p, 1e-9), paint = tint("model");
    cells(board, one.q, density.cells, (value) => paint(Math.sqrt(value / most)));
  }
  if (layers.grid && now.grid) warped(board, now.grid, density.grid);
  if (layers.data) board.dots(density.data, real, 1.7);
  if (one.pairs && layers.arrows) {
    const { context } = board;
    context.strokeStyle = colours().ink;
    context.lineWidth = 0.8;
    context.globalAlpha = 0.6;
    context.beginPath();
    one.pairs[0].forEach(([x, y], i) => { const [u, v] = one.pairs[1][i]; board.arrow(board.x(x), board.y(y), board.x(u), board.y(v)); });
    context.stroke();
    context.globalAlpha = 1;
  }
  if (layers.samples) board.dots(now.points, model, 2);
  if (now.push && layers.arrows) arrows(board, now.points, now.push);
  axes(board, density.low, density.high);
}

// p / (p + q) of exact p and counted q, with the same points.
export function best(board, density, one, layers, codes = false) {
  board.start();
  const end = density.code_end;
  board.square(codes ? -end : density.low, codes ? end : density.high);
  cells(board, (codes ? one.codes : one).best, density.cells, shade);
  if (!codes && layers.data) board.dots(density.data, colours().data, 1.7);
  if (layers.samples) board.dots(codes ? one.codes.points : one.points, colours().model, 2);
  axes(board, codes ? -end : density.low, codes ? end : density.high);
}

// The plane of the codes: circles of the prior, codes of data, D on codes where there is one.
export function codes(board, density, game, one, layers) {
  const context = board.start(), { data: prior, model } = colours(), end = density.code_end;
  board.square(-end, end);
  if (one.codes.d && layers.d) {
    const say = probable(game, one.numbers, one.codes.d);
    cells(board, one.codes.d, density.cells, (value) => shade(say(value)));
  } else if (layers.d) {
    const most = Math.max(...density.prior), paint = tint("model");
    cells(board, one.codes.q, density.cells, (value) => paint(0.8 * value / most));
  }
  context.strokeStyle = prior;
  context.lineWidth = 1.2;
  for (const radius of [1, 2, 3]) {
    context.beginPath();
    context.arc(board.x(0), board.y(0), radius * board.unit, 0, 2 * Math.PI);
    context.stroke();
  }
  if (layers.samples) board.dots(one.codes.points, model, 2);
  if (one.codes.push && layers.arrows) arrows(board, one.codes.points, one.codes.push);
  axes(board, -end, end);
}
