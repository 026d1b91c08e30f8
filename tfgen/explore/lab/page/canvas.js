// A canvas in the pixels of the screen, with the axes of a square or a strip.

import { el } from "/lab/dom.js";

export class Board {
  // `ratio` is height by width.
  constructor(label, ratio = 1) {
    this.ratio = ratio;
    this.canvas = el("canvas", { tabIndex: 0 });
    this.canvas.setAttribute("role", "img");
    this.label(label);
  }

  label(text) { this.canvas.setAttribute("aria-label", text); }

  // Ready to be drawn on: cleared, in units of CSS pixels.
  start() {
    const width = this.canvas.clientWidth || 300, height = Math.round(width * this.ratio);
    const dense = Math.min(devicePixelRatio || 1, 2);
    if (this.canvas.width !== Math.round(width * dense) || this.canvas.height !== Math.round(height * dense)) {
      this.canvas.width = Math.round(width * dense);
      this.canvas.height = Math.round(height * dense);
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.clearRect(0, 0, width, height);
    Object.assign(this, { width, height, context });
    return context;
  }

  // Places of points within [low, high] of both axes.
  square(low, high) {
    const size = high - low;
    this.x = (value) => (value - low) / size * this.width;
    this.y = (value) => this.height - (value - low) / size * this.height;
    this.unit = this.width / size;
  }

  dots(points, colour, radius) {
    const { context } = this;
    context.fillStyle = colour;
    context.beginPath();
    for (const [x, y] of points) {
      context.moveTo(this.x(x) + radius, this.y(y));
      context.arc(this.x(x), this.y(y), radius, 0, 2 * Math.PI);
    }
    context.fill();
  }

  line(points, colour, width = 1, dash = []) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.beginPath();
    let isOpen = false;
    for (const [x, y] of points) {
      if (!Number.isFinite(y) || !Number.isFinite(x)) { isOpen = false; continue; }
      if (isOpen) context.lineTo(x, y);
      else context.moveTo(x, y);
      isOpen = true;
    }
    context.stroke();
    context.setLineDash([]);
  }

  arrow(x, y, toX, toY) {
    const { context } = this, length = Math.hypot(toX - x, toY - y);
    if (length < 1) return;
    const head = Math.min(4, 0.6 * length), [ux, uy] = [(toX - x) / length, (toY - y) / length];
    context.moveTo(x, y);
    context.lineTo(toX, toY);
    context.lineTo(toX - head * (ux + 0.6 * uy), toY - head * (uy - 0.6 * ux));
    context.moveTo(toX, toY);
    context.lineTo(toX - head * (ux - 0.6 * uy), toY - head * (uy + 0.6 * ux));
  }
}
