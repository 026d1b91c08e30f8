// What a signature takes: which inputs are drawn, which are set here, and rows made of both.

import { draw } from "/studio/philox.js";
import { el } from "/studio/dom.js";
import { numbers, upload } from "/studio/pictures.js";

// How an input is set: "seed", "latent", "noise", "class", "text", "picture", "pictures" (any number),
// "mask", "number", "list", "other".
export function kind(input, name) {
  const { dtype, shape, distribution } = input;
  const isFloat = dtype === "float32";
  if (name === "seed" && dtype === "int64" && !shape.length) return "seed";
  if (isFloat && shape.length === 1 && shape[0] > 0 && shape[0] <= 1024) return "latent";
  if (isFloat && distribution) return "noise";
  if (name === "mask" && shape.length === 3 && shape[2] === 1) return "mask";
  const isPicture = input.is_image ?? (isFloat && shape.length === 3);
  if (isPicture && [1, 3, 4].includes(shape.at(-1))) return shape.length === 3 ? "picture" : "pictures";
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
    else if (how === "picture" || how === "pictures") {
      if (!files[name]) throw new Missing(`Choose ${how === "picture" ? "a picture" : "pictures"} for “${name}”.`);
      made[name] = files[name];
    } else if (how === "mask") made[name] = mask(set, input.shape);
    else if (set !== undefined && set !== "" && how === "text") made[name] = set;
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

// The parts of a picture that a mask can keep: 1 where it is given, 0 where the model fills it in.
const PARTS = {
  "the upper half": (y) => y < 0.5, "the lower half": (y) => y >= 0.5,
  "the left half": (y, x) => x < 0.5, "the right half": (y, x) => x >= 0.5,
  "all but the middle": (y, x) => Math.max(Math.abs(y - 0.5), Math.abs(x - 0.5)) > 0.25,
};

function mask(part, [height, width]) {
  const isGiven = PARTS[part] ?? Object.values(PARTS)[0];
  const line = (y) => Array.from({ length: width }, (_, x) => [Number(isGiven((y + 0.5) / height, (x + 0.5) / width))]);
  return Array.from({ length: height }, (_, y) => line(y));
}

// Rows as the `inputs` of a predict call; pictures as files where the signature has a variant for that.
export function columns(signature, rows) {
  const sent = (name, value) => {
    const one = (picture) => (signature.files.includes(name) ? { b64: picture.b64 } : numbers(picture));
    const how = kind(signature.inputs[name], name);
    return how === "picture" ? one(value[0]) : how === "pictures" ? value.map(one) : value;
  };
  return Object.fromEntries(Object.keys(signature.inputs).map((name) => [
    signature.files.includes(name) ? `${name}_bytes` : name, rows.map((row) => sent(name, row[name]))]));
}

// The controls of everything that is not drawn as noise; `changed(name, value)`, `failed(message)`.
export function controls(signature, state, files, changed, failed) {
  const made = [];
  for (const [name, input] of ofKind(signature, "class", "text", "picture", "pictures", "mask", "number", "list")) {
    const how = kind(input, name), id = `input-${name}`, value = state.given[name] ?? "";
    let control, extra = [];
    const onchange = (event) => changed(name, event.target.value);
    if (how === "class") {
      control = el("select", { id, onchange });
      if (input.distribution) control.append(el("option", { value: "" }, "drawn from the seed"));
      for (let n = 0; n < input.num_classes; n++) control.append(el("option", { value: String(n) }, input.class_names ? `${n} ${input.class_names[n]}` : String(n)));
      control.value = value === "" && !input.distribution ? "0" : value;
      if (value === "" && !input.distribution) state.given[name] = "0";
    } else if (how === "mask") {
      control = el("select", { id, onchange }, ...Object.keys(PARTS).map((part) => el("option", { value: part }, part)));
      control.value = value in PARTS ? value : Object.keys(PARTS)[0];
      extra = [el("p", { className: "hint" }, "What the model is given of the picture.")];
    } else if (how === "picture" || how === "pictures") {
      const take = async (event) => {
        if (!event.target.files.length) return;
        try {
          const sides = input.shape.slice(-3);
          files[name] = await Promise.all([...event.target.files].map((file) => upload(file, sides)));
          changed(name, "");
        } catch (error) {
          failed(error.message);
        }
      };
      control = el("input", { id, type: "file", accept: "image/*", multiple: how === "pictures", onchange: take });
      const [h, w, c] = input.shape.slice(-3), size = h > 0 && w > 0 ? `Resized to ${w} × ${h}` : "At most 512 a side, in multiples of 4";
      extra = [el("p", { className: "hint" }, `${size}, ${c === 1 ? "grey" : "colour"}; sent to this server only.`)];
      if (files[name]) {
        extra.push(el("div", { className: "thumbs" }, ...files[name].map((one) => el("img", { className: "picture", src: one.url, alt: one.name, title: one.name }))),
          el("p", { className: "hint" }, files[name].map((one) => one.name).join(", ")));
      }
    } else {
      const hint = how === "text" ? (input.choices ? "drawn from the seed" : "a text") : "";
      control = el("input", { id, value, placeholder: hint, onchange, list: `${id}-choices`, autocomplete: "off" });
      if (input.choices) extra = [el("datalist", { id: `${id}-choices` }, ...input.choices.map((one) => el("option", { value: one })))];
    }
    made.push(el("div", {}, el("label", { htmlFor: id }, name), control, ...extra));
  }
  return made;
}
