// Philox4x32-10, as tfgen/random.py: a seed is the same numbers here as in Python.

const MASK = 0xffffffffn;

function high(a, b) {
  // The upper 32 bits of a 32 x 32 bit product, by halves that a double holds exactly.
  const a0 = a & 0xffff, a1 = a >>> 16, b0 = b & 0xffff, b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const other = a0 * b1 + (middle % 65536);
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(other / 65536)) >>> 0;
}

export function philox(counter, key) {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    if (round) {
      k0 = (k0 + 0x9e3779b9) >>> 0;
      k1 = (k1 + 0xbb67ae85) >>> 0;
    }
    const high0 = high(0xd2511f53, c0), low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const high1 = high(0xcd9e8d57, c2), low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
  }
  return [c0, c1, c2, c3];
}

// Of a text or of bytes.
export function crc32(content) {
  let crc = ~0;
  for (const byte of typeof content === "string" ? new TextEncoder().encode(content) : content) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function uniforms(seed, name, width) {
  const bits = BigInt.asUintN(64, BigInt(seed));
  const key = [Number(bits & MASK), Number(bits >> 32n)];
  const stream = crc32(name), made = [];
  for (let block = 0; made.length < width; block++)
    for (const word of philox([block, 0, 0, stream], key)) made.push((word & 0x7fffff) / 0x800000);
  return made;
}

function normals(seed, name, width) {
  const u = uniforms(seed, name, width + 3), made = [];
  for (let i = 0; made.length < width; i += 2) {
    const radius = Math.fround(Math.sqrt(-2 * Math.log(Math.max(u[i], 1e-7))));
    const angle = Math.fround(2 * Math.PI * u[i + 1]);
    made.push(Math.fround(radius * Math.sin(angle)), Math.fround(radius * Math.cos(angle)));
  }
  return made.slice(0, width);
}

// One row of an input, as its manifest says; null where it cannot be drawn. Flat, in C order.
export function draw(input, name, seed) {
  const width = input.shape.reduce((a, b) => a * b, 1);
  if (input.distribution === "normal") return normals(seed, name, width);
  const u = input.distribution ? uniforms(seed, name, width) : null;
  if (input.distribution === "uniform")
    return u.slice(0, width).map((x) => Math.fround(x * (input.high - input.low) + input.low));
  const count = input.distribution === "choice" ? input.choices.length : input.num_classes;
  const numbers = u && u.slice(0, width).map((x) => Math.floor(Math.fround(x * count)));
  return input.distribution === "choice" ? numbers.map((n) => input.choices[n]) : numbers;
}
