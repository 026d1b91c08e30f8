// Texts as the model reads them: which words or characters it knows, by the export's own table.

// {read, unknown, isCut}: tokens that the model reads, those among them that it does not know, and
// whether the text is longer than what is read.
export function reading(text, table) {
  const isOfWords = table.rule.includes("letters and numbers");
  const lower = text.toLowerCase();
  const all = isOfWords ? lower.match(/[\p{L}\p{N}]+/gu) ?? [] : [...lower.trim()];
  const read = all.slice(0, table.length), unit = isOfWords ? "word" : "character";
  return { read, unit, isCut: all.length > read.length, unknown: [...new Set(read.filter((one) => !(one in table.tokens)))] };
}

// What is to be said of a text; "" where all of it is known.
export function remarks(text, table) {
  if (!text.trim()) return "";
  const { read, unit, unknown, isCut } = reading(text, table), said = [];
  const listed = unknown.map((one) => `“${one}”`).join(", ");
  if (!read.length || unknown.length === new Set(read).size) {
    said.push(`No ${unit} of this text is known to the model, so it refuses it${listed && `: ${listed}`}.`);
  } else if (unknown.length) {
    said.push(`Unknown ${unit}${unknown.length > 1 ? "s" : ""}: ${listed}. All unknown ones mean the same to the model.`);
  }
  if (isCut) said.push(`Only the first ${table.length} ${unit}s are read.`);
  return said.join(" ");
}
