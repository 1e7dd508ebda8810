// What a path gives, asked again and again while somebody sees it.
import { useEffect, useState } from "../vendor/htm-preact.js";

// {document, problem}: the last answer, and what has gone wrong since, if anything has. `root` is a
// reference to the element that must be seen; `pause` tells the seconds between an answer and the
// next question.
export function usePolled(get, path, pause, root) {
  const [told, tell] = useState({});
  useEffect(() => {
    const leaving = new AbortController();
    let timer, latest;
    const ask = async () => {
      const isLookedAt = isSeen(root.current);
      if (isLookedAt) latest = (await asked(get(path, leaving), tell)) ?? latest;
      if (!leaving.signal.aborted) timer = setTimeout(ask, 1000 * (isLookedAt ? pause(latest) : 1));
    };
    ask();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [path]);
  return told;
}

async function asked(answer, tell) {
  try {
    const document = await answer;
    tell({ document });
    return document;
  } catch (problem) {
    if (problem.name !== "AbortError") tell((before) => ({ ...before, problem }));
    return undefined;
  }
}

const isSeen = (element) => !document.hidden && element?.getClientRects().length > 0;
