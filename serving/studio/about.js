// One line on a model and one on a signature, from the export's record and the served metadata.

import { count } from "/studio/dom.js";
import { kind } from "/studio/inputs.js";

const day = (text) => new Date(text).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });

function size(bytes) {
  return bytes > 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}

function lasted(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// What a model is: where it comes from, how long it learned, how large it is.
export function ofModel(served) {
  const { about, kind: name, created, version } = served;
  if (!about) return `Version ${version}, a SavedModel without a record of tfgen: what it was trained on is not known.`;
  const { data, trained, step, bytes } = about, said = [];
  const of = data ? ` on ${data.name}${data.size ? ` (${count(data.size, "picture")}${data.image_shape ? ` of ${sides(data.image_shape)}` : ""})` : ""}` : "";
  if (step) {
    const when = trained?.started ? ` on ${day(trained.started)}` : "";
    const long = trained?.seconds ? ` in ${lasted(trained.seconds)}` : "";
    said.push(`${name} trained${of} for ${count(step, "step")}${long}${when}`);
  } else said.push(`${name}${of}, not trained`);
  if (!data) said.push("the export does not say on what");
  said.push(`version ${version}${bytes ? `, ${size(bytes)}` : ""}${created ? `, exported ${day(created)}` : ""}`);
  return `${said.join("; ")}.`;
}

// The figures of an export as texts, those of the model itself; each with its interval.
export function figures(served) {
  const found = served.about?.figures ?? [], step = served.about?.step;
  const number = (x) => String(Number(x.toPrecision(3)));
  return found.filter((one) => !one.is_control && typeof one.value === "number").map((one) => {
    const between = typeof one.low === "number" && typeof one.high === "number" ? ` (${number(one.low)} to ${number(one.high)})` : "";
    const better = one.better ? `, ${one.better} is better` : "";
    const then = one.step && one.step !== step ? `, measured at step ${one.step.toLocaleString("en")}` : "";
    return `${one.name.replaceAll("_", " ").replace("(", " (")} ${number(one.value)}${one.unit ? ` ${one.unit}` : ""}${between}${better}${then}`;
  });
}

export function sides(shape) {
  const [h, w, c] = shape.slice(-3).map((side) => (side > 0 ? side : "any"));
  const colours = { 1: "grey", 3: "colour", 4: "colour and transparency" }[c] ?? `${c} channels`;
  return `${w} × ${h}, ${colours}`;
}

// What signatures of tfgen's models of these names do.
const DOES = {
  generate: "Makes pictures out of random numbers",
  draw: "Makes pictures, and draws each pixel from what the model says of it",
  decode: "Makes the picture of a code",
  encode: "Gives the code of a picture",
  reconstruct: "Takes a picture to its code and back",
  discriminate: "Judges pictures as the discriminator does: above 0 it takes them for real",
  features: "What the discriminator sees in a picture",
  infer: "Reads the codes off a picture",
  classify: "Says which class a picture is of",
  translate: "Shows a picture as of another domain",
  translate_second: "Shows a picture as of a domain of the second data set",
  a_to_b: "Translates pictures of A into B",
  b_to_a: "Translates pictures of B into A",
  complete: "Fills in what is missing of a picture",
  guess: "Fills in what is missing, without noise: the baseline",
  assemble: "Puts patches together to one picture",
  log_prob: "How probable a picture is to the model, in nats",
  class_log_prob: "How probable each class of a picture is, in nats",
  elbo: "How probable a picture is at least, in nats",
  embed: "The vector that a text becomes",
};

function taken(name, input) {
  const how = kind(input, name), plain = name.replaceAll("_", " ");
  if (how === "seed") return "a seed";
  if (how === "latent") return `${plain} (${input.shape[0]} ${input.distribution ?? ""} numbers)`.replace("  ", " ");
  if (how === "noise" && !input.shape.length) return `${plain} (one ${input.distribution} number)`;
  if (how === "noise") return `${plain} (${input.shape.join(" × ")} ${input.distribution} numbers)`;
  if (how === "class") return `${plain} (1 of ${input.num_classes})`;
  if (how === "picture") return `${plain} (a picture, ${sides(input.shape)})`;
  if (how === "pictures") return `${plain} (pictures, ${sides(input.shape)})`;
  return how === "text" ? `${plain} (a text)` : plain;
}

function got(name, output) {
  const { shape, dtype } = output;
  if (shape.length === 3 && [1, 3, 4].includes(shape[2])) return `${name} (${sides(shape)})`;
  const size = shape.reduce((a, b) => a * b, 1);
  return dtype === "string" || !(size > 1) ? name.replaceAll("_", " ") : `${name.replaceAll("_", " ")} (${size} numbers)`;
}

// What a signature does, takes and gives.
export function ofSignature(signature) {
  const takes = Object.entries(signature.inputs).map(([name, input]) => taken(name, input)).join(", ");
  const gives = Object.entries(signature.outputs).map(([name, output]) => got(name, output)).join(", ");
  const does = signature.isOurs && DOES[signature.name];
  return `${does ? `${does}. ` : ""}${takes} → ${gives}`;
}
