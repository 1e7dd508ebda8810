// The question as programs ask it: a line for a shell, two for Python, one for JavaScript.
import { signatureOf } from "./question.js";

const KEY = "TFGATE_KEY"; // of the environment: a key itself is in no program

const MAX_BODY = 20_000; // characters that anybody would paste

export const isLong = ({ body, file }) => !file && body.length > MAX_BODY;

// In one pair of quotes, whatever it is.
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

export function curl(url, { type, document, file }, withKey) {
  const key = withKey ? ` -H "X-API-Key: $${KEY}"` : "";
  const data = file ? `--data-binary ${shell(`@${file.name}`)}` : `-d ${shell(JSON.stringify(document))}`;
  return `curl ${shell(url)} -H ${shell(`Content-Type: ${type}`)}${key} \\\n  ${data}`;
}

// JSON's literals in Python's words; its strings are Python's, too.
export function python(value) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, each]) => `${python(name)}: ${python(each)}`).join(", ")}}`;
  return JSON.stringify(value);
}

export function requests(url, { type, document, file }, withKey) {
  const headers = [file && `"Content-Type": ${python(type)}`, withKey && `"X-API-Key": os.environ["${KEY}"]`].filter(Boolean);
  const named = headers.length ? `, headers={${headers.join(", ")}}` : "";
  const asking = (body) => `answer = requests.post(${python(url)}, ${body}${named}, timeout=30)`;
  return lines(
    withKey && "import os\n",
    "import requests\n",
    file ? `with open(${python(file.name)}, "rb") as file:\n    ${asking("data=file")}` : asking(`json=${python(document)}`),
    "answer.raise_for_status()",
    "print(answer.json())");
}

export function javascript(url, { type, document, file }, withKey) {
  const key = withKey ? `, "X-API-Key": key` : "";
  return lines(
    file && `const file = document.querySelector("input[type=file]").files[0];`,
    `const answer = await fetch(${JSON.stringify(url)}, {`,
    `  method: "POST",`,
    `  headers: { "Content-Type": ${JSON.stringify(type)}${key} },`,
    `  body: ${file ? "file" : `JSON.stringify(${JSON.stringify(document)})`},`,
    "});",
    "if (!answer.ok) throw new Error(await answer.text());",
    "console.log(await answer.json());");
}

const NUMPY = { FP16: "float16", FP32: "float32", FP64: "float64", BOOL: "bool", BYTES: "object_" };
const OPEN_INFERENCE = { float16: "FP16", float32: "FP32", float64: "FP64", string: "BYTES" };

// In tensors, as Triton's clients send them; null where the fields of a model are not its tensors.
export function tritonclient(base, kind, model, input, withKey) {
  const tensors = tensorsOf(kind, model, input);
  if (!tensors) return null;
  const { host, pathname, protocol } = new URL(base);
  const server = [python(`${host}${pathname}`.replace(/\/$/, "")), protocol === "https:" && "ssl=True"].filter(Boolean).join(", ");
  const headers = withKey ? `, headers={"X-API-Key": os.environ["${KEY}"]}` : "";
  return lines(
    withKey && "import os\n",
    "import numpy as np\nimport tritonclient.http as triton",
    kind === "picture" && "from PIL import Image, ImageOps",
    kind === "picture" && `\npicture = ImageOps.exif_transpose(Image.open(${python(input.file.name)})).convert("RGB")`,
    `\nclient = triton.InferenceServerClient(${server})`,
    "inputs = []",
    "for name, datatype, array in [",
    ...tensors.map(({ name, datatype, array }) => `    (${python(name)}, "${datatype}", ${array}),`),
    "]:",
    "    tensor = triton.InferInput(name, list(array.shape), datatype)",
    "    tensor.set_data_from_numpy(array)",
    "    inputs.append(tensor)",
    `answer = client.infer(${python(model.name)}, inputs${parameters(kind, input)}${headers})`,
    `for output in answer.get_response()["outputs"]:`,
    `    print(output["name"], answer.as_numpy(output["name"]))`);
}

const parameters = (kind, input) =>
  (kind === "tensors" && input.body.parameters ? `, parameters=${python(input.body.parameters)}` : "");

function tensorsOf(kind, model, input) {
  if (kind === "tensors") return input.body.inputs.map(({ name, datatype, shape, data }) => ({ name, datatype, array: arrayOf(datatype, shape, data) }));
  const { inputs } = signatureOf(model);
  if (kind === "picture") {
    const [[name, { dtype, shape }]] = Object.entries(inputs);
    const size = `(${shape[2]}, ${shape[1]})`;
    return [{ name, datatype: datatypeOf(dtype), array: `np.asarray(ImageOps.fit(picture, ${size}), np.${dtype})[None]` }];
  }
  if (!Object.entries(inputs).every(([name, { shape }]) => name in input && shape?.length === 1)) return null;
  return Object.entries(inputs).map(([name, { dtype }]) => {
    const datatype = datatypeOf(dtype);
    return { name, datatype, array: arrayOf(datatype, [1], [input[name]]) };
  });
}

const datatypeOf = (dtype) => OPEN_INFERENCE[dtype] ?? dtype.toUpperCase();

function arrayOf(datatype, shape, data) {
  const dtype = `np.${NUMPY[datatype] ?? datatype.toLowerCase()}`;
  const size = shape.reduce((product, each) => product * each, 1);
  if (data.length === 1 && size > 1) return `np.full(${python(shape)}, ${valueOf(data[0])}, ${dtype})`;
  const array = `np.array([${data.map(valueOf).join(", ")}], ${dtype})`;
  return shape.length === 1 ? array : `${array}.reshape(${python(shape)})`;
}

const valueOf = (value) => (value === null ? "np.nan" : python(value));

const lines = (...each) => `${each.filter(Boolean).join("\n")}\n`;
