// What a signature takes: which inputs are drawn, which are set here, and rows made of both.

import { draw } from "/studio/philox.js";
import { el } from "/studio/dom.js";
import { upload } from "/studio/pictures.js";

// How an input is set: "seed", "latent", "noise", "class", "text", "picture", "number", "list", "other".
export function kind(input, name) {
  const { dtype, shape, distribution } = input;
  const isFloat = dtype === "float32";
  if (name === "seed" && dtype === "int64" && !shape.length) return "seed";
  if (isFloat && shape.length === 1 && shape[0] > 0 && shape[0] <= 1024) return "latent";
  if (isFloat && distribution) return "noise";
  if (isFloat && shape.length === 3 && [1, 3, 4].includes(shape[2])) return "picture";
  if (dtype === "string" && !shape.length) return "text";
  if (!shape.length) return input.num_classes ? "class" : "number";
  return shape.length === 1 && dtype !== "string" ? "list" : "other";
}

export const ofKind = (signature, ...kinds) =>
  Object.entries(signature.inputs).filter(([name, input]) => kinds.includes(kind(input, name)));

export function seeds(text) {
  const found = [];
  for (const part of text.split(",")) {
    const match = /^\s*(-?\d+)(?:-(\d+))?\s*$/.exec(part);
    if (!match) throw new Error(`Seeds look like 0-15 or 3,7,20-24, not “${text}”.`);
    const [first, last] = [BigInt(match[1]), BigInt(match[2] ?? match[1])];
    for (let n = first; n <= last && found.length < 256; n++) found.push(n);
  }
  if (!found.length) throw new Error(`There are no seeds in “${text}”.`);
  return found;
}

function shaped(flat, shape) {
  if (!shape.length) return flat[0];
  const step = flat.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => shaped(flat.slice(i * step, (i + 1) * step), shape.slice(1)));
}

// The values of one row, by input; flat lists for latents, so that views can change them.
export function row(signature, seed, given, files) {
  const made = {};
  for (const [name, input] of Object.entries(signature.inputs)) {
    const how = kind(input, name), set = given[name];
    if (how === "seed") made[name] = seed;
    else if (how === "picture") {
      if (!files[name]) throw new Missing(`Choose a picture for “${name}”.`);
      made[name] = files[name].rows;
    } else if (set !== undefined && set !== "" && how === "text") made[name] = set;
    else if (set !== undefined && set !== "" && how !== "latent") {
      made[name] = how === "list" ? set.split(",").map(Number) : Number(set);
    } else if (input.distribution) {
      const flat = draw(input, name, seed);
      made[name] = how === "latent" ? flat : shaped(flat, input.shape);
    } else if (how === "latent") made[name] = new Array(input.shape[0]).fill(0);
    else if (how === "text") made[name] = "";
    else if (how === "other") throw new Missing(`“${name}” (${input.dtype} ${input.shape}) cannot be set here.`);
    else throw new Missing(`Set “${name}”.`);
  }
  return made;
}

export class Missing extends Error {}

// Rows as the `inputs` of a predict call.
export const columns = (signature, rows) =>
  Object.fromEntries(Object.keys(signature.inputs).map((name) => [name, rows.map((one) => one[name])]));

// The controls of everything that is not drawn as noise; `changed(name, value)`, `failed(message)`.
export function controls(signature, state, files, changed, failed) {
  const made = [];
  for (const [name, input] of ofKind(signature, "class", "text", "picture", "number", "list")) {
    const how = kind(input, name), id = `input-${name}`, value = state.given[name] ?? "";
    let control, extra = [];
    const onchange = (event) => changed(name, event.target.value);
    if (how === "class") {
      control = el("select", { id, onchange });
      if (input.distribution) control.append(el("option", { value: "" }, "drawn from the seed"));
      for (let n = 0; n < input.num_classes; n++) control.append(el("option", { value: String(n) }, String(n)));
      control.value = value === "" && !input.distribution ? "0" : value;
      if (value === "" && !input.distribution) state.given[name] = "0";
    } else if (how === "picture") {
      const take = async (event) => {
        try {
          files[name] = await upload(event.target.files[0], input.shape);
          changed(name, "");
        } catch (error) {
          failed(error.message);
        }
      };
      control = el("input", { id, type: "file", accept: "image/*", onchange: take });
      const [h, w, c] = input.shape;
      extra = [el("p", { className: "hint" }, `Resized to ${w} × ${h}, ${c === 1 ? "grey" : "colour"}; stays on this machine.`)];
      if (files[name]) extra.push(el("img", { className: "picture large", src: files[name].url, alt: `the ${name} sent` }));
    } else {
      const hint = how === "text" ? (input.choices ? "drawn from the seed" : "a text") : "";
      control = el("input", { id, value, placeholder: hint, onchange, list: `${id}-choices`, autocomplete: "off" });
      if (input.choices) extra = [el("datalist", { id: `${id}-choices` }, ...input.choices.map((one) => el("option", { value: one })))];
    }
    made.push(el("div", {}, el("label", { htmlFor: id }, name), control, ...extra));
  }
  return made;
}
