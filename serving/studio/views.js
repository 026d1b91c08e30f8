// The views of a signature: each says which call it makes, and shows what comes back.

import { columns, ofKind, row } from "/studio/inputs.js";
import { among } from "/studio/pictures.js";
import { curl, predict } from "/studio/api.js";
import { el } from "/studio/dom.js";

const FRAMES = 24, FIRST_SLIDERS = 24;

export function available(signature) {
  const isPicture = signature.png?.outputs.includes("image_bytes") || Object.values(signature.outputs).some(
    (one) => one.shape.length === 3 && [1, 3, 4].includes(one.shape[2]));
  const latent = ofKind(signature, "latent").length > 0, asks = ofKind(signature, "picture", "pictures").length > 0;
  if (!isPicture) return ["result"];
  const found = asks ? ["result"] : ["wall"];
  if (latent) found.push("latents");
  if (latent && !asks) found.push("interpolate");
  return found;
}

export const NAMES = { wall: "Samples", latents: "Latents", interpolate: "Interpolate", result: "Result" };

function called(it, rows) {
  const { signature, state } = it;
  return predict(state.model, signature, signature.png?.name ?? signature.name, columns(signature, rows));
}

async function ran(it, call) {
  it.show(curl(call), call.body);
  const outputs = await it.run(call);
  return { outputs, urls: among(outputs, it.signature.outputs) };
}

export async function wall(it) {
  const { signature, state, seeds } = it;
  const isPlain = signature.sample && signature.png && !Object.values(state.given).some((one) => one !== "");
  const call = isPlain
    ? predict(state.model, signature, "sample_png", { seed: seeds })
    : called(it, seeds.map((seed) => row(signature, seed, state.given, it.files)));
  const { urls } = await ran(it, call);
  const hint = "Pick a picture to explore it; A and B mark the two ends of an interpolation.";
  const buttons = urls.map((src, i) => {
    const seed = String(seeds[i]);
    const mark = (seed === state.a ? " A" : "") + (seed === state.b ? " B" : "");
    return el("button", {
      type: "button", className: `${seed === state.a ? "a " : ""}${seed === state.b ? "b" : ""}`,
      onclick: () => it.go(it.views.includes("latents") ? { view: "latents", seed, z: {} } : { seed }),
      onkeydown: (event) => {
        const key = event.key.toLowerCase();
        if (key === "a" || key === "b") it.go({ [key]: seed });
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const next = step && event.currentTarget.parentNode.children[i + step];
        if (next) next.focus();
      },
    }, el("img", { className: "picture", src, alt: `sample of seed ${seed}` }), el("span", {}, seed + mark));
  });
  const keys = it.views.includes("interpolate") ? [el("p", { className: "hint" }, hint)] : [];
  return [...keys, el("div", { className: "wall" }, ...buttons)];
}

function changed(it, seed) {
  const made = row(it.signature, seed, it.state.given, it.files);
  for (const [key, value] of Object.entries(it.state.z)) {
    const [name, dim] = [key.slice(0, key.lastIndexOf(".")), Number(key.slice(key.lastIndexOf(".") + 1))];
    if (made[name]?.[dim] !== undefined) made[name][dim] = Number(value);
  }
  return made;
}

export async function latents(it) {
  const { state, signature } = it, seed = BigInt(state.seed);
  const made = changed(it, seed);
  const { outputs, urls } = await ran(it, called(it, [made]));
  if (it.current("latents")) { // Only the picture changes while a slider moves.
    it.current("latents").src = urls[0];
    return null;
  }
  const image = el("img", { className: "picture large", id: "explored", src: urls[0], alt: `seed ${seed} with these latents` });
  const mark = (end) => el("button", { type: "button", onclick: () => it.go({ [end]: state.seed }) }, `Mark as ${end.toUpperCase()}`);
  const marks = it.views.includes("interpolate") ? [mark("a"), mark("b")] : [];
  const bar = el("div", { className: "row" },
    el("button", { type: "button", onclick: () => it.go({ z: {} }) }, "Reset"),
    el("button", { type: "button", onclick: () => it.go({ seed: String(seed + 1n), z: {} }) }, "Next seed"), ...marks);
  const sliders = el("div", { className: "sliders" });
  for (const [name, input] of ofKind(signature, "latent")) {
    const [low, high] = input.distribution === "uniform" ? [input.low, input.high] : [-3.5, 3.5];
    const add = (dim) => {
      const value = made[name][dim], shown = el("output", {}, value.toFixed(2));
      sliders.append(el("label", {}, `${name}[${dim}]`, el("input", {
        type: "range", min: low, max: high, step: (high - low) / 140, value, "aria-label": `${name} ${dim}`,
        oninput: (event) => {
          shown.textContent = Number(event.target.value).toFixed(2);
          it.slide(`${name}.${dim}`, event.target.value);
        },
      }), shown));
    };
    const count = input.shape[0];
    for (let dim = 0; dim < Math.min(count, FIRST_SLIDERS); dim++) add(dim);
    if (count > FIRST_SLIDERS) {
      const more = el("button", { type: "button", onclick: () => {
        more.remove();
        for (let dim = FIRST_SLIDERS; dim < count; dim++) add(dim);
      } }, `All ${count} of ${name}`);
      sliders.append(more);
    }
  }
  return [bar, image, sliders, ...numbers(outputs)];
}

// Great circles between normal vectors, whose lengths are all much the same; else straight lines.
function between(a, b, t, isNormal) {
  const dot = a.reduce((sum, x, i) => sum + x * b[i], 0), size = Math.hypot(...a) * Math.hypot(...b);
  const angle = isNormal && size ? Math.acos(Math.max(-1, Math.min(1, dot / size))) : 0;
  const [p, q] = angle > 1e-3 ? [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)] : [1 - t, t];
  return a.map((x, i) => Math.fround(p * x + q * b[i]));
}

export async function interpolate(it) {
  const { state, signature } = it;
  const [a, b] = [state.a, state.b].map((seed) => row(signature, BigInt(seed), state.given, it.files));
  const latent = ofKind(signature, "latent");
  const rows = Array.from({ length: FRAMES }, (_, n) => ({ ...a, ...Object.fromEntries(latent.map(
    ([name, input]) => [name, between(a[name], b[name], n / (FRAMES - 1), input.distribution === "normal")])) }));
  const { urls } = await ran(it, called(it, rows));
  const image = el("img", { className: "picture large", id: "frame", src: urls[0], alt: `between seeds ${state.a} and ${state.b}` });
  const slider = el("input", { type: "range", min: 0, max: FRAMES - 1, value: 0, "aria-label": "position between A and B" });
  const at = (n) => { slider.value = n; image.src = urls[n]; };
  slider.addEventListener("input", () => at(Number(slider.value)));
  let step = 1;
  const play = el("button", { type: "button", className: "main", id: "play", onclick: () => {
    if (it.timer) it.stop();
    else it.start(() => {
      const n = Number(slider.value);
      if (n + step < 0 || n + step >= FRAMES) step = -step;
      at(n + step);
    });
    play.textContent = it.timer ? "Pause" : "Play";
  } }, "Play");
  const seed = (end) => el("label", {}, `${end.toUpperCase()} `, el("input", { id: `end-${end}`, value: state[end], size: 8, inputMode: "numeric", onchange: (event) => {
    if (/^-?\d+$/.test(event.target.value)) it.go({ [end]: event.target.value });
  } }));
  const swap = el("button", { type: "button", onclick: () => it.go({ a: state.b, b: state.a }) }, "Swap");
  return [el("div", { className: "row" }, seed("a"), seed("b"), swap, play), image, slider,
    el("div", { className: "wall" }, ...urls.filter((_, n) => n % 3 === 0).map(
      (src, i) => el("img", { className: "picture", src, alt: `frame ${3 * i}` })))];
}

function numbers(outputs) {
  return Object.entries(outputs).filter(([name]) => !["image", "image_bytes"].includes(name)).map(([name, rows]) => {
    const flat = [rows[0]].flat(9), shown = flat.slice(0, 64);
    const cell = (x) => el("td", {}, typeof x === "number" ? String(Number(x.toPrecision(4))) : String(x?.b64 ?? x));
    return el("div", { className: "scroll" }, el("h2", {}, `${name}${flat.length > 64 ? `, 64 of ${flat.length}` : ""}`),
      el("table", {}, el("tr", {}, ...shown.map((_, i) => el("th", {}, String(i)))), el("tr", {}, ...shown.map(cell))));
  });
}

export async function result(it) {
  const { signature, state, files } = it;
  const { outputs, urls } = await ran(it, called(it, [changed(it, BigInt(state.seed))]));
  const figure = (src, text) => el("figure", {}, el("img", { className: "picture", src, alt: text }), el("figcaption", {}, text));
  const sent = ofKind(signature, "picture", "pictures").flatMap(
    ([name]) => (files[name] ?? []).map((one) => figure(one.url, `${name} sent`)));
  const got = urls ? [figure(urls[0], signature.name)] : [];
  return [el("div", { className: "pair" }, ...sent, ...got), ...numbers(outputs)];
}
