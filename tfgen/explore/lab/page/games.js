// One column a game: its pictures, what they say in numbers, its curves.

import { Board } from "/lab/canvas.js";
import { Charts, History } from "/lab/charts.js";
import { el, shown } from "/lab/dom.js";
import { nameOf } from "/lab/controls.js";
import * as plane from "/lab/plane.js";
import * as strip from "/lab/strip.js";

const hasExact = (game) => ["minimax", "non_saturating", "least_squares"].includes(game.loss);

function pictures(game, dim) {
  if (dim === 1) return game.model === "gan" ? ["data"] : ["data", "codes"];
  return { gan: ["data", "best"], vae: ["data", "codes"], aae: ["data", "codes", "codesBest"] }[game.model];
}

function title(kind, game, dim) {
  const isGan = game.model === "gan";
  if (kind === "best" || kind === "codesBest") return `D* = p / (p + q)${kind === "best" ? "" : ", of codes"}${hasExact(game) ? "" : " (another loss's)"}`;
  if (kind === "codes") return game.model === "aae" ? "Codes of data, and D of them" : "Codes of data, and the prior";
  if (dim === 1 && isGan) return hasExact(game) ? "Data, samples, D beside D*" : "Data, samples, D (a score) beside another loss's D*";
  if (dim === 1) return "Data and samples";
  return isGan ? "D, and what it tells samples" : "Samples; from data to reconstructions";
}

class Column {
  constructor(index, game, density, several) {
    Object.assign(this, { game, density, history: new History() });
    this.charts = new Charts(game.model);
    this.heading = el("h2");
    this.said = el("p", { className: "said" });
    this.boards = pictures(game, density.dim).map((kind) => {
      const board = new Board(title(kind, game, density.dim), density.dim === 2 ? 1 : kind === "codes" ? 0.5 : 0.66);
      const heading = el("h3", {}, title(kind, game, density.dim));
      return { kind, board, heading, figure: el("figure", {}, heading, board.canvas) };
    });
    this.pictures = el("div", { className: "pictures" }, ...this.boards.map(({ figure }) => figure));
    this.element = el("article", {}, this.heading, this.pictures, this.said, this.charts.element);
    this.element.setAttribute("aria-label", `Game ${"ABC"[index]}`);
    this.rename(index, game, several);
  }

  rename(index, game, several) {
    this.game = game;
    this.heading.textContent = `${several ? `${"ABC"[index]}: ` : ""}${nameOf(game)}`;
    for (const one of this.boards) one.heading.textContent = title(one.kind, game, this.density.dim);
  }

  // One moment: `now` may have other samples and arrows than the frame.
  draw(layers, now = {}) {
    const { one, game, density } = this;
    if (!one?.finite) return;
    const at = { points: one.points, grid: one.grid, push: one.push, ...now };
    const on = density.dim === 1 ? strip : plane;
    for (const { kind, board } of this.boards) {
      if (kind === "data") on.data(board, density, game, one, layers, at);
      else if (kind === "codes") on.codes(board, density, game, one, layers);
      else plane.best(board, density, one, layers, kind === "codesBest");
      board.label(`${title(kind, game, density.dim)}: ${this.said.textContent}`);
    }
  }

  tell() {
    const { one, density } = this;
    if (!one.finite) {
      this.said.textContent = "The samples are no longer finite: this game has diverged. Reset begins anew.";
      return;
    }
    const n = one.numbers, parts = [`JSD ${shown(n.jsd)}`];
    if (Number.isFinite(n.value)) parts.push(`V ${shown(n.value)} beside 2 JSD − log 4 = ${shown(n.optimum)}`);
    if (Number.isFinite(n.d_data)) parts.push(`D ${shown(n.d_data, 2)} of ${this.game.model === "aae" ? "the prior" : "data"}, ${shown(n.d_samples, 2)} of ${this.game.model === "aae" ? "codes" : "samples"}`);
    if (Number.isFinite(n.codes_jsd)) parts.push(`JSD of codes and prior ${shown(n.codes_jsd)}`);
    if (n.modes !== null && n.modes !== undefined) parts.push(`${n.modes} of ${density.modes} modes`);
    if (density.dim === 1) parts.push(`mean ${shown(n.mean[0], 2)}, spread ${shown(n.stddev[0], 2)}`);
    this.said.textContent = parts.join(" · ");
  }
}

export class Games {
  constructor(place) { this.place = place; this.columns = []; }

  begin(density, games) {
    this.columns = games.map((game, i) => new Column(i, game, density, games.length > 1));
    this.place.replaceChildren(...this.columns.map((one) => one.element));
    this.place.dataset.count = games.length;
    this.place.dataset.dim = density.dim;
  }

  rename(games) { games.forEach((game, i) => this.columns[i].rename(i, game, games.length > 1)); }

  take(step, frame) {
    this.step = step;
    frame.forEach((one, i) => {
      const column = this.columns[i];
      column.one = one;
      if (one.finite) column.history.add(step, one.numbers);
      column.tell();
    });
  }

  get areFinite() { return this.columns.every(({ one }) => one?.finite); }

  draw(layers) {
    for (const column of this.columns) column.draw(layers);
    this.curves();
  }

  curves() {
    const all = this.columns.map((one) => one.charts.ranges(one.history, hasExact(one.game)));
    this.columns.forEach((column) => {
      const ranges = column.charts.all.map((_, i) => {
        // Losses of two models are other things; all else is drawn on one scale.
        const with_ = this.columns.map((other, n) => (i > 0 || other.game.model === column.game.model ? all[n][i] : null)).filter(Boolean);
        return [Math.min(...with_.map(([low]) => low)), Math.max(...with_.map(([, high]) => high))];
      });
      column.charts.draw(column.history, ranges, this.step, hasExact(column.game));
    });
  }

  // Slow motion: D has moved and tells the old samples where to go; then they go.
  async staged(layers, wait) {
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const one of this.columns) one.draw(layers, one.one.before ? { points: one.one.before, push: one.one.told, grid: one.oldGrid ?? one.one.grid } : {});
    this.curves();
    await wait(600);
    for (let t = isStill ? 1 : 0.1; t <= 1.001; t += 0.1) {
      for (const column of this.columns) {
        const { one } = column;
        if (!one.before) continue;
        const between = (from, to) => from.map((point, i) => point.map((value, axis) => value + t * (to[i][axis] - value)));
        column.draw(layers, { points: between(one.before, one.points), grid: column.oldGrid ? between(column.oldGrid, one.grid) : one.grid, push: null });
      }
      await wait(isStill ? 500 : 40);
    }
    for (const column of this.columns) column.oldGrid = column.one.grid;
  }
}
