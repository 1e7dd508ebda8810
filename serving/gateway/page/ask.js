// Asking the gateway: every request of the page goes through here. What goes wrong is a Problem,
// in words; what was cancelled is nobody's business any more.
import { useEffect, useLayoutEffect, useState } from "./vendor/htm-preact.js";

export class Problem extends Error {
  constructor({ status = 0, title = "No answer", detail = "", hint = "", errors = [] }) {
    super(detail || title);
    Object.assign(this, { status, title, detail, hint, errors });
  }
}

const GONE = {
  title: "The gateway does not answer",
  detail: "It was not reached: it may be restarting, or the network is away.",
  hint: "Nothing is lost: what you have entered is still here. Ask again.",
};
const UNREADABLE = {
  title: "No answer that can be read",
  hint: "Something between this page and the gateway may have answered in its place.",
};

// The key is typed in, and is in this memory alone.
let key = "";
let refused = () => {};
export const useKey = (typed) => { key = typed; };
export const hasKey = () => key !== "";
export const onRefused = (listener) => { refused = listener; };

// Gives {document, seconds, version, route}; raises Problem, or AbortError once `signal` says so.
export async function call(path, { method = "GET", body, type, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (type) headers["Content-Type"] = type;
  if (key) headers["X-API-Key"] = key;
  const began = performance.now();
  const response = await fetched(path, { method, body, headers, signal });
  const document = await read(response);
  const seconds = (performance.now() - began) / 1000;
  if (response.ok) {
    const version = response.headers.get("X-Model-Version");
    return { document, seconds, version, route: response.headers.get("X-Model-Route") };
  }
  if (response.status === 401) refused();
  throw problem(response, document);
}

export const get = async (path, { signal } = {}) => (await call(path, { signal })).document;

export const post = (path, document) =>
  call(path, { method: "POST", type: "application/json", body: JSON.stringify(document) });

async function fetched(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(GONE);
  }
}

async function read(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ ...UNREADABLE, status: response.status, detail: `It came with the status ${response.status}.` });
  }
}

// A problem document of ours, or the error of a dialect.
function problem(response, document) {
  const { title, detail, error, hint, errors } = document ?? {};
  const said = detail ?? (typeof error === "string" ? error : error?.message) ?? "";
  const wait = response.headers.get("Retry-After");
  const later = wait ? `Ask again in ${wait} ${wait === "1" ? "second" : "seconds"}.` : "";
  return new Problem({
    status: response.status,
    title: title ?? `No answer (${response.status})`,
    detail: said,
    hint: [hint, later].filter(Boolean).join(" "),
    errors: errors ?? [],
  });
}

// The answer to a question, which is asked once its `pause` (milliseconds) is over: {state, answer,
// problem, question}, where state is "none", "busy", "answered" or "failed". Another question cancels
// it, and so does leaving: an answer stands beside its own question, or is told as that of the one
// before: while busy, `answer` is still the last one, if there was any.
export function useAnswer(question, send) {
  const [shown, show] = useState({});
  useLayoutEffect(() => {
    if (!question) {
      show({});
      return undefined;
    }
    const controller = new AbortController();
    const begin = async () => {
      const came = await outcome(send(question, controller.signal));
      if (!controller.signal.aborted) show({ question, ...came });
    };
    const timer = setTimeout(begin, question.pause ?? 0);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [question]);
  if (!question) return { state: "none" };
  if (shown.question !== question) return { state: "busy", answer: shown.answer };
  return { state: shown.problem ? "failed" : "answered", ...shown };
}

async function outcome(asking) {
  try {
    return { answer: await asking };
  } catch (problem) {
    return { problem };
  }
}

// What a path gives: {document, problem, again}; asked again whenever one of `causes` changes.
export function useDocument(path, causes = []) {
  const [shown, show] = useState({});
  const [round, again] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    get(path, controller).then(
      (document) => show({ document }),
      (problem) => problem.name === "AbortError" || show((before) => ({ ...before, problem })));
    return () => controller.abort();
  }, [path, round, ...causes]);
  return { ...shown, again: () => again((number) => number + 1) };
}
