// The address of what is shown: #/MODEL/VIEW, and with ?input=… the input, where it is small.

const MAX_INPUT = 4000; // characters of the address; some programs cut off longer ones
export const VIEWS = { try: "Try", compare: "Compare", model: "About this model" };

export function read(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name, view] = path.split("/");
  const shared = new URLSearchParams(query).get("input");
  return { name: decoded(name), view: view in VIEWS ? view : "try", input: shared && unpacked(shared) };
}

export const address = (name, view = "try") => `#/${encodeURIComponent(name)}/${view}`;

// A link that holds the input, or null where it is too long for one.
export function sharing(name, input) {
  const packed = pack(input);
  if (packed.length > MAX_INPUT) return null;
  return new URL(`${location.pathname}${address(name)}?input=${packed}`, location.href).href;
}

function pack(input) {
  const bytes = new TextEncoder().encode(JSON.stringify(input));
  const letters = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return letters.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

// What somebody has changed on its way is no input.
function unpacked(packed) {
  try {
    const letters = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
}

function decoded(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
