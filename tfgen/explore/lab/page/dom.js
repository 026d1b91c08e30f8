// Elements without a framework.

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export const byId = (id) => document.getElementById(id);

export const button = (text, onclick, more = {}) => el("button", { type: "button", onclick, ...more }, text);

export const hint = (...said) => el("p", { className: "hint" }, ...said);

export async function copied(pressed, text) {
  const before = pressed.dataset.text ??= pressed.textContent;
  try {
    await navigator.clipboard.writeText(text);
    pressed.textContent = "Copied";
  } catch {
    pressed.textContent = "Not allowed here: select it";
  }
  setTimeout(() => { pressed.textContent = before; }, 1500);
}

// A number as people read it: three figures, a real minus.
export function shown(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value), text = size >= 1e5 ? value.toExponential(1) : value.toFixed(size < 10 ? digits : 1);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}
