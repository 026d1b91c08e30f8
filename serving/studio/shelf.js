// The slots A, B and C: pictures are dropped on them, put there by keys or named by their seed.

import { button, el } from "/studio/dom.js";
import { called, calledBySeeds, row, words } from "/studio/inputs.js";
import { among } from "/studio/pictures.js";
import { pictureOf, textOf } from "/studio/state.js";

// The pictures of slots: those of a wall that is shown anyway, the others by one more call.
export async function slotPictures(it, names, pictures, urls) {
  const known = new Map(pictures.map((one, i) => [textOf(one), urls[i]]));
  const missing = [...new Set(names.map((name) => it.state[name]))].filter((text) => !known.has(text));
  if (missing.length) {
    const { signature } = it, wanted = missing.map(pictureOf);
    const outputs = await called(it.state.model, signature, wanted.map((one) => row(signature, one, it.files))).run(it.signal);
    among(outputs, signature.outputs).forEach((src, i) => known.set(missing[i], src));
  }
  return names.map((name) => known.get(it.state[name]));
}

function slot(it, name, src) {
  const text = it.state[name], picture = pictureOf(text), letter = name.toUpperCase();
  const put = (what) => pictureOf(what) && it.go({ [name]: what });
  const told = [...words(it.signature, picture, it.files), ...(Object.keys(picture.z).length ? ["moved"] : [])];
  const open = () => it.go({ view: "latents", seed: String(picture.seed), given: { ...it.state.given, ...picture.given }, z: picture.z });
  const face = el("button", {
    type: "button", className: "face", "data-key": `slot-${name}`, title: `${letter}: seed ${picture.seed}${told.map((one) => `, ${one}`).join("")}`,
    onclick: () => (it.picked ? put(it.picked) : open()),
  }, el("img", { className: "picture", src, alt: `${letter}, seed ${picture.seed}`, draggable: false }));
  const seed = el("label", {}, letter, el("input", {
    id: `end-${name}`, value: String(picture.seed), size: 5, inputMode: "numeric", autocomplete: "off", "aria-label": `seed of ${letter}`,
    onchange: (event) => {
      if (/^-?\d{1,20}$/.test(event.target.value)) put(textOf({ ...picture, seed: event.target.value, z: {} }));
      else event.target.value = picture.seed;
    },
  }));
  const box = el("div", { className: `slot ${name}` }, face, seed, ...told.map((one) => el("span", { className: "said" }, one)));
  const over = (isOver) => (event) => {
    event.preventDefault();
    box.classList.toggle("over", isOver);
  };
  box.addEventListener("dragenter", over(true));
  box.addEventListener("dragover", over(true));
  box.addEventListener("dragleave", over(false));
  box.addEventListener("drop", (event) => {
    over(false)(event);
    put(event.dataTransfer.getData("text/plain"));
  });
  return box;
}

// `signs` stand between the slots, `more` behind them.
export function shelf(it, names, urls, signs = [], more = []) {
  const slots = names.flatMap((name, i) => [
    ...(signs[i] ? [el("span", { className: "sign" }, signs[i])] : []), slot(it, name, urls[i])]);
  const actions = it.state.view !== "wall" ? [] : [el("div", { className: "actions" },
    button("Interpolate A to B", () => it.go({ view: "interpolate" })),
    button("A − B + C", () => it.go({ view: "arithmetic" })))];
  return el("div", { className: "shelf" }, ...slots, ...more, ...actions);
}

// The call of a strip of pictures to drag.
export const stripCall = (it, pictures) => calledBySeeds(it.state.model, it.signature, pictures, it.files);
