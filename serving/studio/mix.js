// Between pictures: the way from A to B, and A - B + C, in the latent numbers.

import { button, el, hint } from "/studio/dom.js";
import { called, ofKind, row } from "/studio/inputs.js";
import { among } from "/studio/pictures.js";
import * as save from "/studio/save.js";
import { shelf, stripCall } from "/studio/shelf.js";
import { pictureOf } from "/studio/state.js";
import { lines, roving, tiles } from "/studio/wall.js";

const FRAMES = 24, DELAY = 90, STRIP = 16;

// Great circles between normal vectors, whose lengths are all much the same; else straight lines.
function between(a, b, t, isNormal) {
  const dot = a.reduce((sum, x, i) => sum + x * b[i], 0), size = Math.hypot(...a) * Math.hypot(...b);
  const angle = isNormal && size ? Math.acos(Math.max(-1, Math.min(1, dot / size))) : 0;
  const [p, q] = angle > 1e-3 ? [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)] : [1 - t, t];
  return a.map((x, i) => Math.fround(p * x + q * b[i]));
}

const slotRow = (it, name) => row(it.signature, pictureOf(it.state[name]), it.files);

// A strip of the wall below, to drag from; a click picks a picture, the next one puts it into a slot.
async function strip(it) {
  const { signature, state } = it, { rows } = lines(signature, state), each = Math.ceil(STRIP / rows.length);
  const pictures = rows.flatMap((one) => one.pictures.slice(0, each));
  const outputs = await stripCall(it, pictures).run(it.signal), urls = among(outputs, signature.outputs);
  const pick = (_, text) => {
    it.picked = it.picked === text ? null : text;
    for (const one of grid.querySelectorAll("button.tile")) one.setAttribute("aria-pressed", String(one.dataset.key === it.picked));
    it.say(it.picked ? "Picked: now choose a slot." : "");
  };
  const grid = roving(el("div", { className: "wall strip" }, ...tiles(it, signature, pictures, urls, { pick, verb: "Pick" })));
  it.picked = null;
  return [el("h3", {}, "Pictures to drag"), hint("Drag one to a slot, or pick it and then the slot; keys A, B and C put it there."), grid];
}

export async function interpolate(it) {
  const { state, signature } = it, [a, b] = ["a", "b"].map((name) => slotRow(it, name));
  const latent = ofKind(signature, "latent");
  const rows = Array.from({ length: FRAMES }, (_, n) => ({ ...(n < FRAMES / 2 ? a : b), ...Object.fromEntries(latent.map(
    ([name, input]) => [name, between(a[name], b[name], n / (FRAMES - 1), input.distribution === "normal")])) }));
  const { urls } = await it.ran(called(state.model, signature, rows));
  const seeds = ["a", "b"].map((name) => pictureOf(state[name]).seed);
  const image = el("img", { className: "picture large", id: "frame", src: urls[0], alt: `between seeds ${seeds[0]} and ${seeds[1]}` });
  const slider = el("input", { type: "range", min: 0, max: FRAMES - 1, value: 0, "aria-label": "position between A and B" });
  const at = (n) => { slider.value = n; image.src = urls[n]; };
  slider.addEventListener("input", () => at(Number(slider.value)));
  let step = 1;
  const play = button("Play", () => {
    if (it.timer) it.stop();
    else it.start(() => {
      const n = Number(slider.value);
      if (n + step < 0 || n + step >= FRAMES) step = -step;
      at(n + step);
    }, DELAY);
    play.textContent = it.timer ? "Pause" : "Play";
  }, { className: "main", id: "play" });
  const bar = el("div", { className: "row" }, play,
    button("Swap", () => it.go({ a: state.b, b: state.a })),
    button("Save the animation", () => save.animation(urls, it.fileName(`${seeds[0]}-to-${seeds[1]}`), DELAY)));
  const names = latent.map(([name]) => name.replaceAll("_", " ")).join(" and "), hasMore = Object.keys(signature.inputs).length > latent.length;
  const others = hasMore ? [hint(`${names} goes from A to B step by step; what else there is, such as class and text, changes in the middle.`)] : [];
  it.say(`${FRAMES} pictures from A to B.`);
  return [shelf(it, ["a", "b"], [urls[0], urls.at(-1)], ["", "→"]), bar, image, slider,
    el("div", { className: "frames" }, ...urls.filter((_, n) => n % 3 === 0 || n === FRAMES - 1).map(
      (src) => el("img", { className: "picture", src, alt: "" }))), ...others, ...(await strip(it))];
}

const length = (x) => Math.hypot(...x);

export async function arithmetic(it) {
  const { state, signature } = it, [a, b, c] = ["a", "b", "c"].map((name) => slotRow(it, name));
  const latent = ofKind(signature, "latent"), sum = { ...a }, scaled = { ...a };
  for (const [name, input] of latent) {
    const isBounded = input.distribution === "uniform";
    const inside = (x) => (isBounded ? Math.max(input.low, Math.min(input.high, x)) : x);
    sum[name] = a[name].map((x, i) => Math.fround(inside(x - b[name][i] + c[name][i])));
    const times = length(a[name]) / (length(sum[name]) || 1);
    scaled[name] = sum[name].map((x) => Math.fround(isBounded ? x : x * times));
  }
  const isNormal = latent.some(([, input]) => input.distribution === "normal");
  const { urls } = await it.ran(called(state.model, signature, [a, b, c, sum, ...(isNormal ? [scaled] : [])]));
  const figure = (src, text, name) => el("figure", { className: "sum" },
    el("img", { className: "picture", src, alt: text }), el("figcaption", {}, text),
    button("Save", () => save.picture(src, it.fileName(name)), { className: "quiet" }));
  const results = [figure(urls[3], "A − B + C", "a-b-c")];
  if (isNormal) results.push(figure(urls[4], "as long as A", "a-b-c-scaled"));
  const others = Object.keys(signature.inputs).length > latent.length ? " What else there is, such as class and text, is A's." : "";
  it.say("The sum is shown.");
  return [
    shelf(it, ["a", "b", "c"], urls.slice(0, 3), ["", "−", "+"], [el("span", { className: "sign" }, "="), ...results]),
    hint(`What A has and B has not, added to C: it works where a direction of the latent numbers has a meaning.${others}`
      + (isNormal ? " A sum of normal numbers is longer than what the model was trained with; “as long as A” is scaled back." : "")),
    ...(await strip(it))];
}
