// Numbers over the steps.

import { Board } from "/lab/canvas.js";
import { colours } from "/lab/colours.js";
import { el, shown } from "/lab/dom.js";

const MOST = 400; // Points of a curve; past that every other one goes.
const LOSSES = {
  gan: { discriminator_loss: ["D", "d"], generator_loss: ["G", "model"], penalty: ["penalty", "soft"] },
  vae: { negative_elbo: ["−ELBO", "d"], reconstruction: ["reconstruction", "model"], kl: ["KL", "exact"] },
  aae: { reconstruction: ["reconstruction", "exact"], discriminator_loss: ["D", "d"], encoder_loss: ["encoder", "model"] },
};
const CHARTS = [
  { title: "Losses", of: (model) => LOSSES[model] },
  { title: "V and its optimum", of: () => ({ value: ["V(D, G)", "d"], optimum: ["2 JSD − log 4", "exact", [5, 3]] }), level: -Math.log(4), named: "−log 4" },
  { title: "What D says", of: () => ({ d_data: ["of data", "data"], d_samples: ["of samples", "model"] }), level: 0.5, named: "½", isOfProbability: true },
  { title: "Jensen–Shannon divergence", of: (model) => ({ jsd: ["JSD", "exact"], ...(model === "gan" ? {} : { codes_jsd: ["of the codes", "d", [5, 3]] }) }), low: 0 },
  { title: "KL divergences", of: () => ({ forward_kl: ["KL(p ‖ q)", "data"], reverse_kl: ["KL(q ‖ p)", "model"] }), low: 0 },
];

export class History {
  constructor() { this.steps = []; this.rows = []; }

  add(step, numbers) {
    if (this.steps.at(-1) >= step) return;
    this.steps.push(step);
    this.rows.push(numbers);
    if (this.steps.length > MOST) {
      const kept = (_, i, all) => i % 2 === 0 || i === all.length - 1;
      this.steps = this.steps.filter(kept);
      this.rows = this.rows.filter(kept);
    }
  }

  of(name) { return this.rows.map((row) => row[name] ?? NaN); }
}

export class Charts {
  constructor(model) {
    this.model = model;
    this.element = el("div", { className: "charts" });
    this.all = CHARTS.map((chart) => ({ ...chart, series: chart.of(model), board: new Board(chart.title, 0.56) }));
    for (const one of this.all) {
      one.legend = el("figcaption");
      one.figure = el("figure", { hidden: true }, el("h4", {}, one.title), one.board.canvas, one.legend);
      this.element.append(one.figure);
    }
  }

  // The lowest and highest value of each chart, so that games are drawn on one scale.
  ranges(history, isProbable) {
    return this.all.map(({ series, level: own, low, isOfProbability }) => {
      const level = isOfProbability && !isProbable ? undefined : own;
      const values = Object.keys(series).flatMap((name) => history.of(name)).filter(Number.isFinite);
      if (!values.length) return null;
      const sorted = [...values].sort((a, b) => a - b);
      // One wild value at the start would press all others flat.
      const least = sorted[Math.floor(0.01 * sorted.length)], most = sorted[Math.ceil(0.99 * (sorted.length - 1))];
      return [Math.min(least, level ?? Infinity, low ?? Infinity), Math.max(most, level ?? -Infinity)];
    });
  }

  // `isProbable`: whether D is a probability, for which 1/2 means something.
  draw(history, ranges, last, isProbable) {
    this.all.forEach((one, i) => {
      const isKnown = Object.keys(one.series).some((name) => history.of(name).some(Number.isFinite));
      one.figure.hidden = !isKnown;
      const level = one.isOfProbability && !isProbable ? undefined : one.level;
      if (isKnown) this.one({ ...one, level }, history, ranges[i], last);
    });
  }

  one({ board, series, level, named, legend, title }, history, [low, high], last) {
    const context = board.start(), palette = colours(), { width, height } = board;
    const room = 0.06 * (high - low) || 0.1, left = 34, foot = 14;
    const x = (step) => left + step / Math.max(last, 1) * (width - left - 4);
    const y = (value) => 4 + (high + room - value) / (high - low + 2 * room) * (height - 4 - foot);
    context.fillStyle = palette.soft;
    context.font = "10px system-ui, sans-serif";
    context.textAlign = "right";
    for (const value of [low, 0.5 * (low + high), high]) {
      board.line([[left, y(value)], [width, y(value)]], palette.line, 0.6);
      context.fillText(shown(value, 2), left - 3, y(value) + 3);
    }
    context.fillText(last.toLocaleString("en"), width - 2, height - 3);
    context.textAlign = "left";
    context.fillText("0", left, height - 3);
    if (level !== undefined) {
      board.line([[left, y(level)], [width, y(level)]], palette.soft, 1, [2, 3]);
      context.fillText(named, left + 3, y(level) - 3);
    }
    const said = [];
    legend.replaceChildren();
    context.save();
    context.beginPath();
    context.rect(left, 0, width - left, height - foot + 2);
    context.clip();
    for (const [name, [label, colour, dash]] of Object.entries(series)) {
      const values = history.of(name), now = values.at(-1);
      if (!values.some(Number.isFinite)) continue;
      board.line(history.steps.map((step, i) => [x(step), y(values[i])]), palette[colour], 1.6, dash);
      const line = el("span", { className: `key ${colour}${dash ? " dashed" : ""}` });
      legend.append(el("span", { className: "entry" }, line, `${label} ${shown(now)}`), " ");
      said.push(`${label} ${shown(now)}`);
    }
    context.restore();
    board.label(`${title}, step ${last}: ${said.join(", ")}`);
  }
}
