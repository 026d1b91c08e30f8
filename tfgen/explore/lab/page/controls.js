// The settings of each game: what may change while it runs does, what may not begins anew.

import { button, el } from "/lab/dom.js";

const WORDS = {
  gan: "GAN", vae: "VAE", aae: "AAE",
  minimax: "minimax", non_saturating: "non-saturating", least_squares: "least squares", hinge: "hinge", wasserstein: "Wasserstein",
  none: "none", gradient_penalty: "gradient penalty", r1: "R1",
  normal: "normal", mixture: "mixture of 3", student_t: "Student t, 3 degrees", uniform: "uniform", line: "drawn line",
  ring: "ring of 8", grid: "grid of 25", spiral: "spiral", moons: "two moons", plane: "drawn plane",
};
const LINES = ["normal", "mixture", "student_t", "uniform", "line"], PLANES = ["ring", "grid", "spiral", "moons", "plane"];

export const word = (name) => WORDS[name] ?? String(name);

export function nameOf(game) {
  if (game.model === "vae") return "VAE";
  const penalty = game.model === "gan" && game.penalty !== "none" ? ` with ${word(game.penalty)}` : "";
  const k = game.model === "gan" && (game.discriminator_steps > 1 || game.generator_steps > 1) ? `, ${game.discriminator_steps} : ${game.generator_steps}` : "";
  return `${word(game.model)}, ${word(game.loss)}${penalty}${k}`;
}

export function dataChooser(data, choose) {
  const group = (label, names) => el("optgroup", { label }, ...names.map((name) => el("option", { value: name }, word(name))));
  const chooser = el("select", { id: "data", onchange: (event) => choose(event.target.value) }, group("On a line", LINES), group("On a plane", PLANES));
  chooser.value = data;
  return el("div", {}, el("label", { htmlFor: "data" }, "Data"), chooser);
}

export function seedField(seed, choose) {
  const field = el("input", { id: "seed", type: "number", min: "0", max: "2147483647", step: "1", value: String(seed), onchange: (event) => choose(event.target.value) });
  return el("div", {}, el("label", { htmlFor: "seed" }, "Seed"), field);
}

function labelled(option, game) {
  if (option.name === "generator_rate" && game.model !== "gan") return game.model === "vae" ? "Rate" : "Rate of encoder, decoder";
  return option.said;
}

function control(option, game, index, page) {
  const id = `${option.name}-${index}`, isFixed = option.fixed.includes(game.model);
  const send = (value) => (isFixed ? page.begin(index, option.name, value) : page.set([index], option.name, value));
  let field;
  if (option.choices.length) {
    field = el("select", { id, onchange: (event) => send(event.target.value) }, ...option.choices.map((value) => el("option", { value: String(value) }, word(value))));
    field.value = String(game[option.name]);
  } else if (option.name.endsWith("_rate")) {
    // Rates are moved by factors: a slider of their logarithm, beside the number itself.
    field = el("input", { id, type: "number", min: String(option.low), max: String(option.high), step: "any", value: String(game[option.name]), onchange: (event) => send(event.target.value) });
    const log = (value) => Math.log10(Math.max(Number(value), 1e-5));
    const slider = el("input", {
      type: "range", min: "-5", max: "-1", step: "0.1", value: String(log(game[option.name])),
      oninput: (event) => { field.value = String(Number((10 ** event.target.value).toPrecision(2))); },
      onchange: () => send(field.value),
    });
    slider.setAttribute("aria-label", `${labelled(option, game)}, by factors`);
    return el("div", { className: "rate" }, el("label", { htmlFor: id }, labelled(option, game)), slider, field);
  } else {
    const isWhole = Number.isInteger(game[option.name]) && option.low === 1;
    field = el("input", { id, type: "number", min: String(option.low), max: String(option.high), step: isWhole ? "1" : "any", value: String(game[option.name]), onchange: (event) => send(event.target.value) });
  }
  const mark = isFixed ? [el("span", { className: "hint" }, "begins anew")] : [];
  return el("div", {}, el("label", { htmlFor: id }, labelled(option, game), " ", ...mark), field);
}

export function forms(options, games, page) {
  return games.map((game, index) => {
    const own = options.filter((option) => option.models.includes(game.model))
      .filter((option) => option.name !== "penalty_weight" || game.penalty !== "none");
    const drop = games.length > 1 ? [button("Remove", () => page.remove(index), { className: "quiet", ariaLabel: `Remove game ${"ABC"[index]}` })] : [];
    return el("fieldset", {}, el("legend", {}, games.length > 1 ? `Game ${"ABC"[index]} ` : "The game ", ...drop), ...own.map((option) => control(option, game, index, page)));
  });
}
