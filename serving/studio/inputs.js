// What a signature takes: which inputs are drawn, which are set here, and rows made of both.

import { fileOf, predict } from "/studio/api.js";
import { draw } from "/studio/philox.js";
import { numbers } from "/studio/pictures.js";
import { EVERY } from "/studio/state.js";

export const MOST = 256; // Pictures at once.

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

// Whether seeds draw something of a signature.
export const isDrawn = (signature) =>
  Object.entries(signature.inputs).some(([name, input]) => input.distribution || kind(input, name) === "seed");

// Seeds of a text, at most `most`; `asked` says how many were asked for.
export function seeds(text, most = MOST) {
  const found = [];
  let asked = 0n;
  for (const part of text.split(",")) {
    const match = /^\s*(-?\d+)(?:-(\d+))?\s*$/.exec(part);
    if (!match) throw new Error(`Seeds look like 0-15 or 3,7,20-24, not “${text}”.`);
    const [first, last] = [BigInt(match[1]), BigInt(match[2] ?? match[1])];
    if (last >= first) asked += last - first + 1n;
    for (let n = first; n <= last && found.length < most; n++) found.push(n);
  }
  if (!found.length) throw new Error(`There are no seeds in “${text}”: the first of a range is the smaller one.`);
  return { found, asked };
}

function shaped(flat, shape) {
  if (!shape.length) return flat[0];
  const step = flat.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => shaped(flat.slice(i * step, (i + 1) * step), shape.slice(1)));
}

const isSet = (value) => value !== undefined && value !== "" && value !== EVERY;

// The values of a picture {seed, given, z}, by input; flat lists for latents, so that views can change them.
// `isSketch`: what is missing has a stand-in, for a call that is shown and not made.
export function row(signature, { seed, given = {}, z = {} }, files, isSketch = false) {
  const made = {};
  for (const [name, input] of Object.entries(signature.inputs)) {
    const how = kind(input, name), set = given[name];
    if (how === "seed") made[name] = seed;
    else if (how === "picture" || how === "pictures") {
      if (!files[name] && !isSketch) throw new Missing(`Choose ${how === "picture" ? "a picture" : "pictures"} for “${name}”.`);
      made[name] = files[name] ?? [null];
    } else if (how === "mask") made[name] = mask(set, input.shape);
    else if (isSet(set) && how === "text") made[name] = set;
    else if (isSet(set) && how !== "latent") {
      made[name] = how === "list" ? set.split(",").map(Number) : Number(set);
    } else if (input.distribution) {
      const flat = draw(input, name, seed);
      made[name] = how === "latent" ? flat : shaped(flat, input.shape);
    } else if (how === "latent") made[name] = new Array(input.shape[0]).fill(0);
    else if (how === "text") made[name] = isSketch ? input.example ?? "a text" : "";
    else if (how === "class") made[name] = 0;
    else if (isSketch) made[name] = shaped(new Array(input.shape.reduce((a, b) => a * Math.max(b, 1), 1)).fill(0), input.shape);
    else if (how === "other") throw new Missing(`“${name}” (${input.dtype} ${input.shape}) cannot be set here.`);
    else throw new Missing(`Set “${name}”.`);
  }
  for (const [key, value] of Object.entries(z)) {
    const at = key.lastIndexOf("."), [name, dim] = [key.slice(0, at), Number(key.slice(at + 1))];
    if (made[name]?.[dim] !== undefined) made[name][dim] = Number(value);
  }
  return made;
}

export class Missing extends Error {}

// The parts of a picture that a mask can keep: 1 where it is given, 0 where the model fills it in.
export const PARTS = {
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
function columns(signature, rows) {
  const sent = (name, value) => {
    const one = (picture) => {
      if (!signature.files.includes(name)) return picture ? numbers(picture) : `<${name}>`;
      return picture ? { b64: picture.b64 } : fileOf(name);
    };
    const how = kind(signature.inputs[name], name);
    return how === "picture" ? one(value[0]) : how === "pictures" ? value.map(one) : value;
  };
  return Object.fromEntries(Object.keys(signature.inputs).map((name) => [
    signature.files.includes(name) ? `${name}_bytes` : name, rows.map((one) => sent(name, one[name]))]));
}

// The call of a signature for whole rows.
export function called(model, signature, rows) {
  const { png } = signature;
  return predict(model, png?.name ?? signature.name, columns(signature, rows), png?.outputs ?? Object.keys(signature.outputs));
}

// The call for pictures {seed, given, z}: by seeds alone where the export draws the rest itself.
export function calledBySeeds(model, signature, pictures, files) {
  const set = ({ given }) => Object.keys(given).filter((key) => isSet(given[key])).sort();
  const keys = set(pictures[0]), endpoint = signature.samples[keys.join()];
  const isPlain = keys.every((key) => ["class", "text", "number"].includes(kind(signature.inputs[key], key)));
  const isSame = pictures.every((one) => set(one).join() === keys.join() && !Object.keys(one.z ?? {}).length);
  const rows = () => pictures.map((one) => row(signature, one, files));
  if (!endpoint || !isPlain || !isSame) return called(model, signature, rows());
  const value = (key, text) => (kind(signature.inputs[key], key) === "text" ? text : Number(text));
  const inputs = { seed: pictures.map(({ seed }) => seed) };
  for (const key of keys) inputs[key] = pictures.map(({ given }) => value(key, given[key]));
  return predict(model, endpoint.name, inputs, endpoint.outputs);
}

const plain = (name) => name.replaceAll("_", " ");
const rounded = (x) => (Math.abs(x) < 0.05 ? "0.0" : x.toFixed(1).replace("-", "−"));

// A class by its name, or by its number where names are numbers too.
export function className(name, input, n) {
  const named = input.class_names?.[n];
  return named && named !== String(n) ? named : `${plain(name)} ${n}`;
}

// What a picture {seed, given} shows, in words: its class, text and short codes, drawn or set.
export function words(signature, picture, files) {
  let made;
  try {
    made = row(signature, picture, files);
  } catch (error) {
    if (error instanceof Missing) return [];
    throw error;
  }
  const said = [];
  for (const [name, input] of ofKind(signature, "class")) {
    said.push(className(name, input, made[name]));
  }
  for (const [name] of ofKind(signature, "text")) said.push(made[name]);
  for (const [name, input] of ofKind(signature, "latent")) {
    if (input.shape[0] <= SHORT) said.push(`${plain(name)} ${made[name].map(rounded).join(", ")}`);
  }
  return said;
}

const SHORT = 4; // Numbers of a code that are written under a picture.
