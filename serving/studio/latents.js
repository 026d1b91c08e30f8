// One picture and its latent numbers as sliders, those first that change pictures most.

import { button, el, hint } from "/studio/dom.js";
import { called, ofKind, row, words } from "/studio/inputs.js";
import { among } from "/studio/pictures.js";
import { numbers } from "/studio/result.js";
import * as save from "/studio/save.js";
import { levels, strengths } from "/studio/strength.js";
import { SLOTS, chosen, textOf } from "/studio/state.js";

const FIRST = 24; // Sliders that are shown at once.

export async function latents(it) {
  const { state, signature } = it, picture = chosen(state);
  const made = row(signature, picture, it.files);
  const { outputs, urls } = await it.ran(called(state.model, signature, [made]));
  if (it.current("latents")) { // Only the picture changes while a slider moves.
    it.current("latents").src = urls[0];
    return null;
  }
  const told = words(signature, picture, it.files);
  const image = el("img", { className: "picture large", id: "explored", src: urls[0], alt: `seed ${state.seed} with these latents` });
  const mark = (slot) => button(`Mark as ${slot.toUpperCase()}`, () => {
    it.go({ [slot]: textOf(chosen(it.state)) });
    it.say(`This picture is ${slot.toUpperCase()}.`);
  }, { "data-key": `mark-${slot}`, "aria-pressed": String(state[slot] === textOf(picture)) });
  const bar = el("div", { className: "row" },
    button("Reset", () => it.go({ z: {} })),
    button("Next seed", () => it.go({ seed: String(BigInt(state.seed) + 1n), z: {} }), { "data-key": "next" }),
    ...(it.views.includes("interpolate") ? SLOTS.map(mark) : []),
    button("Save picture", () => save.picture(image.src, it.fileName(`seed-${state.seed}`))));
  const sliders = el("div", { className: "sliders" }, hint("Measuring which numbers change the picture most…"));
  fill(it, sliders, made).catch((error) => error.name === "AbortError" || it.failed(error.message));
  it.say(`Seed ${state.seed}${told.map((one) => `, ${one}`).join("")}.`);
  const caption = el("figcaption", {}, [`seed ${state.seed}`, ...told].join(" · "));
  return [bar, el("div", { className: "explore" }, el("figure", { className: "explored" }, image, caption), sliders), ...numbers(outputs)];
}

async function fill(it, box, made) {
  const units = ofKind(it.signature, "latent").flatMap(([name, input]) => {
    const [low, high] = input.distribution === "uniform" ? [input.low, input.high] : [-3.5, 3.5];
    return Array.from({ length: input.shape[0] }, (_, dim) => ({ name, dim, low, high, input }));
  });
  const measured = await strengths(it, units);
  const ordered = measured ? units.map((unit, n) => ({ ...unit, strength: measured[n] })).sort((a, b) => b.strength - a.strength) : units;
  const most = measured ? ordered[0].strength : 0, dead = measured ? ordered.filter((one) => one.strength < most / 100).length : 0;
  const show = (some) => box.append(...some.map((unit) => slider(it, unit, made, most)));
  const said = measured ? [`Strongest first: the bar says how far a number changes pictures, at most by ${levels(most)} of 255 levels a pixel.`,
    ...(dead ? [` ${dead} of ${units.length} change next to nothing.`] : [])] : ["In the model's own order; measuring takes a while here."];
  const head = el("div", { className: "row wide" }, hint(...said));
  if (!measured) head.append(button("Strongest first", async () => { await strengths(it, units, true); it.go({}); }));
  const naming = button("Name them", () => {
    const isOn = box.classList.toggle("naming");
    naming.textContent = isOn ? "Done" : "Name them";
  }, { title: "Names of your own; they are part of the link" });
  head.append(naming);
  box.replaceChildren(head);
  show(ordered.slice(0, FIRST));
  if (units.length > FIRST) {
    const more = button(`All ${units.length}`, () => { more.remove(); show(ordered.slice(FIRST)); });
    box.append(more);
  }
}

function slider(it, { name, dim, low, high, strength }, made, most) {
  const key = `${name}.${dim}`, plain = `${name.replaceAll("_", " ")} ${dim}`, value = made[name][dim], shown = el("output", {}, value.toFixed(2));
  const title = el("span", { className: "unit" }, it.state.names[key] ?? plain);
  const rename = el("input", { className: "rename", value: it.state.names[key] ?? "", placeholder: plain, "aria-label": `name of ${plain}`,
    oninput: (event) => {
      title.textContent = event.target.value || plain;
      it.name(key, event.target.value);
    } });
  const range = el("input", {
    type: "range", min: low, max: high, step: (high - low) / 140, value, "aria-label": plain, title: plain,
    oninput: (event) => {
      shown.textContent = Number(event.target.value).toFixed(2);
      it.slide(key, event.target.value);
    },
  });
  const bar = most ? [el("meter", { min: 0, max: most, value: strength, title: `changes pictures by ${levels(strength)} levels`, "aria-hidden": "true" })] : [];
  return el("div", { className: "slider" }, el("span", { className: "named" }, title, rename, ...bar), range, shown);
}
