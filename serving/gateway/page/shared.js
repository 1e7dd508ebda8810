// Inputs in links: what of one is put into a link, and what is taken out of it again.
import { fromBase64 } from "./try/picture.js";

const NAME = "picture.png"; // of a file's own name nothing is told

// What a link holds of an input, or null where that is not small.
export function forLink(kind, input) {
  if (kind !== "picture") return input;
  return input?.image ? { image: input.image } : null;
}

// Gives the input, or null: somebody may have changed the link on its way.
export async function fromLink(kind, model, shared) {
  if (typeof shared !== "object") return null;
  if (kind === "text") return typeof shared.text === "string" ? { text: shared.text } : null;
  if (kind === "tensors") return shared.signature in model.signatures ? { signature: shared.signature, body: shared.body } : null;
  if (kind === "picture") {
    try {
      return await fromBase64(shared.image, NAME);
    } catch {
      return null;
    }
  }
  const names = Object.keys(model.request_schema.properties);
  return Object.fromEntries(names.map((name) => [name, shared[name] ?? null]));
}
