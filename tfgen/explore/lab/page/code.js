// Python and YAML of a game, to copy.

import { button, byId, copied } from "/lab/dom.js";

const FORMS = [["python", "Python"], ["yaml", "YAML"]];

export class Code {
  constructor(ask) {
    Object.assign(this, { ask, form: "python", game: 0, count: 1 });
    byId("copy").addEventListener("click", (event) => copied(event.target, byId("text").textContent));
  }

  async show(step, count) {
    this.count = count;
    this.game = Math.min(this.game, count - 1);
    const { python, yaml } = await this.ask({ do: "code", game: this.game });
    this.texts = { python, yaml };
    byId("of").textContent = `${this.form === "python" ? "It runs as it stands, and ends with these weights" : "The settings now"}: step ${step.toLocaleString("en")}.`;
    byId("text").textContent = this.texts[this.form];
    const pressed = (is) => ({ "aria-pressed": String(is) });
    const again = () => this.show(step, count);
    byId("tabs").replaceChildren(
      ...FORMS.map(([form, name]) => button(name, () => { this.form = form; again(); }, pressed(form === this.form))),
      ...(count < 2 ? [] : [..."ABC"].slice(0, count).map((name, game) => button(`Game ${name}`, () => { this.game = game; again(); }, pressed(game === this.game)))),
    );
  }
}
