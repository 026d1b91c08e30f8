// Two models side by side on the same seeds.

import { el, hint } from "/studio/dom.js";
import { figures, ofModel } from "/studio/about.js";
import { calledBySeeds, isDrawn, ofKind, words } from "/studio/inputs.js";
import { among } from "/studio/pictures.js";
import { lines, roving, tiles } from "/studio/wall.js";

// The signature of another model that is like this one: of its name, or its default one.
const alike = (served, name) => served.found[name] ?? served.found[served.first] ?? Object.values(served.found)[0];

// What of the inputs that are set the other signature takes too: classes by name, where both have names.
function carried(from, to, given) {
  const kept = {};
  for (const [key, value] of Object.entries(given)) {
    const [mine, other] = [from.inputs[key], to.inputs[key]];
    if (!other) continue;
    const named = mine?.class_names?.[value], at = named === undefined ? -1 : (other.class_names ?? []).indexOf(named);
    if (at >= 0) kept[key] = String(at);
    else if (!other.num_classes || !(Number(value) >= other.num_classes)) kept[key] = value;
  }
  return kept;
}

export async function compare(it) {
  const { state, names } = it, others = names.filter((name) => name !== state.model);
  const other = others.includes(state.other) ? state.other : others[0];
  const note = state.other && state.other !== other
    ? [el("p", { className: "note" }, `There is no model “${state.other}” here to compare with; this is “${other}”.`)] : [];
  const choice = el("select", { id: "other", "aria-label": "the other model", onchange: (event) => it.go({ other: event.target.value }) },
    ...others.map((name) => el("option", {}, name)));
  choice.value = other;
  const sides = [{ model: state.model, served: it.served, signature: it.signature, given: state.given }];
  const served = await it.known(other), signature = alike(served, state.signature);
  sides.push({ model: other, served, signature, given: carried(it.signature, signature, state.given) });
  for (const side of sides) {
    if (ofKind(side.signature, "picture", "pictures").length || !isDrawn(side.signature)) {
      return [...note, el("div", { className: "row" }, choice), hint(`“${side.model}” draws nothing from seeds with “${side.signature.name}”: choose another model.`)];
    }
    Object.assign(side, lines(side.signature, { ...state, given: side.given }));
    side.pictures = side.rows.flatMap((one) => one.pictures);
    side.call = calledBySeeds(side.model, side.signature, side.pictures, {});
  }
  it.show(sides.map((side) => side.call));
  // As many lines under each picture on both sides, so that the same seeds stand on one level.
  const height = Math.max(...sides.map((side) => words(side.signature, side.pictures[0], {}).length));
  const answers = await Promise.all(sides.map((side) => it.run(side.call)));
  const column = (side, urls, head) => {
    const open = ({ seed, given }) => it.go({ model: side.model, signature: side.signature.name, view: "latents", seed: String(seed), given, z: {} });
    let at = 0;
    const rows = side.rows.map(({ title, pictures }) => {
      const how = { pick: open, verb: "Explore", isTitled: title !== null, isFixed: true, height };
      const made = tiles(it, side.signature, pictures, urls.slice(at, at + pictures.length), how);
      at += pictures.length;
      return el("div", { className: "class" }, ...(title === null ? [] : [el("h3", {}, title)]), el("div", { className: "wall" }, ...made));
    });
    const about = el("div", {}, hint(ofModel(side.served)), ...figures(side.served).slice(0, 3).map((one) => hint(one)),
      ...side.notes.map((one) => el("p", { className: "note" }, one)));
    return el("div", { className: "column" }, el("h2", {}, head), about, roving(el("div", {}, ...rows)));
  };
  it.say(`${state.model} and ${other} on the same seeds.`);
  const [left, right] = sides.map((side, i) => column(side, among(answers[i], side.signature.outputs), i ? choice : side.model));
  return [...note, el("div", { className: "beside" }, left, right),
    hint("A seed draws each model's own numbers: the same seed need not look alike in two models, unless their inputs have the same names and sizes.")];
}
