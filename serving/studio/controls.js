// The controls of everything that is not drawn as noise.

import { button, count, el, hint } from "/studio/dom.js";
import { PARTS, kind, ofKind } from "/studio/inputs.js";
import { upload } from "/studio/pictures.js";
import { EVERY } from "/studio/state.js";
import { reading, remarks } from "/studio/texts.js";

// `it`: state, signature, files; `set(name, value)` and `failed(message)` as in main.js.
export function controls(it, set, failed) {
  const make = { class: ofClass, text: ofText, picture: ofPictures, pictures: ofPictures, mask: ofMask };
  return ofKind(it.signature, "class", "text", "picture", "pictures", "mask", "number", "list").map(([name, input]) => {
    const how = kind(input, name), id = `input-${name}`;
    const one = { it, name, input, how, id, value: it.state.given[name] ?? "", set, failed };
    return el("div", {}, el("label", { htmlFor: id }, name.replaceAll("_", " ")), ...(make[how] ?? ofNumbers)(one));
  });
}

function ofClass({ it, name, input, id, value, set }) {
  const control = el("select", { id, onchange: (event) => set(name, event.target.value) });
  if (input.distribution) control.append(el("option", { value: "" }, "drawn from the seed"));
  const rows = ["wall", "compare"].includes(it.state.view);
  if (rows) control.append(el("option", { value: EVERY }, "every class, a row each"));
  for (let n = 0; n < input.num_classes; n++) {
    const named = input.class_names?.[n], text = named && named !== String(n) ? `${n} ${named}` : String(n);
    control.append(el("option", { value: String(n) }, text));
  }
  control.value = value === EVERY && !rows ? "" : value;
  if (control.selectedIndex < 0) control.value = "0";
  return [control];
}

function ofMask({ name, id, value, set }) {
  const parts = Object.keys(PARTS);
  const control = el("select", { id, onchange: (event) => set(name, event.target.value) },
    ...parts.map((part) => el("option", { value: part }, part)));
  control.value = value in PARTS ? value : parts[0];
  return [control, hint("What the model is given of the picture.")];
}

function ofPictures({ it, name, input, how, id, set, failed }) {
  const { files } = it, sides = input.shape.slice(-3);
  const take = async (event) => {
    if (!event.target.files.length) return;
    try {
      files[name] = await Promise.all([...event.target.files].map((file) => upload(file, sides)));
      set(name, "");
    } catch (error) {
      failed(error.message);
    }
  };
  const control = el("input", { id, type: "file", accept: "image/*", multiple: how === "pictures", onchange: take });
  const [h, w, c] = sides, size = h > 0 && w > 0 ? `Resized to ${w} × ${h}` : "At most 512 a side, in multiples of 4";
  const made = [control, hint(`${size}, ${c === 1 ? "grey" : "colour"}; sent to this server only.`)];
  if (files[name]) {
    made.push(el("div", { className: "thumbs" }, ...files[name].map(
      (one) => el("img", { className: "picture", src: one.url, alt: one.name, title: one.name }))),
    hint(files[name].map((one) => one.name).join(", ")));
  }
  return made;
}

function ofNumbers({ name, how, id, value, set }) {
  const placeholder = how === "list" ? "numbers, with commas" : "a number";
  return [el("input", { id, value, placeholder, autocomplete: "off", onchange: (event) => set(name, event.target.value) })];
}

const SHOWN = 8; // Example captions at once.

function ofText({ it, name, input, id, value, set }) {
  const table = it.signature.texts, told = hint();
  const tell = (text) => { told.textContent = table ? remarks(text, table) : ""; };
  const control = el("input", {
    id, value, autocomplete: "off", placeholder: input.choices ? "drawn from the seed" : "a text",
    "aria-describedby": `${id}-told`,
    oninput: (event) => tell(event.target.value), onchange: (event) => set(name, event.target.value),
  });
  told.id = `${id}-told`;
  told.className = "hint warned";
  tell(value);
  const made = [control, told], examples = input.choices ?? (input.example ? [input.example] : []);
  const list = el("div", { className: "words" });
  const show = (some) => list.append(...some.map((text) => button(text, () => set(name, text), { "aria-pressed": String(text === value) })));
  show(examples.slice(0, SHOWN));
  if (examples.length > SHOWN) {
    const more = button(`All ${examples.length}`, () => { more.remove(); show(examples.slice(SHOWN)); }, { className: "quiet" });
    list.append(more);
  }
  if (examples.length) made.push(el("div", { className: "examples" }, hint("Examples"), list));
  if (value && input.distribution) list.append(button("Drawn from the seed", () => set(name, ""), { className: "quiet" }));
  if (table) made.push(vocabulary(table, (word) => {
    control.value = `${control.value.trimEnd()} ${word}`.trim();
    tell(control.value);
    control.focus();
  }));
  return made;
}

// Every word that the model knows, as buttons that add it; opened on demand.
function vocabulary(table, add) {
  const tokens = Object.keys(table.tokens), { unit } = reading("", table);
  if (unit === "character") return hint(`Reads ${table.length} characters at most: ${tokens.join("").trim()}`);
  const words = el("div", { className: "words" });
  return el("details", { ontoggle: () => {
    if (!words.children.length) words.append(...tokens.toSorted().map((word) => button(word, () => add(word))));
  } }, el("summary", {}, `Vocabulary: ${count(tokens.length, "word")}; ${table.length} of a text are read`), words);
}
