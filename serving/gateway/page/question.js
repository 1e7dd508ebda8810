// What a model is asked: what kind of input it takes, whether one is whole, and the request for it.
import { call } from "./ask.js";

const PREDICT = "serving_default";

// "text", "picture", "house", "fields" of some other typed model, or "tensors" of a generic one.
export function kindOf({ request_schema: schema }) {
  if (!schema) return "tensors";
  const fields = Object.entries(schema.properties ?? {});
  const [[name, only] = []] = fields;
  if (fields.length === 1 && only.contentEncoding === "base64") return "picture";
  if (fields.length === 1 && only.type === "string" && !only.enum && name === "text") return "text";
  if (["longitude", "latitude", "ocean_proximity"].every((each) => each in schema.properties)) return "house";
  return "fields";
}

// Whether pictures of what is drawn are asked about: its schema says "x-drawn".
export const isDrawn = ({ request_schema: schema }) =>
  Object.values(schema?.properties ?? {}).some((field) => field["x-drawn"]);

export const kindOfField = (schema) => schema.anyOf?.find(({ type }) => type !== "null") ?? schema;

// Whether there is anything to be asked. What is there and wrong is the gateway's to say.
export function isWhole(kind, model, input) {
  if (!input) return false;
  if (kind === "text") return Boolean(input.text?.trim());
  if (kind === "picture") return Boolean(input.file);
  if (kind === "tensors") return Boolean(input.body);
  return (model.request_schema.required ?? []).every((name) => input[name] !== null && input[name] !== undefined);
}

// What is sent: {path, type, body}, and `document` or `file`, which the body is made of.
export function requestOf(kind, model, input, { version, explain } = {}) {
  const name = encodeURIComponent(model.name);
  if (kind === "tensors") {
    const of = version ? `/versions/${version}` : "";
    return withDocument(`v2/models/${name}${of}/infer`, filled(input.body));
  }
  const query = new URLSearchParams({ ...(version && { version }), ...(explain && { explain: "true" }) });
  const path = `predict/${name}${query.size ? `?${query}` : ""}`;
  if (kind !== "picture") return withDocument(path, input);
  return { path, type: input.file.type || "image/unknown", body: input.file, file: input.file };
}

const withDocument = (path, document) => ({ path, type: "application/json", body: JSON.stringify(document), document });

// Sends it; gives {document, seconds, version, route}.
export const send = (request, signal) => call(request.path, { ...request, method: "POST", signal });

export function explains(kind, model) {
  return kind !== "tensors" && "explain" in model.signatures;
}

export const cardOf = (model, version = model.version) =>
  model.versions.find((each) => each.version === version)?.card ?? null;

export const signatureOf = (model, name = PREDICT) => model.signatures[name];

// One value stands for all, as GET /models/{model} says: who would write 150,000 of them?
function filled(body) {
  const inputs = (body.inputs ?? []).map((tensor) => {
    const size = (tensor.shape ?? []).reduce((product, each) => product * each, 1);
    const isOne = tensor.data?.length === 1 && size > 1;
    return isOne ? { ...tensor, data: Array(size).fill(tensor.data[0]) } : tensor;
  });
  return { ...body, inputs };
}
