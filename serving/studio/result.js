// What a signature gives for what it is given: pictures beside each other, and numbers.

import { button, el, hint } from "/studio/dom.js";
import { called, ofKind, row } from "/studio/inputs.js";
import * as save from "/studio/save.js";
import { chosen } from "/studio/state.js";

export function numbers(outputs) {
  return Object.entries(outputs).filter(([name]) => !["image", "image_bytes"].includes(name)).map(([name, rows]) => {
    const flat = [rows[0]].flat(9), shown = flat.slice(0, 64);
    const cell = (x) => el("td", {}, typeof x === "number" ? String(Number(x.toPrecision(4))) : String(x?.b64 ?? x));
    return el("div", { className: "scroll" }, el("h3", {}, `${name.replaceAll("_", " ")}${flat.length > 64 ? `, 64 of ${flat.length}` : ""}`),
      el("table", {}, ...(flat.length > 1 ? [el("tr", {}, ...shown.map((_, i) => el("th", {}, String(i))))] : []), el("tr", {}, ...shown.map(cell))));
  });
}

export async function result(it) {
  const { signature, state, files } = it;
  const { outputs, urls } = await it.ran(called(state.model, signature, [row(signature, chosen(state), files)]));
  const figure = (src, text, ...more) => el("figure", {}, el("img", { className: "picture", src, alt: text }), el("figcaption", {}, text), ...more);
  const sent = ofKind(signature, "picture", "pictures").flatMap(
    ([name]) => (files[name] ?? []).map((one) => figure(one.url, `${name} sent`)));
  const got = urls ? [figure(urls[0], signature.name, button("Save picture", () => save.picture(urls[0], it.fileName(signature.name)), { className: "quiet" }))] : [];
  it.say(`${signature.name.replaceAll("_", " ")} has answered.`);
  const pictures = sent.length + got.length ? [el("div", { className: "pair" }, ...sent, ...got)] : [];
  return [...pictures, ...numbers(outputs)];
}

// In place of a result for which something is missing.
export const asking = (message) => [hint(message)];
