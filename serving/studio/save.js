// Pictures as files: one, a wall of them, or an animation as APNG.

import { crc32 } from "/studio/philox.js";

const SIDE = 128; // Pixels that a side of a small picture has at least, in walls and animations.

async function loaded(src) {
  const image = new Image();
  image.src = src;
  await image.decode();
  return image;
}

function canvas(width, height) {
  const made = document.createElement("canvas");
  [made.width, made.height] = [width, height];
  const context = made.getContext("2d");
  context.imageSmoothingEnabled = false; // Pixels stay squares.
  return { made, context };
}

// Not by toBlob, which waits for an idle moment: up to a second for each picture.
const png = (made) => Uint8Array.from(atob(made.toDataURL("image/png").split(",")[1]), (one) => one.charCodeAt(0));
const blob = (bytes) => new Blob([bytes], { type: "image/png" });
const scale = (image) => Math.max(1, Math.round(SIDE / Math.max(image.width, image.height)));

function offer(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// The picture as the model gave it, pixel by pixel.
export async function picture(src, name) {
  const image = await loaded(src), { made, context } = canvas(image.width, image.height);
  context.drawImage(image, 0, 0);
  offer(blob(png(made)), name);
}

// Rows of pictures, two pixels apart, as one picture; `columns` where there is one row.
export async function wall(rows, name, columns) {
  const lines = rows.length > 1 ? rows
    : Array.from({ length: Math.ceil(rows[0].length / columns) }, (_, i) => rows[0].slice(i * columns, (i + 1) * columns));
  const images = await Promise.all(lines.map((line) => Promise.all(line.map(loaded))));
  const first = images[0][0], times = scale(first) > 2 ? Math.round(scale(first) / 2) : 1, gap = 2;
  const [w, h] = [first.width * times + gap, first.height * times + gap];
  const { made, context } = canvas(Math.max(...images.map((line) => line.length)) * w - gap, images.length * h - gap);
  images.forEach((line, y) => line.forEach((image, x) => context.drawImage(image, x * w, y * h, w - gap, h - gap)));
  offer(blob(png(made)), name);
}

function number(value, bytes = 4) {
  return Array.from({ length: bytes }, (_, i) => (value >>> (8 * (bytes - 1 - i))) & 255);
}

function chunk(type, data) {
  const named = new Uint8Array([...new TextEncoder().encode(type), ...data]);
  return new Uint8Array([...number(data.length), ...named, ...number(crc32(named))]);
}

// The chunks [type, data] of a PNG file.
function chunks(file) {
  const found = [], view = new DataView(file.buffer);
  for (let at = 8; at < file.length;) {
    const size = view.getUint32(at);
    found.push([new TextDecoder().decode(file.subarray(at + 4, at + 8)), file.subarray(at + 8, at + 8 + size)]);
    at += size + 12;
  }
  return found;
}

// PNG files of one size and kind as an animation without end; `delay` in milliseconds.
export function animated(files, delay) {
  const parts = files.map(chunks), header = parts[0].find(([type]) => type === "IHDR")[1];
  const [width, height] = [header.subarray(0, 4), header.subarray(4, 8)];
  const made = [files[0].subarray(0, 8), chunk("IHDR", header), chunk("acTL", [...number(files.length), ...number(0)])];
  let order = 0;
  parts.forEach((part, frame) => {
    const control = [...width, ...height, ...number(0), ...number(0), ...number(delay, 2), ...number(1000, 2), 0, 0];
    made.push(chunk("fcTL", [...number(order++), ...control]));
    for (const [type, data] of part) {
      if (type === "IDAT") made.push(frame ? chunk("fdAT", [...number(order++), ...data]) : chunk("IDAT", data));
    }
  });
  return new Blob([...made, chunk("IEND", [])], { type: "image/png" });
}

// The pictures there and back again, as an animation that every browser plays.
export async function animation(urls, name, delay) {
  const images = await Promise.all(urls.map(loaded)), files = [];
  for (const image of images) {
    const times = scale(image), { made, context } = canvas(image.width * times, image.height * times);
    context.drawImage(image, 0, 0, made.width, made.height);
    files.push(png(made));
  }
  offer(animated([...files, ...files.slice(1, -1).reverse()], delay), name);
}
