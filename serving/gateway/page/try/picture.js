// A picture: dropped, pasted, taken, chosen, or drawn where a model is asked what is drawn.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { isDrawn } from "../question.js";
import { Drawing } from "./drawing.js";

export const initial = () => null;

const SMALL = 2500; // bytes that a link may hold

// An input is a file, with an address under which the page shows it, and its base64 if it is small.
export async function chosen(file) {
  return { file, url: URL.createObjectURL(file), ...(file.size <= SMALL && { image: await base64(file) }) };
}

export async function fromBase64(image, name) {
  const letters = atob(image);
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  return chosen(new File([bytes], name, { type: "image/png" }));
}

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

export function Form({ model, input, change, isShown }) {
  const [isOver, setOver] = useState(false);
  const isOurs = Boolean(input?.isDrawn);
  const drawn = async (file, pause) => change({ ...(await chosen(file)), isDrawn: true }, pause);
  const take = async (files) => {
    if (files?.length) change(await chosen(files[0]));
  };
  usePasted(isShown, take);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  const over = (event) => {
    event.preventDefault();
    setOver(true);
  };
  return html`
    ${isDrawn(model) && html`<${Drawing} isOurs=${isOurs} take=${drawn} />`}
    <div class=${`drop ${isOver ? "over" : ""}`} onDrop=${drop} onDragOver=${over} onDragLeave=${() => setOver(false)}>
      ${input && !isOurs ? html`<${Shown} key=${input.url} input=${input} />` : html`<p>Drop a picture here, or paste one.</p>`}
      <div class="row">
        <${Choice} label="Choose a picture" take=${take} />
        <${Choice} label="Use the camera" take=${take} camera=${true} />
      </div>
    </div>
    <p class="quiet">JPEG, PNG, WebP, GIF, AVIF, TIFF and BMP are read; ${isDrawn(model) ? "what is drawn is looked at, wherever it stands" : "the square in the middle is looked at"}.</p>`;
}

function usePasted(isShown, take) {
  useEffect(() => {
    if (!isShown) return undefined;
    const paste = ({ clipboardData }) => take(clipboardData.files);
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  }, [isShown]);
}

function Choice({ label, take, camera = false }) {
  const field = useRef(null);
  const chosenOne = async ({ target }) => {
    await take(target.files);
    target.value = "";
  };
  return html`<span class=${camera ? "camera" : ""}>
    <button type="button" onClick=${() => field.current.click()}>${label}</button>
    <input ref=${field} type="file" accept="image/*" aria-label=${label} capture=${camera ? "environment" : undefined} hidden
      onChange=${chosenOne} />
  </span>`;
}

// Not every browser shows every format; the gateway reads them all the same.
function Shown({ input }) {
  const [isBroken, setBroken] = useState(false);
  const { name, size } = input.file;
  return html`<figure>
    ${isBroken
      ? html`<p class="note">This browser cannot show the file.</p>`
      : html`<img src=${input.url} alt="the picture that is asked about" onError=${() => setBroken(true)} />`}
    <figcaption class="quiet">${name}, ${Math.ceil(size / 1000).toLocaleString("en")} kB</figcaption>
  </figure>`;
}
